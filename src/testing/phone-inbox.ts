import { token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import { after, type Now } from '../base/time.ts'
import { boundaryOf, parseMultipart } from '../content/multipart.ts'
import type { TransactionUser } from '../sip/transaction/layer.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId, cseq, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import type { LargeCall } from './large-call.ts'
import type { Phone } from './phone.ts'
import { PhoneCall } from './phone-call.ts'
import type { Arrived, Verdict } from './phone-types.ts'
import type { Referring } from './referring.ts'
import type { Watch } from './watch.ts'

/** What reaches a phone: messages over SIP and MSRP, the calls they come in, and what it was asked. */
export class PhoneInbox implements TransactionUser {
  /** In order of arrival; a repetition that the transaction layer knew again is not among them. */
  readonly arrived: Arrived[] = []
  readonly invites: SipRequest[] = []
  readonly calls: PhoneCall[] = []
  /** Those that the phone made itself. */
  readonly largeCalls: LargeCall[] = []
  readonly watches: (Watch | Referring)[] = []
  /** NOTIFYs that it never asked for. */
  readonly unsolicited: SipRequest[] = []
  readonly #phone: Phone

  constructor(phone: Phone) {
    this.#phone = phone
  }

  /** Those that the phone answered with success, in order. */
  get taken(): Arrived[] {
    return this.arrived.filter(({ status }) => typeof status === 'number' && status < 300)
  }

  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    const call = [...this.calls, ...this.largeCalls, ...this.watches].find(each => each.isFor(request))
    if (call) call.onRequest(now, transaction, request)
    else if (toTag(request) !== undefined) this.#respond(now, transaction, 481)
    else if (request.method === 'NOTIFY') this.#unsolicited(now, transaction, request)
    else if (request.method === 'MESSAGE') this.#message(now, transaction, request)
    else if (request.method === 'INVITE') this.#invite(now, transaction, request)
    else this.#respond(now, transaction, request.method === 'OPTIONS' ? 200 : 405)
  }

  #unsolicited(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    this.unsolicited.push(request)
    this.#respond(now, transaction, 200)
  }

  onAck(now: Now, request: SipRequest, _flow: Flow): void {
    this.calls.find(call => call.isFor(request))?.onAck(now)
  }

  onStrayResponse(): void {}

  /** A whole MSRP message of a call; gives the status to answer. */
  msrpMessage(now: Now, contentType: string, wire: Buffer): number {
    const request = innerRequest(contentType, wire)
    const arrived: Arrived = { ...described(now, request), form: 'msrp', contentType, wire, status: 'silence' }
    const verdict = this.#phone.isMsrpMute ? 'silence' : this.#judge(now, arrived)
    if (typeof verdict === 'object') throw new Error('an MSRP answer cannot wait')
    if (verdict === 'silence') {
      this.#phone.isMsrpMute = true
      return 200
    }
    arrived.status = verdict
    return verdict
  }

  #message(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    const contentType = value(request, 'content-type') ?? ''
    const parts = described(now, request)
    const arrived: Arrived = { ...parts, form: 'message', contentType, wire: request.body, status: 'silence' }
    const verdict = this.#judge(now, arrived)
    if (verdict === 'silence') return
    const { status, afterMs } = typeof verdict === 'object' ? verdict : { status: verdict, afterMs: 0 }
    arrived.status = status
    this.later(now, afterMs, then => this.#respond(then, transaction, status))
  }

  #judge(now: Now, arrived: Arrived): Verdict {
    this.arrived.push(arrived)
    return this.#phone.behaviour.message(now, arrived, this.arrived.length)
  }

  #invite(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    this.invites.push(request)
    const verdict = this.#phone.behaviour.invite(now, request, this.invites.length)
    if (verdict.isRinging) this.#respond(now, transaction, 180)
    const { status } = verdict
    if (status === 'silence') return
    let isCancelled = false
    transaction.onCancel = then => {
      isCancelled = true
      this.#respond(then, transaction, 487)
    }
    this.later(now, verdict.afterMs ?? 0, then => {
      if (isCancelled) return
      if (status >= 300) return this.#respond(then, transaction, status)
      const call = new PhoneCall(this.#phone, transaction, request)
      this.calls.push(call)
      call.answer(then, verdict)
    })
  }

  later(now: Now, delayMs: number, run: (now: Now) => void): void {
    if (delayMs === 0) run(now)
    else this.#phone.timers.set('scripted', after(now, delayMs), run)
  }

  #respond(now: Now, transaction: ServerTransaction, status: number): void {
    const tag = token(this.#phone.options.entropy, 40)
    transaction.respond(now, responseTo(transaction.request, status, undefined, tag))
  }
}

type Described = Pick<Arrived, 'at' | 'callId' | 'cseq' | 'fromTag' | 'request' | 'body'>

function described(now: Now, request: SipRequest | undefined): Described {
  if (!request) return { at: now.at, callId: '', cseq: 0, fromTag: '', request, body: Buffer.alloc(0) }
  return {
    at: now.at,
    callId: callId(request),
    cseq: cseq(request).seq,
    fromTag: fromTag(request) ?? '',
    request,
    body: request.body,
  }
}

/** DM-PSH-05, 06: what is inside a pushed multipart/mixed. */
function innerRequest(contentType: string, wire: Buffer): SipRequest | undefined {
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return undefined
  const parts = parseMultipart(wire, boundary)
  const bodyOf = (type: string): Buffer | undefined =>
    parts.find(({ headers }) => headers.some(([name, text]) => name === 'content-type' && text.startsWith(type)))?.body
  const fragment = bodyOf('message/sipfrag')
  const large = bodyOf('message/msrpfrag')
  if (fragment && large) return withContent(fragment, large)
  if (fragment) return parseMessage(withVia(fragment)) as SipRequest
  const whole = bodyOf('message/sip')
  return whole && (parseMessage(whole) as SipRequest)
}

/** A fragment gets what a whole message must have. */
function withVia(fragment: Buffer): Buffer {
  const lineEnd = fragment.indexOf('\r\n') + 2
  const via = Buffer.from('Via: SIP/2.0/TCP fragment.invalid;branch=z9hG4bKfragment\r\n')
  return Buffer.concat([fragment.subarray(0, lineEnd), via, fragment.subarray(lineEnd)])
}

/** The INVITE's headers with the content and the headers of the SEND. */
function withContent(sipfrag: Buffer, msrpfrag: Buffer): SipRequest {
  const [start = '', ...lines] = msrpfrag.toString('latin1', 0, msrpfrag.indexOf('\r\n\r\n')).split('\r\n')
  const body = msrpfrag.subarray(msrpfrag.indexOf('\r\n\r\n') + 4, msrpfrag.lastIndexOf('\r\n-------'))
  const end = `\r\n-------${start.split(' ')[1]}$\r\n`
  if (!msrpfrag.subarray(-end.length).equals(Buffer.from(end))) throw new Error('msrpfrag without its end-line')
  const rest = ['CSeq: 1 INVITE', ...lines, `Content-Length: 0`, '', ''].join('\r\n')
  const request = parseMessage(Buffer.concat([withVia(sipfrag), Buffer.from(rest, 'latin1')])) as SipRequest
  request.body = body
  return request
}
