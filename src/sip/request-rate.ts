import { ownText } from '../base/own-text.ts'
import type { Instant, Now } from '../base/time.ts'

/** Requesters remembered at a time, some 200 bytes each; the one that asked longest ago goes first, and begins anew. */
const REQUESTERS_MAX = 20_000
/** Longer names than an account has share a rate by their beginnings. */
const NAME_LENGTH_MAX = 256

/** How often each requester may ask: some times at once, and then one time in each interval. */
export class RequestRate {
  readonly #allowanceMs: number
  readonly #intervalMs: number
  readonly #max: number
  /** When what each of them took is paid for. */
  readonly #paidAt = new Map<string, Instant>()

  constructor(burst: number, intervalMs: number, max = REQUESTERS_MAX) {
    this.#allowanceMs = burst * intervalMs
    this.#intervalMs = intervalMs
    this.#max = max
  }

  get size(): number {
    return this.#paidAt.size
  }

  /** 0 and it counts, or the seconds after which one more may come. */
  take(now: Now, requester: string): number {
    const name = requester.slice(0, NAME_LENGTH_MAX)
    const paidAt = Math.max(this.#paidAt.get(name) ?? 0, now.at) + this.#intervalMs
    const excessMs = paidAt - now.at - this.#allowanceMs
    if (excessMs > 0) return Math.ceil(excessMs / 1000)
    this.#paidAt.delete(name)
    this.#paidAt.set(ownText(name), paidAt as Instant)
    this.#makeRoom(now)
    return 0
  }

  /** Whoever has paid is as good as forgotten. */
  #makeRoom(now: Now): void {
    for (const [name, paidAt] of this.#paidAt) {
      if (paidAt > now.at && this.#paidAt.size <= this.#max) return
      this.#paidAt.delete(name)
    }
  }
}
