import type { Flow } from '../base/flow.ts'
import { isReliable } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import type { Hop } from '../sip/transport.ts'
import { addFirst, remove, set } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'
import type { StoredMessage } from '../store/verbs.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { isAboutOneMessage, isIncapable, type Push, type PushEnd } from './push.ts'
import type { Reach } from './reach.ts'

export interface Requester {
  request(
    now: Now,
    request: SipRequest,
    to: Flow | Hop,
    events: {
      onResponse(now: Now, response: SipResponse): void
      onTimeout(now: Now): void
      onTransportError(now: Now, reason: string): void
    },
  ): unknown
}

/** Unanswered at once over a stream, which keeps their order. */
const STREAM_WINDOW = 8

/**
 * Hands a mailbox over as SIP MESSAGE, as the senders wrote them: From, To, Date, Call-ID, CSeq, Content-Type and body are the
 * stored ones (DM-PSH-04), so a receiver that sees one twice can tell. One at a time over UDP or through a proxy, where two on the
 * way at once could change places.
 */
export class MessagePush implements Push {
  readonly #requester: Requester
  readonly #reader: MailboxReader
  readonly #reach: Reach
  readonly #done: (now: Now, end: PushEnd) => void
  readonly #window: number
  #outstanding = 0
  #delivered = 0
  #setAside = 0
  #isReading = false
  #isEmpty = false
  #stopped: { kind: 'kept' | 'unfit'; why: string } | undefined
  #isOver = false

  constructor(requester: Requester, reader: MailboxReader, reach: Reach, done: (now: Now, end: PushEnd) => void) {
    this.#requester = requester
    this.#reader = reader
    this.#reach = reach
    this.#done = done
    this.#window = isReliable(reach.to.transport) && reach.routes.length === 0 ? STREAM_WINDOW : 1
  }

  start(now: Now): void {
    this.#pump(now)
  }

  stop(now: Now, why: string): void {
    this.#stopped ??= { kind: 'kept', why }
    this.#pump(now)
  }

  #pump(now: Now): void {
    if (this.#isOver || this.#isReading) return
    if (this.#stopped || this.#isEmpty) {
      if (this.#outstanding === 0) this.#finish(now)
      return
    }
    if (this.#outstanding >= this.#window) return
    this.#isReading = true
    this.#reader.take(now, (then, taken) => {
      this.#isReading = false
      if (taken.kind === 'empty') this.#isEmpty = true
      else if (taken.kind === 'failed') this.#stopped ??= { kind: 'kept', why: taken.why }
      else if (!this.#stopped) this.#send(then, taken.message)
      this.#pump(then)
    })
  }

  #send(now: Now, message: StoredMessage): void {
    this.#outstanding++
    this.#requester.request(now, messageFor(message.bytes, this.#reach), this.#reach.to, {
      onResponse: (then, response) => {
        if (response.status >= 200) this.#answered(then, message, response.status, response.reason)
      },
      onTimeout: then => this.#answered(then, message, 408, 'no answer'),
      onTransportError: (then, reason) => this.#answered(then, message, 503, reason),
    })
  }

  #answered(now: Now, message: StoredMessage, status: number, reason: string): void {
    this.#outstanding--
    if (status < 300) {
      this.#delivered++
      this.#reader.confirm(now, message.seq, `${status} to SIP MESSAGE`)
    } else {
      this.#refused(now, message, status, `SIP MESSAGE answered ${status} ${reason}`)
    }
    this.#pump(now)
  }

  #refused(now: Now, message: StoredMessage, status: number, why: string): void {
    const isUnfit = status === 405 || status === 501
    if (!isUnfit && (isAboutOneMessage(status) || isIncapable(status))) {
      this.#setAside++
      this.#reader.setAside(now, message.seq, why)
      return
    }
    this.#stopped ??= { kind: isUnfit ? 'unfit' : 'kept', why }
    this.#reader.postpone(now, message.seq, why)
  }

  #finish(now: Now): void {
    this.#isOver = true
    const { kind, why } = this.#stopped ?? {}
    const delivered = this.#delivered
    if (kind && why !== undefined) this.#done(now, { kind, delivered, why })
    else this.#done(now, { kind: 'done', delivered, setAside: this.#setAside })
  }
}

/** The stored request on its way to one contact: new Request-URI and route; its Via set was the sender's path, not ours. */
export function messageFor(stored: Buffer, reach: Reach): SipRequest {
  const request = parseMessage(stored) as SipRequest
  remove(request, 'via')
  request.uri = reach.uri
  set(request, 'Max-Forwards', '70')
  for (let i = reach.routes.length - 1; i >= 0; i--) addFirst(request, 'Route', reach.routes[i]!)
  return request
}
