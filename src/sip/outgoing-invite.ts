import type { Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import { addLast, remove, set, value } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { cseq, toTag } from '../sip-parser-lite/typed.ts'
import { Dialog } from './dialog.ts'
import { ownRequest } from './own-request.ts'
import { ALLOW, tolerantly } from './session-headers.ts'
import { isFinal, isSuccess, Leg } from './session-leg.ts'
import { readMinSe } from './session-timer.ts'
import type { InviteOptions, SentRequest, SessionContext } from './session-types.ts'
import { TRANSACTION_MS } from './transaction/timer-values.ts'

interface InviteOutcome {
  onProgress(now: Now, response: SipResponse): void
  /** The first 2xx, acknowledged. */
  onAnswered(now: Now, response: SipResponse, leg: Leg): void
  onRefused(now: Now, status: number, reason: string, response: SipResponse | undefined): void
}

/** A proxy forks to the contacts of one user; more than these answer only in an attack (RFC 3261 13.2.2.4). */
const LEGS_MAX = 10

/** RFC 3261 13.2: an INVITE of ours until its final answer, and after that for as long as a 2xx may come again. */
export class OutgoingInvite {
  readonly #context: SessionContext
  readonly #options: InviteOptions
  readonly #outcome: InviteOutcome
  readonly #legs = new Map<string, Leg>()
  #request: SipRequest
  #sent: SentRequest | undefined
  #isOver = false
  #isCancelWanted = false
  #isMinSeTried = false
  #isPlainTried = false
  #limit: Timer | undefined

  constructor(context: SessionContext, options: InviteOptions, outcome: InviteOutcome) {
    this.#context = context
    this.#options = options
    this.#outcome = outcome
    this.#request = composeInvite(context, options)
  }

  get request(): SipRequest {
    return this.#request
  }

  start(now: Now): void {
    const limit = after(now, this.#options.ringLimitS * 1000)
    this.#limit = this.#context.timers.set('session ring', limit, then => this.cancel(then))
    this.#send(now)
  }

  /** In place of `start`: ends what is never sent, later, so that the owner holds the session by then. */
  refuseSoon(now: Now, status: number, reason: string): void {
    this.#context.timers.set('session refused', now.at, then => this.#refuse(then, status, reason, undefined))
  }

  /** RFC 3261 9.1: the CANCEL waits for a provisional response, and a final one may still win. */
  cancel(now: Now): void {
    if (this.#isOver || this.#isCancelWanted) return
    this.#isCancelWanted = true
    this.#context.timers.cancel(this.#limit)
    this.#limit = this.#context.timers.set('session cancel', after(now, TRANSACTION_MS), then => this.#abandon(then))
    this.#sent?.cancel(now)
  }

  /** RFC 3261 13.2.2.4: a 2xx to this INVITE, the first from somewhere or again. */
  onSuccess(now: Now, response: SipResponse): void {
    const tag = toTag(response) ?? ''
    const { seq } = cseq(response)
    const known = this.#legs.get(tag)
    if (known) known.acknowledgeAgain(now, seq)
    else if (this.#legs.size >= LEGS_MAX || seq !== cseq(this.#request).seq)
      this.#context.counters.count('session_forks_dropped')
    else this.#onNewLeg(now, tag, seq, response)
  }

  #onNewLeg(now: Now, tag: string, seq: number, response: SipResponse): void {
    const { dialog, isSound } = this.#dialogOf(response)
    const leg = new Leg(this.#context, dialog, this.#options.target)
    this.#legs.set(tag, leg)
    leg.acknowledge(now, seq)
    if (!this.#isOver && !this.#isCancelWanted && isSound) {
      this.#end()
      this.#outcome.onAnswered(now, response, leg)
      return
    }
    this.#context.counters.count('session_unwanted_answers')
    leg.bye(now)
    if (isSound) this.#refuse(now, 487, 'Request Terminated', undefined)
    else this.#refuse(now, 502, 'Malformed 2xx', response)
  }

  #send(now: Now): void {
    const request = this.#request
    this.#sent = this.#context.layer.request(now, request, this.#options.target, {
      onResponse: (then, response) => tolerantly(this.#context, () => this.#onResponse(then, response)),
      onTimeout: then => this.#refuse(then, 408, 'Request Timeout', undefined),
      onTransportError: (then, reason) => this.#refuse(then, 503, reason, undefined),
    })
  }

  #onResponse(now: Now, response: SipResponse): void {
    if (isSuccess(response)) this.onSuccess(now, response)
    else if (this.#isOver) return
    else if (!isFinal(response)) {
      if (response.status > 100) this.#outcome.onProgress(now, response)
    } else if (!this.#retry(now, response)) this.#refuse(now, response.status, response.reason, response)
  }

  #retry(now: Now, response: SipResponse): boolean {
    if (this.#isCancelWanted) return false
    if (response.status === 422) return this.#retryWithMinSe(now, response)
    return response.status === 415 && this.#retryPlain(now)
  }

  /** RFC 4028 7.3: once more, with the interval that the peer or a proxy wants, in the same call. */
  #retryWithMinSe(now: Now, response: SipResponse): boolean {
    const minSe = readMinSe(response)
    if (this.#isMinSeTried || this.#options.sessionExpiresS === 0) return false
    this.#isMinSeTried = true
    this.#sendAgain(now, request => {
      set(request, 'Session-Expires', `${Math.max(minSe, this.#options.sessionExpiresS)};refresher=uac`)
      set(request, 'Min-SE', String(minSe))
    })
    return true
  }

  /** RFC 3261 21.4.13: once more, with the description alone. */
  #retryPlain(now: Now): boolean {
    const { plain } = this.#options
    if (!plain || this.#isPlainTried) return false
    this.#isPlainTried = true
    this.#sendAgain(now, request => {
      set(request, 'Content-Type', plain.contentType)
      request.body = plain.body
    })
    return true
  }

  /** RFC 3261 8.1.3.5: the same call, the next number. */
  #sendAgain(now: Now, change: (request: SipRequest) => void): void {
    const request: SipRequest = { ...this.#request, headers: [...this.#request.headers] }
    remove(request, 'via')
    change(request)
    set(request, 'CSeq', `${cseq(request).seq + 1} INVITE`)
    this.#request = request
    this.#send(now)
  }

  /**
   * Tags and URIs of a peer that cannot write them are still good for an ACK and a BYE the way that the INVITE went.
   */
  #dialogOf(response: SipResponse): { dialog: Dialog; isSound: boolean } {
    try {
      return { dialog: Dialog.ofClient(this.#request, response), isSound: true }
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error
      const headers = response.headers.filter(({ key }) => key !== 'contact' && key !== 'record-route')
      return { dialog: Dialog.ofClient(this.#request, { ...response, headers }), isSound: false }
    }
  }

  #abandon(now: Now): void {
    this.#sent?.abandon()
    this.#refuse(now, 487, 'Request Terminated', undefined)
  }

  #refuse(now: Now, status: number, reason: string, response: SipResponse | undefined): void {
    if (this.#isOver) return
    this.#end()
    this.#outcome.onRefused(now, status, reason, response)
  }

  #end(): void {
    this.#isOver = true
    this.#context.timers.cancel(this.#limit)
  }
}

function composeInvite(context: SessionContext, options: InviteOptions): SipRequest {
  const { contact, headers = [], body, contentType, sessionExpiresS } = options
  const request = ownRequest('INVITE', options, body, context.entropy)
  addLast(request, 'Contact', contact)
  for (const [name, text] of headers) addLast(request, name, text)
  addIfAbsent(request, 'Allow', ALLOW)
  addIfAbsent(request, 'Supported', 'timer')
  addIfAbsent(request, 'User-Agent', context.userAgent)
  if (sessionExpiresS > 0) set(request, 'Session-Expires', `${sessionExpiresS};refresher=uac`)
  addLast(request, 'Content-Type', contentType)
  return request
}

function addIfAbsent(request: SipRequest, name: string, text: string): void {
  if (value(request, name.toLowerCase()) === undefined) addLast(request, name, text)
}
