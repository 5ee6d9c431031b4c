import { token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, cseq, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import { ConfirmedSession } from './confirmed-session.ts'
import { OutgoingInvite } from './outgoing-invite.ts'
import { allowed, notedContact } from './session-headers.ts'
import type { Leg } from './session-leg.ts'
import type { InviteOptions, ReceivedRequest, SessionContext, SessionEvents } from './session-types.ts'
import { TRANSACTION_MS } from './transaction/timer-values.ts'

/** One INVITE of ours and what becomes of it. */
export class Session {
  readonly callId: string
  readonly localTag: string
  readonly #context: SessionContext
  readonly #options: InviteOptions
  readonly #events: SessionEvents
  readonly #onOver: (now: Now) => void
  readonly #invite: OutgoingInvite
  #confirmed: ConfirmedSession | undefined
  #isOver = false
  #early: { allow: readonly string[]; contact: string | undefined } = { allow: [], contact: undefined }

  /** `onOver` comes once, before the last event, when nothing is left to do but repeat ACKs. */
  constructor(context: SessionContext, options: InviteOptions, events: SessionEvents, onOver: (now: Now) => void) {
    this.#context = context
    this.#options = options
    this.#events = events
    this.#onOver = onOver
    this.#invite = new OutgoingInvite(context, options, {
      onProgress: (now, response) => this.#onProgress(now, response),
      onAnswered: (now, response, leg) => this.#onAnswered(now, response, leg),
      onRefused: (now, status, reason, response) => this.#onRefused(now, status, reason, response),
    })
    this.callId = callId(this.#invite.request)
    this.localTag = fromTag(this.#invite.request) ?? ''
  }

  get state(): string {
    return this.#confirmed?.state ?? (this.#isOver ? 'ended' : 'inviting')
  }

  /** Methods that the peer takes, upper case, by the latest message that named them; empty if none did (DM-DLV-13). */
  get remoteAllow(): readonly string[] {
    return this.#confirmed?.remoteAllow ?? this.#early.allow
  }

  /** URI of the peer's Contact: the IM Session Identity once answered (DM-DLV-13). */
  get remoteContact(): string | undefined {
    return this.#confirmed?.remoteContact ?? this.#early.contact
  }

  start(now: Now): void {
    this.#invite.start(now)
  }

  /** In place of `start`. */
  refuse(now: Now, status: number, reason: string): void {
    this.#invite.refuseSoon(now, status, reason)
  }

  /**
   * Hangs up. Before the answer: cancels. onEnded says `local`
   * when the peer has answered the BYE, after 32 s at the latest.
   */
  bye(now: Now): void {
    if (this.#confirmed) this.#confirmed.bye(now)
    else this.#invite.cancel(now)
  }

  /** Gives up before the answer, with onRefused to come; an answer that was faster is hung up. */
  cancel(now: Now): void {
    this.bye(now)
  }

  /** False if the dialog is not ours: another leg of a fork, or none. */
  onRequest(now: Now, remoteTag: string, transaction: ReceivedRequest, request: SipRequest): boolean {
    if (this.#confirmed?.leg.dialog.remoteTag !== remoteTag) return false
    this.#confirmed.onRequest(now, transaction, request)
    return true
  }

  onAck(remoteTag: string, request: SipRequest): void {
    if (this.#confirmed?.leg.dialog.remoteTag === remoteTag) this.#confirmed.onAck(request)
  }

  /** A 2xx that no transaction takes any more: acknowledged again, or for the first time and hung up. */
  onSuccess(now: Now, response: SipResponse): void {
    this.#invite.onSuccess(now, response)
  }

  #onProgress(now: Now, response: SipResponse): void {
    this.#early = {
      allow: allowed(response) ?? this.#early.allow,
      contact: notedContact(response) ?? this.#early.contact,
    }
    this.#events.onProgress?.(now, response)
  }

  #onAnswered(now: Now, response: SipResponse, leg: Leg): void {
    const { contact, contentType, body } = this.#options
    const agreed = { leg, contact, contentType, localSdp: body, remoteSdp: response.body }
    this.#confirmed = new ConfirmedSession(this.#context, agreed, (then, why) => {
      this.#over(then)
      this.#context.log.info('session ended', { callId: this.callId, why })
      this.#events.onEnded(then, why)
    })
    this.#context.counters.count('sessions_answered')
    this.#context.log.info('session answered', { callId: this.callId, contact: notedContact(response) })
    this.#confirmed.begin(now, response)
    this.#events.onAnswered(now, response)
  }

  #onRefused(now: Now, status: number, reason: string, response: SipResponse | undefined): void {
    this.#over(now)
    this.#context.counters.count('sessions_refused', `${Math.floor(status / 100)}xx`)
    this.#context.log.info('session refused', { callId: this.callId, status, reason })
    this.#events.onRefused(now, status, reason, response)
  }

  #over(now: Now): void {
    this.#isOver = true
    this.#onOver(now)
  }
}

