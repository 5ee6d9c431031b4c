import type { Entropy } from '../../base/entropy.ts'
import type { Now } from '../../base/time.ts'
import { freshBoundary, MultipartWriter } from '../../content/multipart.ts'
import type { HistoryPiece } from '../../store/history.ts'
import { freshMessageId, receipt } from './history-body.ts'
import { Chunker } from './history-chunker.ts'
import type { ItemChunk, ItemChunks, TakenChunk } from './history-chunks.ts'
import { type HistoryPieces, isSendStart } from './history-pieces.ts'
import type { SelectedItem } from './history-selection.ts'

/** One SEND on its way. */
interface Wrapped {
  readonly chunker: Chunker
  readonly writer: MultipartWriter
}

/**
 * A session for a client that asks who said what, and when: each SEND whole, with the paths by which it came, as `message/msrp`, and its time of receipt,
 * in one MSRP message each. Those of the two sides may be under way at once.
 */
export class WrappedChunks implements ItemChunks {
  readonly passedOver = 0
  readonly #pieces: HistoryPieces
  readonly #callId: string
  readonly #entropy: Entropy
  readonly #sides = new Map<HistoryPiece['from'], Wrapped>()
  readonly #ready: ItemChunk[] = []
  /** What the client refused and has not heard the end of. */
  readonly #refused = new Set<string>()
  #ended: TakenChunk | undefined

  constructor({ entry }: SelectedItem, pieces: HistoryPieces, entropy: Entropy) {
    this.#pieces = pieces
    this.#callId = entry.callId
    this.#entropy = entropy
  }

  /** Of one that has ended nothing more comes anyhow. */
  refused(messageId: string): void {
    if ([...this.#sides.values()].some(({ chunker }) => chunker.messageId === messageId)) this.#refused.add(messageId)
  }

  take(now: Now, done: (now: Now, taken: TakenChunk) => void): void {
    const chunk = this.#ready.shift()
    if (chunk) return done(now, { kind: 'chunk', chunk })
    if (this.#ended) return done(now, this.#ended)
    this.#pieces.take(now, (then, taken) => {
      if (taken.kind === 'pieces') for (const piece of taken.pieces) this.#read(piece)
      else {
        this.#ended = taken
        for (const from of [...this.#sides.keys()]) this.#leave(from)
      }
      this.take(then, done)
    })
  }

  #read(piece: HistoryPiece): void {
    const { from, at, bytes, isEnd } = piece
    if (this.#sides.has(from) && isSendStart(bytes)) this.#leave(from)
    const side = this.#sides.get(from) ?? this.#begin(from)
    const { chunker, writer } = side
    if (this.#refused.has(chunker.messageId)) {
      if (isEnd) this.#leave(from)
      return
    }
    chunker.add(bytes)
    if (isEnd) {
      chunker.add(...writer.parts([receipt({ receivedAt: at, callId: this.#callId })]), writer.close())
      this.#sides.delete(from)
    }
    while (chunker.isFull) this.#ready.push(chunker.next(false))
    if (isEnd) this.#ready.push(chunker.next(true))
  }

  #begin(from: HistoryPiece['from']): Wrapped {
    // Chosen after the content has come, so nobody could write it there.
    const writer = new MultipartWriter(freshBoundary([], this.#entropy))
    const chunker = new Chunker(freshMessageId(this.#entropy), writer.contentType)
    chunker.add(writer.head({ contentType: 'message/msrp' }))
    const side = { chunker, writer }
    this.#sides.set(from, side)
    return side
  }

  /** Half of one, or one that was refused: the client forgets it. */
  #leave(from: HistoryPiece['from']): void {
    const { chunker } = this.#sides.get(from)!
    this.#sides.delete(from)
    this.#refused.delete(chunker.messageId)
    if (chunker.isBegun) this.#ready.push(chunker.abort())
  }
}
