import type { Now } from '../base/time.ts'
import type { ContinuationFlag } from '../msrp/frame.ts'
import { CHUNK_BYTES_MAX, FIXED_CHUNK_BYTES_MAX } from '../msrp/limits.ts'
import type { HistoryBody } from './history-body.ts'
import type { ItemChunks, TakenChunk } from './history-chunks.ts'

/** HIS-DLV-02: one MSRP message in chunks, whose length is not known before its last octet was read. */
export class PageChunks implements ItemChunks {
  readonly passedOver = 0
  readonly #body: HistoryBody
  readonly #messageId: string
  #ready: Buffer[] = []
  #readyBytes = 0
  #sentBytes = 0
  #isRead = false
  #state: 'new' | 'begun' | 'ended' = 'new'
  #isRefused = false
  /** Told when the client has heard of it. */
  #broken: TakenChunk | undefined

  constructor(body: HistoryBody, messageId: string) {
    this.#body = body
    this.#messageId = messageId
  }

  refused(messageId: string): void {
    if (messageId === this.#messageId) this.#isRefused = true
  }

  take(now: Now, done: (now: Now, taken: TakenChunk) => void): void {
    if (this.#state === 'ended') return done(now, this.#broken ?? { kind: 'end' })
    if (this.#isRefused) return this.#state === 'begun' ? done(now, this.#abort()) : done(now, { kind: 'end' })
    if (this.#isRead || this.#readyBytes >= CHUNK_BYTES_MAX) return done(now, this.#chunk())
    this.#body.next(now, (then, read) => {
      if ('why' in read) return done(then, this.#breaks(read))
      for (const bytes of read.bytes) this.#add(bytes)
      this.#isRead = read.isLast
      this.take(then, done)
    })
  }

  #add(bytes: Buffer): void {
    this.#ready.push(bytes)
    this.#readyBytes += bytes.length
  }

  #chunk(): TakenChunk {
    const body: Buffer[] = []
    let length = 0
    while (length < CHUNK_BYTES_MAX && this.#ready.length > 0) {
      const first = this.#ready.shift()!
      const part = first.subarray(0, CHUNK_BYTES_MAX - length)
      if (part.length < first.length) this.#ready.unshift(first.subarray(part.length))
      if (part.length > 0) body.push(part)
      length += part.length
    }
    this.#readyBytes -= length
    const isLast = this.#isRead && this.#readyBytes === 0
    this.#state = isLast ? 'ended' : 'begun'
    return this.#send(body, length, isLast ? '$' : '+')
  }

  /** RFC 4975 5.1: the client forgets what it has of it. */
  #abort(): TakenChunk {
    this.#state = 'ended'
    return this.#send([], 0, '#')
  }

  #send(body: readonly Buffer[], length: number, flag: ContinuationFlag): TakenChunk {
    const start = this.#sentBytes + 1
    this.#sentBytes += length
    const end = length > FIXED_CHUNK_BYTES_MAX || flag === '#' ? '*' : String(this.#sentBytes)
    const total = flag === '$' ? String(this.#sentBytes) : '*'
    const headers =
      `Message-ID: ${this.#messageId}\r\nByte-Range: ${start}-${end}/${total}\r\n` +
      `Content-Type: ${this.#body.contentType}\r\n`
    return { kind: 'chunk', chunk: { send: { headers, body, flag }, messageId: this.#messageId, bytes: length } }
  }

  #breaks(why: { readonly why: string; readonly isGone: boolean }): TakenChunk {
    const broken = { kind: 'broken', ...why } as const
    if (this.#state === 'begun') {
      this.#broken = broken
      return this.#abort()
    }
    this.#state = 'ended'
    return broken
  }
}
