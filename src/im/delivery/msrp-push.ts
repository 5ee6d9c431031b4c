import type { Entropy } from '../../base/entropy.ts'
import type { Endpoint } from '../../base/flow.ts'
import { IM_FEATURE_TAG } from '../../base/product.ts'
import type { Now } from '../../base/time.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import { readAnswer, takesMessages } from '../../sdp/msrp-media.ts'
import { pushOffer } from '../../sdp/push-offer.ts'
import { freshSessionId } from '../../sdp/session-id.ts'
import { descriptionIn } from '../../sip/body-of-type.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import { wayTo } from '../../sip/request-uri.ts'
import type { Session, Sessions } from '../../sip/session.ts'
import type { SipResponse } from '../../sip-parser-lite/message.ts'
import { contactOf } from '../own-addresses.ts'
import type { Reach } from '../reach.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { MsrpSender } from './msrp-sender.ts'
import { type ContactPush, isIncapable, type PushEnd } from './push.ts'

interface MsrpPushParts {
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

/** A person may have to accept; then CANCEL, and the messages wait. */
const RING_LIMIT_S = 60

/** DM-DLV-03..14, DM-PSH-08: INVITE, the whole mailbox in MSRP SENDs, BYE. */
export class MsrpPush implements ContactPush {
  readonly #parts: MsrpPushParts
  readonly #reader: MailboxReader
  readonly #sender: MsrpSender
  #session: Session | undefined
  #isAnswered = false

  constructor(parts: MsrpPushParts, reader: MailboxReader, done: (now: Now, end: PushEnd) => void) {
    this.#parts = parts
    this.#reader = reader
    this.#sender = new MsrpSender({ ...parts, host: parts.endpoint.address }, reader, (now, end) => {
      this.#session?.bye(now)
      done(now, end)
    })
  }

  start(now: Now, reach: Reach): void {
    const { sessions, entropy, endpoint, transport, contactUri, storeUri, sessionExpiresS } = this.#parts
    const fingerprint = transport === 'tls' ? this.#parts.localFingerprint?.() : undefined
    const body = pushOffer({
      endpoint,
      path: this.#sender.localPath,
      sessionId: freshSessionId(entropy),
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
        contact: contactOf(contactUri),
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
        onAnswered: (then, response) => this.#answered(then, response),
        onRefused: (then, status, reason, response) => this.#refused(then, status, reason, response),
        onEnded: (then, why) => this.#left(then, why),
      },
    )
  }

  stop(now: Now, why: string): void {
    this.#sender.stop(now, why)
  }

  giveWay(now: Now, why: string): void {
    if (!this.#isAnswered) this.#sender.abort(now, 'kept', why)
  }

  #answered(now: Now, response: SipResponse): void {
    this.#isAnswered = true
    const answer = readAnswer(descriptionIn(response) ?? response.body)
    if (answer.kind !== 'accepted') return this.#sender.abort(now, 'unfit', `offer answered: ${answer.why}`)
    const { media, connects } = answer
    if (!takesMessages(media)) return this.#sender.abort(now, 'kept', `offer answered ${media.direction}`)
    this.#sender.start(now, media, connects === 'answerer' ? 'passive' : 'active')
  }

  /** Without a response nobody is there; 503 says as much of itself. */
  #refused(now: Now, status: number, reason: string, response: SipResponse | undefined): void {
    this.#session = undefined
    const isDead = status === 503 && (response === undefined || response.status === 503)
    const kind = isIncapable(status) ? 'unfit' : 'kept'
    this.#sender.abort(now, kind, `INVITE answered ${status} ${reason}`, isDead)
  }

  /** The client hung up, or the session timer did: what it has not confirmed is kept. */
  #left(now: Now, why: string): void {
    this.#session = undefined
    this.#sender.abort(now, 'kept', `session ended: ${why}`)
  }
}
