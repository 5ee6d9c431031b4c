import { type Entropy, randomBelow, token } from '../base/entropy.ts'
import type { Endpoint } from '../base/flow.ts'
import { IM_FEATURE_TAG } from '../base/product.ts'
import type { Now } from '../base/time.ts'
import type { MsrpEndpoint } from '../msrp/endpoint.ts'
import type { BodySource } from '../msrp/message.ts'
import type { MsrpSession, MsrpStart } from '../msrp/session.ts'
import { isNumericHost, parseMsrpUri } from '../msrp/uri.ts'
import { acceptsInside, canPush, type PushForm } from '../sdp/accept.ts'
import { usableFingerprints } from '../sdp/fingerprint.ts'
import { type MsrpMedia, readAnswer, takesMessages } from '../sdp/msrp-media.ts'
import { pushOffer } from '../sdp/push-offer.ts'
import type { Resolver } from '../sip/next-hop.ts'
import { wayTo } from '../sip/request-uri.ts'
import type { Session, Sessions } from '../sip/session.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { pushedAsDetail } from '../store/story.ts'
import type { LargeBody, StoredMessage } from '../store/verbs.ts'
import { largePush } from './large-body.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { addressOf } from './msrp-address.ts'
import { isIncapable, type Push, type PushEnd } from './push.ts'
import { pushBody } from './push-body.ts'
import { type Answered, PushWindow } from './push-window.ts'
import type { Reach } from './reach.ts'

export interface MsrpPushParts {
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly entropy: Entropy
  /** Where our MSRP listener is reached, for m= and c=. */
  readonly endpoint: Endpoint
  readonly transport: 'tcp' | 'tls'
  readonly localFingerprint?: () => string
  /** Contact URI of this box for that client. */
  readonly contactUri: string
  readonly resolver: Resolver
  /** `sip:store@domain`: who the push is from (DM-DLV, docs/protocol.md). */
  readonly storeUri: string
  readonly sessionExpiresS: number
}

/** Unconfirmed at once: keeps a fast link busy over a round trip, and little RAM behind a slow one. */
const WINDOW = { messages: 16, bytes: 524_288 }

const UNREADABLE = 'the stored message cannot be read'

/** A person may have to accept; then CANCEL, and the messages wait. */
const RING_LIMIT_S = 60

/**
 * DM-DLV-03..14, DM-PSH-01..08: INVITE, the whole mailbox in MSRP SENDs, BYE. A message leaves the mailbox when its last chunk was
 * answered 200; what fails for itself (413, 415, ...) is set aside and does not block those behind it.
 */
export class MsrpPush implements Push {
  readonly #parts: MsrpPushParts
  readonly #reader: MailboxReader
  readonly #window: PushWindow
  #session: Session | undefined
  #msrp: MsrpSession | undefined
  #form: PushForm = 'message/sip'
  #media: MsrpMedia | undefined
  #isReady = false

