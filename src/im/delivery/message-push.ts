import { isReliable } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import type { ForwardLayer } from '../../sip/forward.ts'
import { wayTo } from '../../sip/request-uri.ts'
import { addLast, remove, set } from '../../sip-parser-lite/access.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { LargeBody, StoredMessage } from '../../store/verbs.ts'
import type { Reach } from '../reach.ts'
import { asStoredMessage, MESSAGE_BODY_MAX } from './large-as-message.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { type ContactPush, isAboutTheReceiver, type PushEnd } from './push.ts'
import { type Answered, PushWindow } from './push-window.ts'
import { readStored } from './stored-request.ts'

/** One datagram's worth, less what our Via and a Route may take. */
const DATAGRAM_BYTES_MAX = 65_507 - 2048

/** Unanswered at once over a stream, which keeps their order; their bytes are bounded by what a page-mode message may have. */
const STREAM_WINDOW = 8

/**
 * Hands a mailbox over as SIP MESSAGE, as the senders wrote them: From, To, Date, Call-ID, CSeq, Content-Type and body are the
 * stored ones (DM-PSH-04), so a receiver that sees one twice can tell. One at a time over UDP or through a proxy, where two on the
 * way at once could change places.
 */
export class MessagePush implements ContactPush {
  readonly #layer: ForwardLayer
  readonly #reader: MailboxReader
  readonly #reach: Reach
  readonly #window: PushWindow

  constructor(layer: ForwardLayer, reader: MailboxReader, reach: Reach, done: (now: Now, end: PushEnd) => void) {
    this.#layer = layer
    this.#reader = reader
    this.#reach = reach
    const messages = isReliable(reach.to.transport) && reach.routes.length === 0 ? STREAM_WINDOW : 1
    const limits = { messages, bytes: Number.POSITIVE_INFINITY }
    this.#window = new PushWindow(reader, limits, (now, message) => this.#send(now, message), done)
  }

  start(now: Now): void {
    this.#window.pump(now)
  }

  stop(now: Now, why: string): void {
    this.#window.stop(now, 'kept', why)
  }

  /** What was sent may have arrived: its answer is waited for, and no other is sent. */
  giveWay(now: Now, why: string): void {
    if (this.#window.delivered === 0) this.stop(now, why)
  }

  #send(now: Now, message: StoredMessage): void {
    if (message.large) this.#sendLarge(now, message, message.large)
    else this.#sendStored(now, message, message.bytes)
  }

  /** DM-PSH-06 for clients that take nothing but SIP MESSAGE: as far as such a one can carry it. */
  #sendLarge(now: Now, message: StoredMessage, { size, contentType }: LargeBody): void {
    const aside = (then: Now, why: string): void => this.#window.answered(then, message, { kind: 'aside', why })
    if (size > MESSAGE_BODY_MAX) return aside(now, `${size} octets are too many for a SIP MESSAGE`)
    this.#window.pause()
    this.#reader.piece({ seq: message.seq, offset: 0, length: size }, (then, body) => {
      if (this.#window.isOver) return
      if (body?.length === size) this.#sendStored(then, message, asStoredMessage(message, contentType, body))
      else aside(then, 'the stored message cannot be read')
      this.#window.resume(then)
    })
  }

  #sendStored(now: Now, message: StoredMessage, stored: Buffer): void {
    const answered = (then: Now, answer: Answered): void => this.#window.answered(then, message, answer)
    const request = messageFor(stored, this.#reach)
    if (!request) return answered(now, { kind: 'aside', why: 'the stored message cannot be read' })
    if (this.#reach.to.transport === 'udp' && stored.length > DATAGRAM_BYTES_MAX)
      return answered(now, { kind: 'aside', why: 'too large for a datagram' })
    this.#layer.request(now, request, this.#reach.to, {
      onResponse: (then, { status, reason }) => {
        if (status >= 200) answered(then, judged(status, reason))
      },
      onTimeout: then => answered(then, { kind: 'silent', why: 'SIP MESSAGE was not answered' }),
      onTransportError: (then, why) => answered(then, { kind: 'kept', why, isDead: true }),
    })
  }
}

function judged(status: number, reason: string): Answered {
  if (status < 300) return { kind: 'delivered', detail: `${status} to SIP MESSAGE` }
  const why = `SIP MESSAGE answered ${status} ${reason}`
  if (status === 405 || status === 501) return { kind: 'unfit', why }
  return { kind: isAboutTheReceiver(status) ? 'silent' : 'aside', why }
}

/** The stored request on its way to one contact: new Request-URI and route; its Via set was the sender's path, not ours. */
function messageFor(stored: Buffer, reach: Reach): SipRequest | undefined {
  const request = readStored(stored)
  if (!request) return undefined
  remove(request, 'via')
  const way = wayTo(reach.uri, reach.routes)
  request.uri = way.uri
  set(request, 'Max-Forwards', '70')
  for (const route of way.routes) addLast(request, 'Route', route)
  return request
}
