import { randomFillSync } from 'node:crypto'
import type { Entropy } from '../base/entropy.ts'

/** One system call serves this many bytes. A used pool is left to its holders, never filled again. */
const POOL_BYTES = 4096

export class SystemEntropy implements Entropy {
  #pool = new Uint8Array(0)
  #used = 0

  bytes(count: number): Uint8Array {
    if (count > POOL_BYTES) return randomFillSync(new Uint8Array(count))
    if (this.#used + count > this.#pool.length) {
      this.#pool = randomFillSync(new Uint8Array(POOL_BYTES))
      this.#used = 0
    }
    this.#used += count
    return this.#pool.subarray(this.#used - count, this.#used)
  }
}
