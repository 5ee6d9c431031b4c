import { token } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import { sipDate } from '../base/time.ts'
import { addLast, value } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, cseq, toTag } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { ConfirmedSession } from './confirmed-session.ts'
import { contactUri, Dialog } from './dialog.ts'
import { targetOfCaller } from './peer-side.ts'
import { isRefusal, orRefusal, type Refusal, respondWith } from './refusal.ts'
import { RepeatedSuccess } from './repeated-success.ts'
import { plainAnswer, timerAnswer } from './session-answers.ts'
import { notedContact } from './session-headers.ts'
import { Leg } from './session-leg.ts'
import { type Agreement, agreeAsServer, MIN_SE_S } from './session-timer.ts'
import type { AcceptEvents, AcceptOptions, EndReason, ReceivedRequest, SessionContext } from './session-types.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'

/** A caller that asked for no session timer gets one all the same: a session whose caller is gone without a word must end. */
const AGREED_BY_DEFAULT: Agreement = { seconds: 1800, weRefresh: false }

const TAG_BITS = 80

/** Why an INVITE cannot be accepted, whoever it is for: better known before anything is set up for it. */
export function acceptRefusal(request: SipRequest): Refusal | undefined {
  const result = orRefusal(() => {
    if (toTag(request) !== undefined) return { status: 481 }
    const contact = contactUri(request)
    if (contact === undefined) return { status: 400, reason: 'Missing Contact header' }
    if (!/^sips?$/.test(parseUri(contact).scheme)) return { status: 400, reason: 'Contact is no SIP URI' }
    Dialog.ofServer(request, 'tag')
    if (agreeAsServer(request, AGREED_BY_DEFAULT) !== 'too small') return PASSED
    return { status: 422, headers: [['Min-SE', String(MIN_SE_S)] as const] }
  })
  return isRefusal(result) ? result : undefined
}

const PASSED = {}

interface AcceptedEvents extends AcceptEvents {
  /** Once, before onEnded, when nothing is left to do but to answer what comes late. */
  onOver(now: Now): void
}

/** An INVITE to us that is answered 200 (RFC 3261 13.3.1.4), and what becomes of it. */
export class AcceptedSession {
  readonly callId: string
  readonly localTag: string
  readonly #context: SessionContext
  readonly #transaction: ServerTransaction
  readonly #request: SipRequest
  readonly #options: AcceptOptions
  readonly #events: AcceptedEvents
  #confirmed: ConfirmedSession | undefined
  #success: RepeatedSuccess | undefined
  /** `answered`: the 200 is out and its ACK is not here yet. */
  #state: 'new' | 'answered' | 'confirmed' | 'displaced' | 'ended' = 'new'
  #isByeWanted = false

  constructor(
    context: SessionContext,
    transaction: ServerTransaction,
    request: SipRequest,
    options: AcceptOptions,
    events: AcceptedEvents,
  ) {
    this.#context = context
    this.#transaction = transaction
    this.#request = request
    this.#options = options
    this.#events = events
    this.callId = callId(request)
    this.localTag = token(context.entropy, TAG_BITS)
  }

  get state(): string {
    return this.#state === 'confirmed' ? this.#confirmed!.state : this.#state
  }

  get remoteAllow(): readonly string[] {
    return this.#confirmed?.remoteAllow ?? []
  }

  get remoteContact(): string | undefined {
    return this.#confirmed?.remoteContact ?? notedContact(this.#request)
  }

