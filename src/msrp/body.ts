import type { Now } from '../base/time.ts'

/** A body that is read while it is sent. */
export interface BodySource {
  /** Octets in all. */
  readonly length: number
  /**
   * Calls `done` once, now or later, with 1 to `max` octets from `offset` on, which nobody writes to afterwards; with
   * undefined when they cannot be read. One read at a time.
   */
  read(now: Now, offset: number, max: number, done: (now: Now, bytes: Buffer | undefined) => void): void
}

/** One read: a few blocks of the store, so that asking costs little beside reading. */
const READ_BYTES_MAX = 128 * 1024

/** The next read starts when no more than this is left: with it a body keeps 256 KiB in memory at most. */
const READ_AHEAD_BYTES = 128 * 1024

/** The octets of one outgoing message, taken from the front. */
export class OutgoingBody {
  readonly length: number
  readonly #source: BodySource | undefined
  /** Has been read, or failed to be: taking may go on. */
  readonly #onRead: (now: Now) => void
  /** Read and not taken; of the first `#inFirst` octets are gone. */
  readonly #buffers: Buffer[] = []
  #inFirst = 0
  #ready = 0
  #readUpTo = 0
  #isReading = false
  #hasFailed = false

  constructor(body: readonly Buffer[] | BodySource, onRead: (now: Now) => void) {
    this.#onRead = onRead
    if ('read' in body) {
      this.length = body.length
      this.#source = body
      return
    }
    for (const bytes of body) this.#add(bytes)
    this.length = this.#ready
  }

  get isStreamed(): boolean {
    return this.#source !== undefined
  }

  /** Octets that can be taken now. */
  get ready(): number {
    return this.#ready
  }

  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Reads on if there is room; may be done before it returns. */
  fill(now: Now): void {
    while (this.#source && !this.#isReading && !this.#hasFailed) {
      if (this.#ready > READ_AHEAD_BYTES || this.#readUpTo === this.length) return
      this.#read(now, this.#source)
    }
  }

  /** @param count at most `ready` */
  take(count: number): Buffer {
    const parts: Buffer[] = []
    for (let left = count; left > 0; ) {
      const first = this.#buffers[0]!
      const part = first.subarray(this.#inFirst, this.#inFirst + left)
      left -= part.length
      this.#inFirst += part.length
      parts.push(part)
      if (this.#inFirst < first.length) break
      this.#buffers.shift()
      this.#inFirst = 0
    }
    this.#ready -= count
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, count)
  }

  /** The rest is not wanted. */
  drop(): void {
    this.#buffers.length = 0
    this.#ready = 0
    this.#hasFailed = true
  }

  #read(now: Now, source: BodySource): void {
    this.#isReading = true
    const max = Math.min(READ_BYTES_MAX, this.length - this.#readUpTo)
    let isAnswered = false
    source.read(now, this.#readUpTo, max, (then, bytes) => {
      if (isAnswered) return
      isAnswered = true
      this.#isReading = false
      if (this.#hasFailed) return
      if (!bytes || bytes.length === 0 || bytes.length > max) this.#hasFailed = true
      else {
        this.#readUpTo += bytes.length
        this.#add(bytes)
      }
      this.#onRead(then)
    })
  }

  #add(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#buffers.push(bytes)
    this.#ready += bytes.length
  }
}
