import type { ContinuationFlag } from '../../msrp/frame.ts'
import { CHUNK_BYTES_MAX, FIXED_CHUNK_BYTES_MAX } from '../../msrp/limits.ts'
import type { ItemChunk } from './history-chunks.ts'

/** Cuts one MSRP message into chunks while it is made: its length is not known before its last octet. */
export class Chunker {
  readonly messageId: string
  readonly #contentType: string
  #ready: Buffer[] = []
  #readyBytes = 0
  #sentBytes = 0
  #isBegun = false

  constructor(messageId: string, contentType: string) {
    this.messageId = messageId
    this.#contentType = contentType
  }

  /** Something of it was given out. */
  get isBegun(): boolean {
    return this.#isBegun
  }

  /** There is a whole chunk. */
  get isFull(): boolean {
    return this.#readyBytes > CHUNK_BYTES_MAX
  }

  add(...parts: readonly Buffer[]): void {
    for (const bytes of parts) {
      this.#ready.push(bytes)
      this.#readyBytes += bytes.length
    }
  }

  /** The next chunk; `isWhole`: nothing more is added. It is the last one if that leaves nothing. */
  next(isWhole: boolean): ItemChunk {
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
    return this.#chunk(body, length, isWhole && this.#readyBytes === 0 ? '$' : '+')
  }

  /** RFC 4975 5.1: the client forgets what it has of it. */
  abort(): ItemChunk {
    return this.#chunk([], 0, '#')
  }

  #chunk(body: readonly Buffer[], length: number, flag: ContinuationFlag): ItemChunk {
    const { messageId } = this
    const start = this.#sentBytes + 1
    this.#sentBytes += length
    this.#isBegun = true
    const end = length > FIXED_CHUNK_BYTES_MAX || flag === '#' ? '*' : String(this.#sentBytes)
    const total = flag === '$' ? String(this.#sentBytes) : '*'
    const headers =
      `Message-ID: ${messageId}\r\nByte-Range: ${start}-${end}/${total}\r\n` + `Content-Type: ${this.#contentType}\r\n`
    return { send: { headers, body, flag }, messageId, bytes: length }
  }
}
