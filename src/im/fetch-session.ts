import { type Entropy, randomBelow } from '../base/entropy.ts'
import type { Endpoint } from '../base/flow.ts'
import { IM_FEATURE_TAG } from '../base/product.ts'
import type { Now } from '../base/time.ts'
import type { MsrpEndpoint } from '../msrp/endpoint.ts'
import { sendAnswer } from '../sdp/send-answer.ts'
import { answersSetup } from '../sdp/stream-answer.ts'
import type { Resolver } from '../sip/next-hop.ts'
import type { Session, Sessions } from '../sip/session.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { MessageOffer } from './invite-kind.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import { MsrpSender } from './msrp-sender.ts'
import type { Push, PushEnd } from './push.ts'

interface FetchSessionParts {
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly entropy: Entropy
  readonly resolver: Resolver
  /** Where our MSRP of the offered kind is reached. */
  readonly endpoint: Endpoint
  readonly localFingerprint?: () => string
  /** Contact URI of this box for that client. */
  readonly contactUri: string
  /** `sip:store@domain`: who answers. */
  readonly storeUri: string
}

/** A mailbox over a session that its owner asked for: 200 with `sendonly`, what a push would send, BYE. */
export class FetchSession implements Push {
  readonly #parts: FetchSessionParts
  readonly #offer: MessageOffer
  readonly #sender: MsrpSender
  #dialog: Session | undefined

  constructor(
    parts: FetchSessionParts,
    offer: MessageOffer,
    reader: MailboxReader,
    done: (now: Now, end: PushEnd) => void,
  ) {
    this.#parts = parts
    this.#offer = offer
    const transport = offer.media.isSecure ? 'tls' : 'tcp'
    this.#sender = new MsrpSender({ ...parts, transport, host: parts.endpoint.address }, reader, (now, end) => {
      this.#dialog?.bye(now)
      done(now, end)
    })
  }

  start(now: Now, transaction: ServerTransaction, received: SipRequest): void {
    const { sessions, entropy, endpoint, localFingerprint, contactUri, storeUri } = this.#parts
    const { sdp, media, bytes } = this.#offer
    const body = sendAnswer(sdp, media, {
      endpoint,
      path: this.#sender.localPath,
      sessionId: String(1_000_000_000 + randomBelow(entropy, 4_000_000_000)),
      ...(media.isSecure && { fingerprint: localFingerprint!() }),
    })
    const role = answersSetup(media.setup)
    const options = {
      contact: `<${contactUri}>;${IM_FEATURE_TAG};automata`,
      body,
      contentType: 'application/sdp',
      headers: [['P-Asserted-Identity', `<${storeUri}>`] as const],
      remoteSdp: bytes,
    }
    this.#dialog = sessions.accept(now, transaction, received, options, {
      // A client that waits for our connection knows from whom only with the answer.
      onConfirmed: then => {
        if (role === 'active') this.#sender.start(then, media, role)
      },
      onEnded: (then, why) => {
        this.#dialog = undefined
        this.#sender.abort(then, 'kept', `session ended: ${why}`)
      },
    })
    if (role === 'passive') this.#sender.start(now, media, role)
  }

  stop(now: Now, why: string): void {
    this.#sender.stop(now, why)
  }
}
