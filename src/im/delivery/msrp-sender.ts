import { type Entropy, token } from '../../base/entropy.ts'
import type { Now } from '../../base/time.ts'
import type { BodySource } from '../../msrp/message.ts'
import { acceptsInside, canPush, type PushForm } from '../../sdp/accept.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import { pushedAsDetail } from '../../store/story.ts'
import type { LargeBody, StoredMessage } from '../../store/verbs.ts'
import { largePush } from './large-body.ts'
import type { MailboxReader } from './mailbox-reader.ts'
import type { PushEnd } from './push.ts'
import { pushBody } from './push-body.ts'
import { type Answered, PushWindow } from './push-window.ts'
import { type SendingParts, SendingSession } from './sending-session.ts'

interface MsrpSenderParts extends SendingParts {
  readonly entropy: Entropy
}

/** Unconfirmed at once: keeps a fast link busy over a round trip, and little RAM behind a slow one. */
const WINDOW = { messages: 16, bytes: 524_288 }

const UNREADABLE = 'the stored message cannot be read'

/**
 * DM-PSH-01..07: a mailbox as MSRP SENDs, whoever asked for the session that they go in. A message leaves the mailbox when its last
 * chunk was answered 200; what fails for itself (413, 415, ...) is set aside and does not block those behind it.
 */
export class MsrpSender {
  readonly #parts: MsrpSenderParts
  readonly #reader: MailboxReader
  readonly #window: PushWindow
  readonly #session: SendingSession
  #form: PushForm = 'message/sip'
  #media: MsrpMedia | undefined

  /** `ended` comes once, when no answer is outstanding any more; the MSRP session is closed then (DM-PSH-08). */
  constructor(parts: MsrpSenderParts, reader: MailboxReader, ended: (now: Now, end: PushEnd) => void) {
    this.#parts = parts
    this.#reader = reader
    this.#session = new SendingSession(parts, {
      ready: now => this.#window.pump(now),
      failed: (now, kind, why) => this.abort(now, kind, why),
    })
    this.#window = new PushWindow(
      reader,
      WINDOW,
      (now, message) => this.#send(now, message),
      (now, end) => {
        this.#session.close(now)
        ended(now, end)
      },
    )
  }

  /** What goes into a=path. */
  get localPath(): string {
    return this.#session.localPath
  }

  /** Both descriptions are known; `role` is ours. */
  start(now: Now, media: MsrpMedia, role: 'active' | 'passive'): void {
    // RFC 4975 8.6: nothing that the peer did not list.
    const form = canPush(media)
    if (!form) return this.abort(now, 'unfit', 'the client takes neither multipart/mixed nor message/cpim')
    this.#form = form
    this.#media = media
    this.#session.start(now, media, role)
  }

  /** Once messages are on the way their answers are heard first, or the receiver would get them again. */
  stop(now: Now, why: string): void {
    if (this.#session.isReady) this.#window.stop(now, 'kept', why)
    else this.abort(now, 'kept', why)
  }

  /** Ends at once: no answers will come any more. */
  abort(now: Now, kind: 'kept' | 'unfit', why: string, isDead = false): void {
    this.#window.abort(now, kind, why, isDead)
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
    this.#session.send(now, { messageId, contentType, body, successReport }, (then, outcome) => {
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
}
