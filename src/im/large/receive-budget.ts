import type { Now } from '../../base/time.ts'
import { BLOCK_BYTES } from '../../store/blocks.ts'

/** What one session has of it. */
export interface SessionMemory {
  bytes: number
}

/** What is gathered before it goes to flash: blocks of the store, so that each is written once. */
export const GATHER_BYTES = 4 * BLOCK_BYTES

/** Sixty-four buffers: ten senders at full speed need forty. What a small board can spare beside the rest of the box. */
const BYTES_MAX = 64 * GATHER_BYTES

/** Kept when nothing arrives any more: a megabyte for the next one to begin with. */
const SPARE_MAX = 4

/** Smaller buffers share memory: each of its own would cost more than what is put in. */
const POOLED_BYTES = 4096

type Resume = (now: Now) => void

/** What gathers octets in memory that it was given. */
export interface Gatherer {
  /** Memory of what is not on its way to flash. */
  readonly gatheredBytes: number
  /** Sends it there. */
  flush(): void
}

/**
 * The memory that all arriving large messages share: what came from the network and is not on flash yet. Nobody is refused for it; who
 * finds it full stops reading, so that what is beyond the bound is at most one read of each connection.
 */
export class ReceiveBudget {
  readonly #bytesMax: number
  /** Used before and free: the same memory over and over, however large a message is. */
  readonly #spare: Buffer[] = []
  readonly #waiting = new Set<Resume>()
  readonly #gatherers = new Set<Gatherer>()
  #used = 0
  #peak = 0

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get isFull(): boolean {
    return this.#used >= this.#bytesMax
  }

  /** A buffer of GATHER_BYTES; undefined when there is no room for one. */
  take(): Buffer | undefined {
    if (this.#used + GATHER_BYTES > this.#bytesMax) return undefined
    this.#count(GATHER_BYTES)
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(GATHER_BYTES)
  }

  /** A smaller buffer, which is given whether there is room or not. */
  takeExactly(bytes: number): Buffer {
    this.#count(bytes)
    return bytes < POOLED_BYTES ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes)
  }

  /** A buffer that was taken is on flash, or of no use any more. */
  give(now: Now, buffer: Buffer): void {
    this.#used -= buffer.length
    if (buffer.length === GATHER_BYTES) this.#spare.push(buffer)
    if (this.#used === 0) this.#spare.length = Math.min(this.#spare.length, SPARE_MAX)
    this.#resume(now)
    this.#reclaim()
  }

  join(gatherer: Gatherer): void {
    this.#gatherers.add(gatherer)
  }

  leave(gatherer: Gatherer): void {
    this.#gatherers.delete(gatherer)
  }

  /** `run` is called once, when there is room again; in order of asking. */
  wait(run: Resume): void {
    this.#waiting.add(run)
    this.#reclaim()
  }

  forget(run: Resume): void {
    this.#waiting.delete(run)
  }

  describe(): { used: number; peak: number; waiting: number } {
    return { used: this.#used, peak: this.#peak, waiting: this.#waiting.size }
  }

  /** As many as there are buffers free, a quarter kept back, or those who go on would all stop again at once. */
  #resume(now: Now): void {
    if (this.#waiting.size === 0) return
    let room = this.#bytesMax * 0.75 - this.#used
    for (const run of this.#waiting) {
      if (room <= 0) return
      room -= GATHER_BYTES
      this.#waiting.delete(run)
      run(now)
    }
  }

  /** A few senders who begin messages and do not go on must not keep the memory from those who wait: nothing would come free. */
  #reclaim(): void {
    if (this.#waiting.size === 0) return
    let gathered = 0
    for (const { gatheredBytes } of this.#gatherers) gathered += gatheredBytes
    if (gathered < this.#used) return
    for (const gatherer of this.#gatherers) gatherer.flush()
  }

  #count(bytes: number): void {
    this.#used += bytes
    this.#peak = Math.max(this.#peak, this.#used)
  }
}
