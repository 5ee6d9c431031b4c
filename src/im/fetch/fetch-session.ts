import type { Entropy } from '../../base/entropy.ts'
import type { Endpoint } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import { sendAnswer } from '../../sdp/send-answer.ts'
import { freshSessionId } from '../../sdp/session-id.ts'
import { answersSetup } from '../../sdp/stream-answer.ts'
import type { Session, Sessions } from '../../sip/session.ts'
import type { ServerTransaction } from '../../sip/transaction/server-transaction.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { MessageOffer } from '../invite-kind.ts'
import { contactOf } from '../own-addresses.ts'

interface FetchSessionParts {
  readonly sessions: Sessions
  readonly entropy: Entropy
  /** Where our MSRP of the offered kind is reached. */
  readonly endpoint: Endpoint
  readonly localFingerprint?: () => string
  /** Contact URI of this box for that client. */
  readonly contactUri: string
  /** `sip:store@domain`: who answers. */
  readonly storeUri: string
}

/** What goes over the session; it says itself when it has ended, and has closed the stream then. */
export interface FetchSender {
  /** What goes into a=path. */
  readonly localPath: string
  /** Both descriptions are known; `role` is ours. */
  start(now: Now, media: MsrpMedia, role: 'active' | 'passive'): void
  /** Ends at once: no answers will come any more. */
  abort(now: Now, kind: 'kept', why: string): void
  /** Nothing more is sent; it ends when what is under way was answered. */
  stop(now: Now, why: string): void
}

/** A session that somebody asked for to be sent what is theirs: 200 with `sendonly`, whatever the sender sends, BYE. */
export class FetchSession {
  readonly #parts: FetchSessionParts
  readonly #offer: MessageOffer
  readonly #sender: FetchSender
  #dialog: Session | undefined

  /** `makeSender` is told where our end is; it calls `ended` once. */
  constructor(
    parts: FetchSessionParts,
    offer: MessageOffer,
    makeSender: (stream: { transport: 'tcp' | 'tls'; host: string }, ended: (now: Now) => void) => FetchSender,
  ) {
    this.#parts = parts
    this.#offer = offer
    const stream = { transport: offer.media.isSecure ? 'tls' : 'tcp', host: parts.endpoint.address } as const
    this.#sender = makeSender(stream, now => this.#dialog?.bye(now))
  }

  start(now: Now, transaction: ServerTransaction, received: SipRequest): void {
    const { sessions, entropy, endpoint, localFingerprint, contactUri, storeUri } = this.#parts
    const { sdp, media, bytes } = this.#offer
    const body = sendAnswer(sdp, media, {
      endpoint,
      path: this.#sender.localPath,
      sessionId: freshSessionId(entropy),
      ...(media.isSecure && { fingerprint: localFingerprint!() }),
    })
    const role = answersSetup(media.setup)
    const options = {
      contact: contactOf(contactUri),
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