  constructor(parts: MsrpPushParts, reader: MailboxReader, done: (now: Now, end: PushEnd) => void) {
    this.#parts = parts
    this.#reader = reader
    this.#window = new PushWindow(
      reader,
      WINDOW,
      (now, message) => this.#send(now, message),
      (now, end) => {
        this.#hangUp(now)
        done(now, end)
      },
    )
  }

  start(now: Now, reach: Reach): void {
    const { sessions, msrp, entropy, endpoint, transport, contactUri, storeUri, sessionExpiresS } = this.#parts
    const fingerprint = transport === 'tls' ? this.#parts.localFingerprint?.() : undefined
    this.#msrp = msrp.open(
      {
        onReady: then => {
          this.#isReady = true
          this.#window.pump(then)
        },
        onClosed: (then, reason) => this.#window.abort(then, 'kept', `MSRP ${reason}`),
      },
      { receives: false, transport, host: endpoint.address },
    )
    const body = pushOffer({
      endpoint,
      path: this.#msrp.localPath,
      sessionId: String(1_000_000_000 + randomBelow(entropy, 4_000_000_000)),
      isSecure: transport === 'tls',
      ...(fingerprint !== undefined && { fingerprint }),
    })
    const way = wayTo(reach.uri, reach.routes)
    this.#session = sessions.invite(
      now,
      {
        requestUri: way.uri,
        to: `<${this.#reader.aor}>`,
        from: `<${storeUri}>`,
        contact: `<${contactUri}>;${IM_FEATURE_TAG};automata`,
        routes: way.routes,
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
        onRefused: (then, status, reason, response) => this.#refused(then, status, reason, response),
        onEnded: (then, why) => this.#left(then, why),
      },
    )
  }

  /** Once messages are on the way their answers are heard first, or the receiver would get them again. */
  stop(now: Now, why: string): void {
    if (this.#isReady) this.#window.stop(now, 'kept', why)
    else this.#window.abort(now, 'kept', why)
  }

  #answered(now: Now, response: SipResponse): void {
    const answer = readAnswer(response.body)
    if (answer.kind !== 'accepted') return this.#window.abort(now, 'unfit', `offer answered: ${answer.why}`)
    const { media } = answer
    if (!takesMessages(media)) return this.#window.abort(now, 'kept', `offer answered ${media.direction}`)
    // RFC 4975 8.6: nothing that the peer did not list.
    const form = canPush(media)
    if (!form) return this.#window.abort(now, 'unfit', 'the client takes neither multipart/mixed nor message/cpim')
    this.#form = form
    this.#media = media
    const fingerprints = usableFingerprints(media.fingerprints)
    // RFC 4975 14.4: nothing else says whose certificate it has to be.
    if (this.#parts.transport === 'tls' && !fingerprints)
      return this.#window.abort(now, 'unfit', 'offer of TLS answered without a usable a=fingerprint')
    const peer = { remotePath: media.path, ...(fingerprints && { fingerprints }) }
    if (answer.connects === 'answerer') this.#msrp?.start(now, { ...peer, role: 'passive' })
    else this.#connect(now, peer)
  }

  #connect(now: Now, peer: Pick<MsrpStart, 'remotePath' | 'fingerprints'>): void {
    const host = parseMsrpUri(peer.remotePath[0] ?? '')?.host ?? ''
    if (isNumericHost(host)) return this.#msrp?.start(now, { ...peer, role: 'active' })
    addressOf(now, this.#parts.resolver, host, (then, address) => {
      if (address === undefined) this.#window.abort(then, 'kept', 'the MSRP host of the answer has no address')
      else this.#msrp?.start(then, { ...peer, role: 'active', address })
    })
  }

  /** Without a response nobody is there; 503 says as much of itself. */
  #refused(now: Now, status: number, reason: string, response: SipResponse | undefined): void {
    this.#session = undefined
    const isDead = status === 503 && (response === undefined || response.status === 503)
    const kind = isIncapable(status) ? 'unfit' : 'kept'
    this.#window.abort(now, kind, `INVITE answered ${status} ${reason}`, isDead)
  }

  /** The client hung up, or the session timer did: what it has not confirmed is kept. */
  #left(now: Now, why: string): void {
    this.#session = undefined
    this.#window.abort(now, 'kept', `session ended: ${why}`)
  }

  #send(now: Now, message: StoredMessage): void {
    if (message.large) return this.#sendLarge(now, { ...message, large: message.large })
    const push = pushBody(message, this.#form, this.#parts.entropy)
    if (push) this.#sendBody(now, message, push)
    else this.#window.answered(now, message, { kind: 'aside', why: UNREADABLE })
  }

  /** Read as it is sent; what has to be read to know how does not let those behind it overtake. */
  #sendLarge(now: Now, message: StoredMessage & { readonly large: LargeBody }): void {
    const { entropy } = this.#parts
    this.#window.pause()
    largePush(now, message, this.#media!, { reader: this.#reader, entropy }, (then, push) => {
      if (this.#window.isOver) return
      if ('why' in push) this.#window.answered(then, message, { kind: 'aside', ...push })
      else this.#sendBody(then, message, push, () => push.body.hasFailed)
      this.#window.resume(then)
    })
  }

  /** `hasFailed`: the body could not be read to its end. */
  #sendBody(
    now: Now,
    message: StoredMessage,
    { contentType, body, wraps }: { contentType: string; body: readonly Buffer[] | BodySource; wraps: string },
    hasFailed = () => false,
  ): void {
    const answered = (then: Now, answer: Answered): void => this.#window.answered(then, message, answer)
    if (!this.#media || !acceptsInside(this.#media, wraps))
      return answered(now, { kind: 'aside', why: `the client does not take ${wraps}`, isUnfit: true })
    const messageId = token(this.#parts.entropy, 80)
    // RFC 4976: a relay answers for itself, so the receiver's own success is a report.
    const successReport = this.#media.path.length > 1
    this.#msrp?.send(now, { messageId, contentType, body, successReport }, (then, outcome) => {
      if ('closed' in outcome) answered(then, { kind: 'kept', why: `connection lost: ${outcome.closed}` })
      else if (hasFailed()) answered(then, { kind: 'aside', why: UNREADABLE })
      else answered(then, this.#judged(outcome.status, messageId))
    })
  }

  /** docs/protocol.md: no answer and no such session speak of the connection, the rest of this message. */
  #judged(status: number, messageId: string): Answered {
    if (status === 200) return { kind: 'delivered', detail: `200 to MSRP SEND, ${pushedAsDetail(messageId)}` }
    const why = `MSRP SEND answered ${status}`
    if (status === 408) return { kind: 'silent', why }
    if (status === 481 || status === 506) return { kind: 'kept', why }
    return { kind: 'aside', why, isUnfit: status === 415 }
  }

  /** DM-PSH-08: BYE after the last answer. */
  #hangUp(now: Now): void {
    this.#msrp?.close(now)
    this.#session?.bye(now)
  }
}
