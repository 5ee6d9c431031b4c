import type { Now } from '../base/time.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { callId, fromTag } from '../sip-parser-lite/typed.ts'
import { descriptionIn } from './body-of-type.ts'
import { ConfirmedSession } from './confirmed-session.ts'
import { OutgoingInvite } from './outgoing-invite.ts'
import { allowed, notedContact } from './session-headers.ts'
import type { Leg } from './session-leg.ts'
import type { InviteOptions, ReceivedRequest, SessionContext, SessionEvents } from './session-types.ts'

/** One INVITE of ours and what becomes of it. */
export class OutgoingSession {
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

  /** As sent last. */
  get request(): SipRequest {
    return this.#invite.request
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
   * when the peer has answered the BYE, after 32 s at the latest. The BYE, if that is what was sent.
   */
  bye(now: Now): SipRequest | undefined {
    if (this.#confirmed) return this.#confirmed.bye(now)
    this.#invite.cancel(now)
    return undefined
  }

  /** Gives up before the answer, with onRefused to come; an answer that was faster is hung up. */
  cancel(now: Now): void {
    this.bye(now)
  }

  /** False if the dialog is not ours: another leg of a fork, or none. */
  onRequest(now: Now, remoteTag: string, transaction: ReceivedRequest, request: SipRequest): boolean {
    if (this.#confirmed?.leg.dialog.remoteTag !== remoteTag) return false
    if (request.method === 'BYE' && this.#confirmed.state === 'confirmed') this.#events.onBye?.(now, request)
    this.#confirmed.onRequest(now, transaction, request)
    return true
  }

  onAck(_now: Now, remoteTag: string, request: SipRequest): void {
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
    const { contact, plain } = this.#options
    const { contentType, body } = plain ?? this.#options
    const remoteSdp = descriptionIn(response) ?? response.body
    const agreed = { leg, contact, contentType, localSdp: body, remoteSdp }
    this.#confirmed = new ConfirmedSession(this.#context, agreed, (then, why) => {
      this.#over(then)
      this.#context.log.info('session ended', { call_id: this.callId, why })
      this.#events.onEnded(then, why)
    })
    this.#context.counters.count('sessions_answered')
    this.#context.log.info('session answered', { call_id: this.callId, contact: notedContact(response) })
    this.#confirmed.begin(now, response)
    this.#events.onAnswered(now, response)
  }

  #onRefused(now: Now, status: number, reason: string, response: SipResponse | undefined): void {
    this.#over(now)
    this.#context.counters.count('sessions_refused', `${Math.floor(status / 100)}xx`)
    this.#context.log.info('session refused', { call_id: this.callId, status, reason })
    this.#events.onRefused(now, status, reason, response)
  }

  #over(now: Now): void {
    this.#isOver = true
    this.#onOver(now)
  }
}
