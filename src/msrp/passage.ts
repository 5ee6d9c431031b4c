import type { Now } from '../base/time.ts'
import type { AnswerChunk, ChunkReceiver } from './assembly.ts'
import { Batch } from './batch.ts'
import { Capture } from './capture.ts'
import type { ByteRange, ContinuationFlag, MsrpHead } from './frame.ts'

/** A longer chunk is passed on in parts of so many octets: none has to wait for its end, nor what else goes over that connection. */
const PART_BYTES = 32 * 1024

const NOTHING: Buffer = Buffer.alloc(0)

/** A request on its way out, or a part of a SEND. */
export interface PassingPart {
  readonly head: MsrpHead
  readonly body: Buffer
  /** What of the message it has. */
  readonly range: ByteRange
  /** The Byte-Range has to say so: it is not the whole chunk. */
  readonly isCut: boolean
  readonly flag: ContinuationFlag
}

interface PassageEvents {
  /** Other than 200: the session has just ended. */
  onPart(now: Now, part: PassingPart): number
  /** Of SENDs that say something. Absent: nobody listens. */
  onPiece?: ((now: Now, bytes: Buffer, isEnd: boolean) => void) | undefined
}

/** The requests that one side of a relay sends, as they come in: what has come of a long chunk is passed on before its end. */
export class Passage implements ChunkReceiver {
  readonly #events: PassageEvents
  readonly #capture: Capture | undefined
  #head: MsrpHead | undefined
  #gathered = new Batch()
  /** Where in the message the gathered octets begin, from 0. */
  #offset = 0
  #isCut = false

  constructor(events: PassageEvents) {
    this.#events = events
    const { onPiece } = events
    this.#capture = onPiece && new Capture(onPiece)
  }

  begin(_now: Now, head: MsrpHead): number {
    this.#head = head
    this.#offset = (head.byteRange?.start ?? 1) - 1
    this.#isCut = false
    if (head.method === 'SEND' && head.hasBody) this.#capture?.begin(head)
    return 200
  }

  data(now: Now, bytes: Buffer): number {
    this.#capture?.add(now, bytes)
    for (let from = 0; from < bytes.length; ) {
      if (this.#gathered.length === PART_BYTES) {
        const status = this.#isCuttable ? this.#pass(now, '+', false) : 413
        if (status !== 200) {
          this.abandon()
          return status
        }
      }
      const part = bytes.subarray(from, from + PART_BYTES - this.#gathered.length)
      this.#gathered.bytes(part)
      from += part.length
    }
    return 200
  }

  /** RFC 4976 6.4.1: the sender is answered at once, which does not say that the message got any further. */
  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    const head = this.#head
    if (!head) return answer(now, 481)
    // One without a body that binds or keeps alive says nothing; the last chunk of a message may be empty.
    const isEmptyEnd = !head.hasBody && (flag === '#' || (head.byteRange?.start ?? 1) > 1)
    if (head.method === 'SEND' && isEmptyEnd) this.#capture?.begin(head)
    this.#capture?.end(now, flag)
    const status = this.#pass(now, flag, true)
    this.#head = undefined
    answer(now, status)
  }

  abandon(): void {
    this.#head = undefined
    this.#gathered = new Batch()
    this.#capture?.drop()
  }

  /** What else there is has no ranges. */
  get #isCuttable(): boolean {
    return this.#head?.method === 'SEND'
  }

  #pass(now: Now, flag: ContinuationFlag, isLast: boolean): number {
    const head = this.#head!
    const body = this.#gathered.length > 0 ? this.#gathered.take() : NOTHING
    this.#isCut ||= !isLast
    const { end, total } = head.byteRange ?? { end: undefined, total: undefined }
    const range = { start: this.#offset + 1, end: isLast ? end : undefined, total }
    this.#offset += body.length
    return this.#events.onPart(now, { head, body, range, isCut: this.#isCut, flag })
  }
}
