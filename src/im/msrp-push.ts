import { type Entropy, randomBelow, token } from '../base/entropy.ts'
import type { Endpoint } from '../base/flow.ts'
import { IM_FEATURE_TAG } from '../base/product.ts'
import type { Now } from '../base/time.ts'
import type { MsrpEndpoint } from '../msrp/endpoint.ts'
import type { MsrpSession } from '../msrp/session.ts'
import { isNumericHost, parseMsrpUri } from '../msrp/uri.ts'
import { acceptsInside, canPush, type PushForm } from '../sdp/accept.ts'
import { type MsrpMedia, readAnswer, takesMessages } from '../sdp/msrp-media.ts'
import { pushOffer } from '../sdp/push-offer.ts'
import type { Resolver } from '../sip/next-hop.ts'
import type { Session, Sessions } from '../sip/session.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import type { StoredMessage } from '../store/verbs.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { addressOf } from './msrp-address.ts'
import { isIncapable, type Push, type PushEnd } from './push.ts'
import { pushBody } from './push-body.ts'
import type { Reach } from './reach.ts'

export interface MsrpPushParts {
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly entropy: Entropy
  /** Where our MSRP listener is reached, for m= and c=. */
  readonly endpoint: Endpoint
  /** Contact URI of this box for that client. */
  readonly contactUri: string
  readonly resolver: Resolver
  /** `sip:store@domain`: who the push is from (DM-DLV, oma-im 10.2). */
  readonly storeUri: string
  readonly sessionExpiresS: number
}

/** Unconfirmed at once: keeps a fast link busy over a round trip, and little RAM behind a slow one. */
const WINDOW = { messages: 16, bytes: 524_288 }

/** A person may have to accept; then CANCEL, and the messages wait. */
const RING_LIMIT_S = 60

/**
 * DM-DLV-03..14, DM-PSH-01..08: INVITE, the whole mailbox in MSRP SENDs, BYE. A message leaves the mailbox when its last chunk was
 * answered 200; what fails for itself (413, 415, ...) is set aside and does not block those behind it.
 */
export class MsrpPush implements Push {
  readonly #parts: MsrpPushParts
  readonly #reader: MailboxReader
  readonly #done: (now: Now, end: PushEnd) => void
  #session: Session | undefined
  #msrp: MsrpSession | undefined
  #form: PushForm = 'message/sip'
  #media: MsrpMedia | undefined
  #outstanding = 0
  #outstandingBytes = 0
  #delivered = 0
  #setAside = 0
  #isReading = false
  #isReady = false
  #isEmpty = false
  #stopped: { kind: 'kept' | 'unfit'; why: string } | undefined
  #isOver = false

  constructor(parts: MsrpPushParts, reader: MailboxReader, done: (now: Now, end: PushEnd) => void) {
    this.#parts = parts
    this.#reader = reader
    this.#done = done
  }

