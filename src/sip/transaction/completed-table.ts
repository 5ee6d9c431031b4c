import type { Flow } from '../../base/flow.ts'
import type { Instant, Now } from '../../base/time.ts'
import { after } from '../../base/time.ts'
import type { Timer, Timers } from '../../base/timers.ts'
import { TRANSACTION_MS } from './timer-values.ts'

/** A non-INVITE server transaction on an unreliable transport after its answer (RFC 3261 17.2.2, Completed). */
export interface Completed {
  readonly key: string
  readonly mergeKey: string | undefined
  /** Where the answer went. */
  readonly flow: Flow
  /** Absent where RFC 4320 wants silence. */
  readonly bytes: Buffer | undefined
  readonly endsAt: Instant
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
  readonly #dropped: (completed: Completed) => void
  readonly #byKey = new Map<string, Completed>()
  readonly #ring: (Completed | undefined)[]
  #oldest = 0
  #bytes = 0
  #timer: Timer | undefined

  /** `dropped` is told of each that leaves. */
  constructor(timers: Timers, dropped: (completed: Completed) => void, limits: CompletedLimits = LIMITS) {
    this.#timers = timers
    this.#dropped = dropped
    this.#limits = limits
    this.#ring = new Array(limits.transactions).fill(undefined)
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
  add(now: Now, row: Omit<Completed, 'endsAt'>): void {
    const size = sizeOf(row)
    while (this.size > 0 && (this.size >= this.#limits.transactions || this.#bytes + size > this.#limits.bytes)) {
      this.#dropOldest()
    }
    const { key, mergeKey, flow, bytes } = row
    const completed: Completed = { key, mergeKey, flow, bytes, endsAt: after(now, TRANSACTION_MS) }
    this.#ring[(this.#oldest + this.size) % this.#ring.length] = completed
    this.#byKey.set(key, completed)
    this.#bytes += size
    this.#timer ??= this.#timers.set('J', completed.endsAt, fired => this.#end(fired))
  }

  #end(now: Now): void {
    this.#timer = undefined
    for (;;) {
      const oldest = this.#ring[this.#oldest]
      if (!oldest) return
      if (oldest.endsAt > now.at) {
        this.#timer = this.#timers.set('J', oldest.endsAt, fired => this.#end(fired))
        return
      }
      this.#dropOldest()
    }
  }

  #dropOldest(): void {
    const oldest = this.#ring[this.#oldest]
    if (!oldest) return
    this.#ring[this.#oldest] = undefined
    this.#oldest = (this.#oldest + 1) % this.#ring.length
    this.#byKey.delete(oldest.key)
    this.#bytes -= sizeOf(oldest)
    this.#dropped(oldest)
  }
}

/** What whoever sent the request can make long. */
const sizeOf = ({ key, mergeKey, bytes }: Omit<Completed, 'endsAt'>): number =>
  key.length + (mergeKey?.length ?? 0) + (bytes?.length ?? 0)