/** Each holds some kilobytes and a mailbox under way; the site's delivery limit is below it. */
export const SESSIONS_MAX = 10_000
/** Ended within the last 32 s, to repeat an ACK; the oldest is forgotten first. */
export const LINGERING_MAX = 10_000
/** Sessions that `describe` lists one by one. */
const LISTED_MAX = 100

/** Requests that make no sense outside a session. */
const SESSION_METHODS = new Set(['BYE', 'UPDATE', 'INFO', 'PRACK'])

/** Every session of the appliance: makes them, and finds the one that a message is for. */
export class Sessions {
  readonly #context: SessionContext
  readonly #sessionsMax: number
  readonly #active = new Map<string, Session>()
  readonly #lingering = new Map<string, { readonly session: Session; readonly timer: Timer }>()

  constructor(context: SessionContext, sessionsMax = SESSIONS_MAX) {
    this.#context = context
    this.#sessionsMax = sessionsMax
  }

  /**
   * No event comes before this returns. With too many sessions
   * under way the INVITE is not sent and 503 is its answer.
   */
  invite(now: Now, options: InviteOptions, events: SessionEvents): Session {
    const session: Session = new Session(this.#context, options, events, then => this.#linger(then, session))
    if (this.#active.size >= this.#sessionsMax) {
      session.refuse(now, 503, 'Too many sessions')
      return session
    }
    this.#active.set(keyOf(session.callId, session.localTag), session)
    this.#context.counters.count('sessions_invited')
    session.start(now)
    return session
  }

  /** True if it was answered: it belongs to a session, or it could only belong to one and there is none. */
  onRequest(now: Now, transaction: ReceivedRequest, request: SipRequest): boolean {
    const localTag = toTag(request)
    const session = this.#find(callId(request), localTag)
    if (session?.onRequest(now, fromTag(request) ?? '', transaction, request)) return true
    const isOurs =
      session || SESSION_METHODS.has(request.method) || (request.method === 'INVITE' && localTag !== undefined)
    if (!isOurs) return false
    this.#context.counters.count('session_unknown_dialog')
    transaction.respond(now, responseTo(request, 481, undefined, token(this.#context.entropy, 80)))
    return true
  }

  /** The ACK to a 2xx of ours. */
  onAck(_now: Now, request: SipRequest, _flow?: Flow): void {
    this.#find(callId(request), toTag(request))?.onAck(fromTag(request) ?? '', request)
  }

  /** RFC 3261 13.2.2.4, RFC 6026: a 2xx after its transaction is acknowledged for 32 s; anything else is dropped. */
  onStrayResponse(now: Now, response: SipResponse, _flow?: Flow): void {
    const isSuccess = response.status >= 200 && response.status < 300 && cseq(response).method === 'INVITE'
    const session = isSuccess ? this.#find(callId(response), fromTag(response)) : undefined
    this.#context.counters.count('session_stray_responses', session ? 'session' : 'none')
    session?.onSuccess(now, response)
  }

  describe(): object {
    const sessions = [...this.#active.values()].slice(0, LISTED_MAX).map(session => ({
      callId: session.callId,
      state: session.state,
      remoteContact: session.remoteContact,
    }))
    return { active: this.#active.size, lingering: this.#lingering.size, sessions }
  }

  #find(id: string, localTag: string | undefined): Session | undefined {
    if (localTag === undefined) return undefined
    const key = keyOf(id, localTag)
    return this.#active.get(key) ?? this.#lingering.get(key)?.session
  }

  #linger(now: Now, session: Session): void {
    const key = keyOf(session.callId, session.localTag)
    if (!this.#active.delete(key)) return
    const timer = this.#context.timers.set('session linger', after(now, TRANSACTION_MS), () =>
      this.#lingering.delete(key),
    )
    this.#lingering.set(key, { session, timer })
    if (this.#lingering.size > LINGERING_MAX) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const [key, { timer }] of this.#lingering) {
      this.#context.timers.cancel(timer)
      this.#lingering.delete(key)
      return
    }
  }
}

const keyOf = (id: string, localTag: string): string => `${id}\n${localTag}`
