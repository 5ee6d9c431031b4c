import type { Now } from '../../base/time.ts'
import type { HistoryBody } from './history-body.ts'
import { Chunker } from './history-chunker.ts'
import type { ItemChunk, ItemChunks, TakenChunk } from './history-chunks.ts'

/** HIS-DLV-02: one MSRP message, made while it is sent. */
export class PageChunks implements ItemChunks {
  readonly passedOver = 0
  readonly #body: HistoryBody
  readonly #chunker: Chunker
  #isRead = false
  #isRefused = false
  /** Told when the client has heard of it. */
  #ended: TakenChunk | undefined

  constructor(body: HistoryBody, messageId: string) {
    this.#body = body
    this.#chunker = new Chunker(messageId, body.contentType)
  }

  refused(messageId: string): void {
    if (messageId === this.#chunker.messageId) this.#isRefused = true
  }

  take(now: Now, done: (now: Now, taken: TakenChunk) => void): void {
    if (this.#ended) return done(now, this.#ended)
    if (this.#isRefused) return done(now, this.#breakOff({ kind: 'end' }))
    if (this.#isRead || this.#chunker.isFull) return done(now, this.#given(this.#chunker.next(this.#isRead)))
    this.#body.next(now, (then, read) => {
      if ('why' in read) return done(then, this.#breakOff({ kind: 'broken', ...read }))
      this.#chunker.add(...read.bytes)
      this.#isRead = read.isLast
      this.take(then, done)
    })
  }

  #given(chunk: ItemChunk): TakenChunk {
    if (chunk.send.flag === '$') this.#ended = { kind: 'end' }
    return { kind: 'chunk', chunk }
  }

  #breakOff(why: TakenChunk): TakenChunk {
    this.#ended = why
    return this.#chunker.isBegun ? { kind: 'chunk', chunk: this.#chunker.abort() } : why
  }
}
