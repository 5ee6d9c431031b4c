import type { Flow } from '../../base/flow.ts'
import type { Instant, Now } from '../../base/time.ts'
import { after } from '../../base/time.ts'
import type { Timer, Timers } from '../../base/timers.ts'
import { TRANSACTION_MS } from './timer-values.ts'

/** A non-INVITE server transaction on an unreliable transport after its answer (RFC 3261 17.2.2, Completed). */
export interface Completed {
  readonly key: string
  /** Where the answer went. */
  readonly flow: Flow
  /** Absent where RFC 4320 wants silence. */
  readonly bytes: Buffer | undefined
}

export interface CompletedLimits {
  readonly transactions: number
  readonly bytes: number
}

/**
 * Half a second of retransmissions at 16,000 a second, 32 s at 500; what drops out early is recognised again by the mailbox
 * (Call-ID, CSeq, From tag). The bytes stop whoever makes the answers large with long Vias of his own.
 */
const LIMITS: CompletedLimits = { transactions: 16384, bytes: 32 * 1024 * 1024 }

/** Completed transactions in order of completion: all end after the same time, so one Timer J serves the oldest. */
export class CompletedTable {
  readonly #timers: Timers
  readonly #limits: CompletedLimits
  readonly #byKey = new Map<string, Completed>()
  readonly #ring: (Completed | undefined)[]
  readonly #endsAt: Float64Array
  #oldest = 0
  #bytes = 0
  #timer: Timer | undefined

  constructor(timers: Timers, limits: CompletedLimits = LIMITS) {
    this.#timers = timers
    this.#limits = limits
    this.#ring = new Array(limits.transactions).fill(undefined)
    this.#endsAt = new Float64Array(limits.transactions)
  }

  get size(): number {
    return this.#byKey.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Completed | undefined {
    return this.#byKey.get(key)
  }

  /** `key` must not be in the table. */
  add(now: Now, completed: Completed): void {
    const size = sizeOf(completed)
    while (this.size > 0 && (this.size >= this.#limits.transactions || this.#bytes + size > this.#limits.bytes)) {
      this.#dropOldest()
    }
    const place = (this.#oldest + this.size) % this.#ring.length
    this.#ring[place] = completed
    this.#endsAt[place] = after(now, TRANSACTION_MS)
    this.#byKey.set(completed.key, completed)
    this.#bytes += size
    if (!this.#timer) this.#arm()
  }

  #arm(): void {
    this.#timer = this.#timers.set('J', this.#endsAt[this.#oldest] as Instant, fired => this.#end(fired))
  }

  #end(now: Now): void {
    this.#timer = undefined
    while (this.size > 0 && this.#endsAt[this.#oldest]! <= now.at) this.#dropOldest()
    if (this.size > 0) this.#arm()
  }

  #dropOldest(): void {
    const oldest = this.#ring[this.#oldest]
    if (!oldest) return
    this.#ring[this.#oldest] = undefined
    this.#oldest = (this.#oldest + 1) % this.#ring.length
    this.#byKey.delete(oldest.key)
    this.#bytes -= sizeOf(oldest)
  }
}

/** What whoever sent the request can make long. */
const sizeOf = ({ key, bytes }: Completed): number => key.length + (bytes?.length ?? 0)
