import { token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, cseq, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import { AcceptedSession, acceptRefusal } from './accepted-session.ts'
import { OutgoingSession } from './outgoing-session.ts'
import type {
  AcceptEvents,
  AcceptOptions,
  InviteOptions,
  ReceivedRequest,
  SessionContext,
  SessionEvents,
} from './session-types.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'
import { TRANSACTION_MS } from './transaction/timer-values.ts'

/** One session, whoever sent its INVITE. */
export interface Session {
  readonly callId: string
  readonly localTag: string
  readonly state: string
  /** Methods that the peer takes, upper case, by the latest message that named them; empty if none did (DM-DLV-13). */
  readonly remoteAllow: readonly string[]
  /** URI of the peer's Contact (DM-INV-02, DM-DLV-13). */
  readonly remoteContact: string | undefined
  /** Hangs up; onEnded says `local` when the peer has answered the BYE, after 32 s at the latest. */
  bye(now: Now): void
}

/** What the table needs of either kind. */
interface Entry extends Session {
  onRequest(now: Now, remoteTag: string, transaction: ReceivedRequest, request: SipRequest): boolean
  onAck(now: Now, remoteTag: string, request: SipRequest): void
  onSuccess(now: Now, response: SipResponse): void
}

/** Each holds some kilobytes and a mailbox under way; the site's delivery limit is below it. */
const SESSIONS_MAX = 10_000
/** Ended within the last 32 s, to repeat an ACK; the oldest is forgotten first. */
const LINGERING_MAX = 10_000
/** Sessions that `describe` lists one by one. */
const LISTED_MAX = 100

/** Requests that make no sense outside a session. */
const SESSION_METHODS = new Set(['BYE', 'UPDATE', 'INFO', 'PRACK'])

/** Every session of the appliance: makes them, and finds the one that a message is for. */
export class Sessions {
  readonly #context: SessionContext
  readonly #sessionsMax: number
  readonly #active = new Map<string, Entry>()
  readonly #lingering = new Map<string, { readonly session: Entry; readonly timer: Timer }>()
  /** Those of the active ones that we answered and that wait for the ACK, oldest first. */
  readonly #unconfirmed = new Set<AcceptedSession>()

  constructor(context: SessionContext, sessionsMax = SESSIONS_MAX) {
    this.#context = context
    this.#sessionsMax = sessionsMax
  }

  /**
   * No event comes before this returns. With too many sessions
   * under way the INVITE is not sent and 503 is its answer.
   */
  invite(now: Now, options: InviteOptions, events: SessionEvents): OutgoingSession {
    const session: OutgoingSession = new OutgoingSession(this.#context, options, events, then =>
      this.#linger(then, session),
    )
    if (this.#active.size >= this.#sessionsMax) {
      session.refuse(now, 503, 'Too many sessions')
      return session
    }
    this.#active.set(keyOf(session.callId, session.localTag), session)
    this.#context.counters.count('sessions_invited')
    session.start(now)
    return session
  }

  /**
   * RFC 3261 13.3.1.4: answers an INVITE 200, under a To tag of its own. One that cannot be accepted gets the failure that
   * `acceptRefusal` names, and one that was answered meanwhile (CANCEL) nothing; both end with `refused`. With too many sessions
   * under way the oldest that was not acknowledged makes room, or else the answer is 503.
   */
  accept(
    now: Now,
    transaction: ServerTransaction,
    request: SipRequest,
    options: AcceptOptions,
    events: AcceptEvents,
  ): Session {
    const session: AcceptedSession = new AcceptedSession(this.#context, transaction, request, options, {
      onAnswer: (then, response) => events.onAnswer?.(then, response),
      onConfirmed: then => {
        this.#unconfirmed.delete(session)
        events.onConfirmed(then)
      },
      onOver: then => {
        this.#unconfirmed.delete(session)
        this.#linger(then, session)
      },
      onBye: (then, bye) => events.onBye?.(then, bye),
      onEnded: (then, why) => events.onEnded(then, why),
    })
    const refusal = acceptRefusal(request) ?? (this.#hasRoom(now) ? undefined : { status: 503 })
    if (refusal || transaction.state !== 'proceeding') {
      session.refuse(now, refusal)
      return session
    }
    this.#active.set(keyOf(session.callId, session.localTag), session)
    this.#unconfirmed.add(session)
    this.#context.counters.count('sessions_accepted')
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
  onAck(now: Now, request: SipRequest, _flow?: Flow): void {
    this.#find(callId(request), toTag(request))?.onAck(now, fromTag(request) ?? '', request)
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

  /** Callers that never acknowledge shall not keep those out who do. */
  #hasRoom(now: Now): boolean {
    if (this.#active.size < this.#sessionsMax) return true
    const [oldest] = this.#unconfirmed
    oldest?.displace(now)
    return oldest !== undefined
  }

  #find(id: string, localTag: string | undefined): Entry | undefined {
    if (localTag === undefined) return undefined
    const key = keyOf(id, localTag)
    return this.#active.get(key) ?? this.#lingering.get(key)?.session
  }

  #linger(now: Now, session: Entry): void {
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
