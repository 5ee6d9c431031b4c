import type { Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import { type BodySource, OutgoingBody } from './body.ts'
import { Coverage } from './coverage.ts'
import { type ByteRange, isIdent } from './frame.ts'
import { CHUNK_BYTES_MAX, FIXED_CHUNK_BYTES_MAX } from './limits.ts'

export type { BodySource } from './body.ts'

export interface OutgoingOptions {
  /** RFC 4975 9 ident, not in use by another unfinished message of the session. */
  readonly messageId: string
  readonly contentType: string
  readonly body: readonly Buffer[] | BodySource
  /** Success needs a success REPORT for every octet besides the answers. */
  readonly successReport?: boolean
  /** `no`: nothing is answered and handed over is as good as it gets; such a message has to fit the window. */
  readonly failureReport?: 'yes' | 'no'
}

export type Outcome =
  | { readonly status: 200 }
  /** The peer's refusal, or 408 for its silence, or our own 4xx or 503 for what could not be tried. */
  | { readonly status: number; readonly reason: string }
  /** The session ended first. */
  | { readonly closed: string }

interface Chunk {
  readonly range: ByteRange
  readonly parts: readonly Buffer[]
  /** Octets in all of them. */
  readonly length: number
  readonly isLast: boolean
}

/** One message on its way out: where it stands and what has been answered. */
export class OutgoingMessage {
  readonly options: OutgoingOptions
  readonly body: OutgoingBody
  readonly #done: (now: Now, outcome: Outcome) => void
  readonly #reported: Coverage
  #offset = 0
  #isAllTaken = false
  #isFinished = false
  /** Chunks sent and not answered. */
  unanswered = 0
  /** Runs while only the success REPORT is missing. */
  reportTimer: Timer | undefined

  /** @param onRead more of a streamed body is there, or it failed */
  constructor(
    options: OutgoingOptions,
    piecesMax: number,
    onRead: (now: Now) => void,
    done: (now: Now, outcome: Outcome) => void,
  ) {
    this.options = options
    this.body = new OutgoingBody(options.body, onRead)
    this.#reported = new Coverage(piecesMax)
    this.#done = done
  }

  get total(): number {
    return this.body.length
  }

  /** Octets not taken yet. */
  get left(): number {
    return this.total - this.#offset
  }

  get isAllTaken(): boolean {
    return this.#isAllTaken
  }

  get isFinished(): boolean {
    return this.#isFinished
  }

  get isReported(): boolean {
    return !this.options.successReport || this.#reported.covers(this.total)
  }

  /** Whether a peer may hold a part of it and wait for the rest. */
  get isHalfTaken(): boolean {
    return this.#offset > 0 && !this.#isAllTaken
  }

  /**
   * What is ready of the body, at least one octet unless it is empty; of a streamed one good until the next is taken. RFC 4975 5.1:
   * longer than 2048 octets means a range end of `*`.
   */
  takeChunk(bytesMax: number): Chunk {
    const start = this.#offset
    const length = Math.min(this.body.ready, bytesMax, CHUNK_BYTES_MAX)
    const parts = this.body.take(length)
    this.#offset += length
    this.#isAllTaken = this.#offset === this.total
    const end = length > FIXED_CHUNK_BYTES_MAX ? undefined : this.#offset
    return { range: { start: start + 1, end, total: this.total }, parts, length, isLast: this.#isAllTaken }
  }

  /** The range of the empty chunk that tells the peer to forget the message. */
  takeAbort(): ByteRange {
    const start = this.#offset + 1
    this.#isAllTaken = true
    return { start, end: undefined, total: this.total }
  }

  /** A success REPORT came; without a range it is about everything. */
  report(range: ByteRange | undefined): void {
    const from = (range?.start ?? 1) - 1
    this.#reported.add(from, Math.min(range?.end ?? this.total, this.total))
  }

  /** The first outcome counts. */
  finish(now: Now, outcome: Outcome): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.body.drop()
    this.#done(now, outcome)
  }
}

/** Why these options cannot be sent, or undefined. */
export const optionsDefect = (options: OutgoingOptions): string | undefined => {
  if (!isIdent(options.messageId)) return 'Message-ID is no ident'
  return /[\r\n]/.test(options.contentType) || options.contentType === ''
    ? 'Content-Type is no header value'
    : undefined
}