  start(now: Now, reach: Reach): void {
    const { sessions, msrp, entropy, endpoint, contactUri, storeUri, sessionExpiresS } = this.#parts
    this.#msrp = msrp.open(
      {
        onReady: then => {
          this.#isReady = true
          this.#pump(then)
        },
        onClosed: (then, reason) => this.#end(then, 'kept', `MSRP ${reason}`),
      },
      { receives: false, host: endpoint.address },
    )
    const body = pushOffer({
      endpoint,
      path: this.#msrp.localPath,
      sessionId: String(1_000_000_000 + randomBelow(entropy, 4_000_000_000)),
    })
    this.#session = sessions.invite(
      now,
      {
        requestUri: reach.uri,
        to: `<${this.#reader.aor}>`,
        from: `<${storeUri}>`,
        contact: `<${contactUri}>;${IM_FEATURE_TAG};automata`,
        routes: [...reach.routes],
        target: reach.to,
        headers: [
          ['Accept-Contact', `*;${IM_FEATURE_TAG};require;explicit`],
          ['P-Asserted-Identity', `<${storeUri}>`],
        ],
        body,
        contentType: 'application/sdp',
        ringLimitS: RING_LIMIT_S,
        sessionExpiresS,
      },
      {
        onProgress: () => {},
        onAnswered: (then, response) => this.#answered(then, response),
        onRefused: (then, status, reason) => this.#refused(then, status, reason),
        onEnded: (then, why) => this.#left(then, why),
      },
    )
  }

  /** Once messages are on the way their answers are heard first, or the receiver would get them again. */
  stop(now: Now, why: string): void {
    if (!this.#isReady) return this.#end(now, 'kept', why)
    this.#stopped ??= { kind: 'kept', why }
    this.#pump(now)
  }

  #answered(now: Now, response: SipResponse): void {
    const answer = readAnswer(response.body)
    if (answer.kind !== 'accepted') return this.#end(now, 'unfit', `offer answered: ${answer.why}`)
    if (!takesMessages(answer.media)) return this.#end(now, 'kept', `offer answered ${answer.media.direction}`)
    // RFC 4975 8.6: nothing that the peer did not list.
    const form = canPush(answer.media)
    if (!form) return this.#end(now, 'unfit', 'the client takes neither multipart/mixed nor message/cpim')
    this.#form = form
    this.#media = answer.media
    const remotePath = answer.media.path
    if (answer.connects === 'answerer') return this.#msrp?.start(now, { remotePath, role: 'passive' })
    const host = parseMsrpUri(remotePath[0] ?? '')?.host ?? ''
    if (isNumericHost(host)) return this.#msrp?.start(now, { remotePath, role: 'active' })
    addressOf(now, this.#parts.resolver, host, (then, address) => {
      if (address === undefined) return this.#end(then, 'kept', 'the MSRP host of the answer has no address')
      this.#msrp?.start(then, { remotePath, role: 'active', address })
    })
  }

  #refused(now: Now, status: number, reason: string): void {
    this.#session = undefined
    this.#end(now, isIncapable(status) ? 'unfit' : 'kept', `INVITE answered ${status} ${reason}`)
  }

  /** The client hung up, or the session timer did: what it has not confirmed is kept. */
  #left(now: Now, why: string): void {
    this.#session = undefined
    this.#end(now, 'kept', `session ended: ${why}`)
  }

  #pump(now: Now): void {
    if (this.#isOver || this.#isReading || !this.#isReady) return
    if (this.#stopped || this.#isEmpty) {
      if (this.#outstanding === 0) this.#finish(now)
      return
    }
    if (this.#outstanding >= WINDOW.messages || this.#outstandingBytes >= WINDOW.bytes) return
    this.#isReading = true
    this.#reader.take(now, (then, taken) => {
      this.#isReading = false
      if (taken.kind === 'empty') this.#isEmpty = true
      else if (taken.kind === 'failed') this.#stopped ??= { kind: 'kept', why: taken.why }
      else if (!this.#stopped && !this.#isOver) this.#send(then, taken.message)
      this.#pump(then)
    })
  }

  #send(now: Now, message: StoredMessage): void {
    const { contentType, body, length: bytes, wraps } = pushBody(message, this.#form, this.#parts.entropy)
    if (!this.#media || !acceptsInside(this.#media, wraps)) {
      return this.#setOneAside(now, message, `the client does not take ${wraps}`)
    }
    this.#outstanding++
    this.#outstandingBytes += bytes
    this.#msrp?.send(now, { messageId: token(this.#parts.entropy, 80), contentType, body }, (then, outcome) => {
      this.#outstanding--
      this.#outstandingBytes -= bytes
      if ('closed' in outcome) this.#lost(then, message, outcome.closed)
      else this.#sent(then, message, outcome.status)
      this.#pump(then)
    })
  }

  #sent(now: Now, message: StoredMessage, status: number): void {
    if (status === 200) {
      this.#delivered++
      this.#reader.confirm(now, message.seq, '200 to MSRP SEND')
      return
    }
    const why = `MSRP SEND answered ${status}`
    // oma-im 8.2: no answer and no such session speak of the connection, the rest of this message.
    const isLost = status === 408 || status === 481 || status === 506
    const isUnfit = status === 415 && this.#delivered === 0
    if (!isLost && !isUnfit) return this.#setOneAside(now, message, why)
    this.#postpone(now, message, why)
    if (isLost) this.#end(now, 'kept', why)
    else this.#stopped ??= { kind: 'unfit', why }
  }

  #setOneAside(now: Now, message: StoredMessage, why: string): void {
    this.#setAside++
    this.#reader.setAside(now, message.seq, why)
  }

  #lost(now: Now, message: StoredMessage, why: string): void {
    this.#stopped ??= { kind: 'kept', why: `connection lost: ${why}` }
    this.#postpone(now, message, `connection lost: ${why}`)
  }

  #postpone(now: Now, message: StoredMessage, why: string): void {
    this.#reader.postpone(now, message.seq, why)
  }

  #end(now: Now, kind: 'kept' | 'unfit', why: string): void {
    if (this.#isOver) return
    this.#stopped ??= { kind, why }
    this.#finish(now)
  }

  /** DM-PSH-08: BYE after the last answer. */
  #finish(now: Now): void {
    this.#isOver = true
    this.#msrp?.close(now)
    this.#session?.bye(now)
    const delivered = this.#delivered
    if (this.#stopped) this.#done(now, { kind: this.#stopped.kind, delivered, why: this.#stopped.why })
    else this.#done(now, { kind: 'done', delivered, setAside: this.#setAside })
  }
}