  /** Answers 200, for an INVITE that `acceptRefusal` has nothing against. */
  start(now: Now): void {
    const context = this.#context
    const { contact, contentType, body, remoteSdp } = this.#options
    const agreement = agreeAsServer(this.#request, AGREED_BY_DEFAULT) as Agreement
    const dialog = Dialog.ofServer(this.#request, this.localTag)
    const leg = new Leg(context, dialog, targetOfCaller(this.#request, this.#transaction.flow))
    const agreed = { leg, contact, contentType, localSdp: body, remoteSdp: remoteSdp ?? this.#request.body }
    this.#confirmed = new ConfirmedSession(context, agreed, (then, why) => this.#end(then, why))
    this.#confirmed.note(this.#request)
    this.#confirmed.refresh.arm(now, agreement)
    this.#state = 'answered'
    const response = this.#answer(now, agreement)
    this.#events.onAnswer?.(now, response)
    this.#success = new RepeatedSuccess(context.timers, this.#transaction, cseq(this.#request).seq, response)
    this.#success.start(now, then => this.#unacknowledged(then))
  }

  /** In place of `start`: gives this answer, or none if the transaction has had one. */
  refuse(now: Now, refusal: Refusal | undefined): void {
    if (refusal) this.#transaction.respond(now, respondWith(now, this.#request, refusal, this.localTag))
    this.#context.timers.set('session refused', now.at, then => this.#end(then, 'refused'))
  }

  /** RFC 3261 15: not before the ACK, or before it is clear that there will be none. */
  bye(now: Now): void {
    this.#isByeWanted = true
    if (this.#state === 'confirmed') this.#bye(now)
  }

  #bye(now: Now): void {
    const request = this.#confirmed?.bye(now)
    if (request) this.#events.onBye?.(now, request)
  }

  /** Gives its place up: the 200 is repeated no more, and should the ACK come after all the caller is hung up on. */
  displace(now: Now): void {
    if (this.#state !== 'answered') return
    this.#success?.stop()
    this.#confirmed?.refresh.stop()
    this.#context.counters.count('sessions_displaced')
    this.#end(now, 'gone')
    this.#state = 'displaced'
  }

  onRequest(now: Now, remoteTag: string, transaction: ReceivedRequest, request: SipRequest): boolean {
    if (this.#confirmed?.leg.dialog.remoteTag !== remoteTag) return false
    if (this.#state === 'displaced' && request.method !== 'BYE')
      transaction.respond(now, plainAnswer(this.#context, request, 481))
    else {
      if (request.method === 'BYE' && this.#confirmed.state === 'confirmed') this.#events.onBye?.(now, request)
      this.#confirmed.onRequest(now, transaction, request)
    }
    return true
  }

  onAck(now: Now, remoteTag: string, request: SipRequest): void {
    if (this.#confirmed?.leg.dialog.remoteTag !== remoteTag) return
    if (this.#success?.seq !== cseq(request).seq) this.#confirmed.onAck(request)
    else if (this.#state === 'displaced') this.#confirmed.failed(now, 'gone')
    else if (this.#state === 'answered') this.#acknowledged(now)
  }

  /** A 2xx to a re-INVITE of ours that no transaction takes any more. */
  onSuccess(now: Now, response: SipResponse): void {
    if (this.#confirmed?.leg.dialog.remoteTag === toTag(response))
      this.#confirmed?.leg.acknowledgeAgain(now, cseq(response).seq)
  }

  #acknowledged(now: Now): void {
    this.#success?.stop()
    this.#state = 'confirmed'
    this.#context.log.info('session accepted', { call_id: this.callId, contact: this.remoteContact })
    this.#events.onConfirmed(now)
    if (this.#isByeWanted) this.#bye(now)
  }

  /** RFC 3261 13.3.1.4: the dialog stands, and is hung up. */
  #unacknowledged(now: Now): void {
    if (this.#state !== 'answered') return
    this.#state = 'confirmed'
    this.#context.counters.count('sessions_unacknowledged')
    if (this.#isByeWanted) this.#bye(now)
    else this.#confirmed?.failed(now, 'gone')
  }

  #end(now: Now, why: EndReason): void {
    if (this.#state === 'ended' || this.#state === 'displaced') return
    this.#state = 'ended'
    this.#success?.stop()
    this.#context.log.info('session ended', { call_id: this.callId, why })
    this.#events.onOver(now)
    this.#events.onEnded(now, why)
  }

  /** DM-INV-04..09; what the owner adds stands in place of ours. */
  #answer(now: Now, agreement: Agreement): SipResponse {
    const { contact, contentType, body, headers } = this.#options
    const response = responseTo(this.#request, 200, undefined, this.localTag)
    response.headers.push(...this.#request.headers.filter(({ key }) => key === 'record-route'))
    addLast(response, 'Contact', contact)
    for (const [name, text] of headers) addLast(response, name, text)
    const ours = [
      ['Server', this.#context.userAgent],
      ['Date', sipDate(now.wall)],
      ...timerAnswer(this.#request, agreement),
    ] as const
    for (const [name, text] of ours)
      if (value(response, name.toLowerCase()) === undefined) addLast(response, name, text)
    addLast(response, 'Content-Type', contentType)
    response.body = body
    return response
  }
}
