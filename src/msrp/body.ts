import type { Now } from '../base/time.ts'

/** A body that is read while it is sent. */
export interface BodySource {
  /** Octets in all. */
  readonly length: number
  /**
   * Calls `done` once, now or later, with 1 to `max` octets from `offset` on, which nobody else writes to afterwards; with
   * undefined when they cannot be read. One read at a time. They may be put into `memory`, of `max` octets at least, which
   * the source leaves alone once it has called.
   */
  read(
    now: Now,
    offset: number,
    max: number,
    done: (now: Now, bytes: Buffer | undefined) => void,
    memory?: Buffer,
  ): void
}

/** One read: two blocks of the store, so that asking costs little beside reading. */
const READ_BYTES_MAX = 128 * 1024

/** The next read starts when no more than this is left: with it a body keeps 256 KiB in memory at most. */
const READ_AHEAD_BYTES = 128 * 1024

/** The same memory over and over: what is being sent, what comes next, and where a little of the first is left. */
const MEMORIES_MAX = 3

/** Octets that were read, and the memory that they lie in if they do. */
interface Piece {
  readonly bytes: Buffer
  readonly memory: Buffer | undefined
}

/** The octets of one outgoing message, taken from the front. */
export class OutgoingBody {
  readonly length: number
  readonly #source: BodySource | undefined
  /** Has been read, or failed to be: taking may go on. */
  readonly #onRead: (now: Now) => void
  /** Read and not taken; of the first `#inFirst` octets are gone. */
  readonly #pieces: Piece[] = []
  #inFirst = 0
  /** Read into before, and free. */
  readonly #spare: Buffer[] = []
  #memories = 0
  /** Taken as a whole, and in use until somebody asks for more. */
  readonly #taken: Buffer[] = []
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
    for (const bytes of body) this.#add({ bytes, memory: undefined })
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
      this.#reuse()
      if (this.#ready > READ_AHEAD_BYTES || this.#readUpTo === this.length) return
      this.#read(now, this.#source)
    }
  }

  /** In parts as they were read, good until the next `fill` or `take`. @param count at most `ready` */
  take(count: number): Buffer[] {
    this.#reuse()
    const parts: Buffer[] = []
    for (let left = count; left > 0; ) {
      const first = this.#pieces[0]!
      const part = first.bytes.subarray(this.#inFirst, this.#inFirst + left)
      left -= part.length
      this.#inFirst += part.length
      parts.push(part)
      if (this.#inFirst < first.bytes.length) break
      this.#pieces.shift()
      this.#inFirst = 0
      if (first.memory) this.#taken.push(first.memory)
    }
    this.#ready -= count
    return parts
  }

  /** The rest is not wanted. */
  drop(): void {
    this.#pieces.length = 0
    this.#spare.length = 0
    this.#ready = 0
    this.#hasFailed = true
  }

  #reuse(): void {
    this.#spare.push(...this.#taken.splice(0))
  }

  #read(now: Now, source: BodySource): void {
    this.#isReading = true
    const max = Math.min(READ_BYTES_MAX, this.length - this.#readUpTo)
    const memory = this.#memory(max)
    let isAnswered = false
    const done = (then: Now, bytes: Buffer | undefined): void => {
      if (isAnswered) return
      isAnswered = true
      this.#isReading = false
      if (this.#hasFailed) return
      if (!bytes || bytes.length === 0 || bytes.length > max) this.#hasFailed = true
      else {
        this.#readUpTo += bytes.length
        const isInMemory = bytes.buffer === memory?.buffer
        if (memory && !isInMemory) this.#spare.push(memory)
        this.#add({ bytes, memory: isInMemory ? memory : undefined })
      }
      this.#onRead(then)
    }
    source.read(now, this.#readUpTo, max, done, memory)
  }

  /** No read is longer than one before it. */
  #memory(max: number): Buffer | undefined {
    const spare = this.#spare.pop()
    if (spare || this.#memories === MEMORIES_MAX) return spare
    this.#memories++
    return Buffer.allocUnsafeSlow(max)
  }

  #add(piece: Piece): void {
    if (piece.bytes.length === 0) return
    this.#pieces.push(piece)
    this.#ready += piece.bytes.length
  }
}
