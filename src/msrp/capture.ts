import type { Now } from '../base/time.ts'
import type { AnswerChunk, ChunkReceiver } from './assembly.ts'
import { Batch } from './batch.ts'
import { type ContinuationFlag, encodeEndLine, type MsrpHead } from './frame.ts'
import { Progress } from './progress.ts'
import { encodeReceived } from './wire.ts'

/** A piece is given when this much of the body is in it: with the longest head it stays below 64 KiB. */
const PIECE_BYTES = 32 * 1024

/** Cuts each SEND as it was received into pieces of at most 65,536 octets, in order, the last one with its end-line. */
export class Capture {
  readonly #onPiece: (now: Now, bytes: Buffer, isEnd: boolean) => void
  #batch = new Batch()
  #head: MsrpHead | undefined
  #bodyBytes = 0

  constructor(onPiece: (now: Now, bytes: Buffer, isEnd: boolean) => void) {
    this.#onPiece = onPiece
  }

  begin(head: MsrpHead): void {
    this.#batch = new Batch()
    this.#batch.text(encodeReceived(head))
    this.#head = head
    this.#bodyBytes = 0
  }

  add(now: Now, bytes: Buffer): void {
    if (!this.#head) return
    for (let from = 0; from < bytes.length; ) {
      if (this.#bodyBytes === PIECE_BYTES) {
        this.#bodyBytes = 0
        this.#onPiece(now, this.#batch.take(), false)
      }
      const part = bytes.subarray(from, from + PIECE_BYTES - this.#bodyBytes)
      this.#batch.bytes(part)
      this.#bodyBytes += part.length
      from += part.length
    }
  }

  end(now: Now, flag: ContinuationFlag): void {
    const head = this.#head
    if (!head) return
    this.#head = undefined
    this.#batch.text(encodeEndLine(head.transactionId, flag, head.hasBody))
    this.#onPiece(now, this.#batch.take(), true)
  }

  /** The request is not taken after all: it has no end. */
  drop(): void {
    this.#head = undefined
    this.#batch = new Batch()
  }
}

interface CapturingEvents {
  /**
   * 1 to 65,536 octets of a SEND as it was received, the listener's to keep. Call `safe` once when they are where they have to be, now or
   * later: the SEND is answered after all its pieces are. Every piece has to be called safe, or the session is held for good.
   */
  onPiece(now: Now, piece: { readonly bytes: Buffer; readonly isEnd: boolean }, safe: (now: Now) => void): void
  /** Pass it on to `MsrpSession.hold`. */
  onHold(now: Now, isHeld: boolean): void
}

/** Octets given and not yet safe: from here on nothing is read. What a fast line brings while one commit is flushed. */
const UNSAFE_BYTES_MAX = 1024 * 1024

/** SENDs of which not all is safe: twice the window of a sender of many small ones. */
const UNANSWERED_MAX = 128

/** Unfinished messages whose length is known of, so that success can be reported of the whole. */
const MESSAGES_MAX = 16

/** Separate pieces of one message. */
const PARTS_MAX = 64

/** One SEND of which some is not safe. */
interface Arriving {
  unsafe: number
  isEnded: boolean
  answer: ((now: Now) => void) | undefined
}

/**
 * Receives a session of which we are an end without putting messages together: every SEND is given as it came, in pieces, and answered
 * 200 when the listener says that it is safe. `new CapturingReceiver(...)` goes into `receiver` of `MsrpEndpoint.open`.
 */
export class CapturingReceiver implements ChunkReceiver {
  readonly #events: CapturingEvents
  readonly #capture: Capture
  readonly #messages = new Map<string, Progress>()
  #current: { readonly head: MsrpHead; readonly arriving: Arriving } | undefined
  #offset = 0
  #unsafeBytes = 0
  #unanswered = 0
  #isHeld = false
  #isOver = false

  constructor(events: CapturingEvents) {
    this.#events = events
    this.#capture = new Capture((now, bytes, isEnd) => this.#give(now, bytes, isEnd))
  }

  begin(_now: Now, head: MsrpHead): number {
    this.#current = { head, arriving: { unsafe: 0, isEnded: false, answer: undefined } }
    this.#offset = (head.byteRange?.start ?? 1) - 1
    this.#unanswered++
    this.#capture.begin(head)
    return 200
  }

  data(now: Now, bytes: Buffer): number {
    this.#progress()?.add(this.#offset, this.#offset + bytes.length)
    this.#offset += bytes.length
    this.#capture.add(now, bytes)
    return 200
  }

  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    const { head, arriving } = this.#current!
    const total = this.#completedBy(head, flag)
    arriving.answer = then => answer(then, 200, total)
    this.#capture.end(now, flag)
    arriving.isEnded = true
    this.#current = undefined
    this.#settle(now, arriving)
    this.#checkRoom(now)
  }

  abandon(): void {
    this.#isOver = true
    this.#current = undefined
    this.#messages.clear()
    this.#capture.drop()
  }

  #give(now: Now, bytes: Buffer, isEnd: boolean): void {
    const { arriving } = this.#current!
    const { length } = bytes
    let isSafe = false
    arriving.unsafe++
    this.#unsafeBytes += length
    this.#checkRoom(now)
    this.#events.onPiece(now, { bytes, isEnd }, then => {
      if (isSafe) return
      isSafe = true
      arriving.unsafe--
      this.#unsafeBytes -= length
      this.#settle(then, arriving)
      this.#checkRoom(then)
    })
  }

  #settle(now: Now, arriving: Arriving): void {
    if (!arriving.isEnded || arriving.unsafe > 0) return
    const { answer } = arriving
    arriving.answer = undefined
    if (!answer) return
    this.#unanswered--
    answer(now)
  }

  #checkRoom(now: Now): void {
    if (this.#isOver) return
    const share = this.#isHeld ? 0.5 : 1
    const isFull = this.#unsafeBytes >= UNSAFE_BYTES_MAX * share || this.#unanswered >= UNANSWERED_MAX * share
    if (isFull === this.#isHeld) return
    this.#isHeld = isFull
    this.#events.onHold(now, isFull)
  }

  /** Of the message that is coming in, if success is to be reported of it. */
  #progress(): Progress | undefined {
    const head = this.#current?.head
    if (head?.messageId === undefined || !head.successReport) return undefined
    const known = this.#messages.get(head.messageId)
    if (known) return known
    const progress = new Progress(PARTS_MAX)
    this.#messages.set(head.messageId, progress)
    if (this.#messages.size > MESSAGES_MAX) this.#messages.delete(this.#messages.keys().next().value!)
    return progress
  }

  /** The length of the message that is whole with this chunk. */
  #completedBy(head: MsrpHead, flag: ContinuationFlag): number | undefined {
    const progress = this.#progress()
    if (flag === '$') progress?.end(this.#offset)
    const size = flag === '#' ? undefined : progress?.size
    if (flag === '#' || size !== undefined) this.#messages.delete(head.messageId!)
    return size
  }
}
