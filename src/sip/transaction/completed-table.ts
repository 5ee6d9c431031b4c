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
  /** Of the answers, and of the keys apart from them. */
  readonly bytes: number
}

/**
 * Half a second of retransmissions at 16,000 a second, 32 s at 500; what drops out early is recognised again by the mailbox
 * (Call-ID, CSeq, From tag). The bytes stop whoever makes the answers large with long Vias of his own.
 */
const LIMITS: CompletedLimits = { transactions: 16384, bytes: 8 * 1024 * 1024 }

/**
 * Completed transactions in order of completion: all end after the same time, so one Timer J serves the oldest. The answers stand
 * copied in one ring of bytes, since as buffers of their own they would keep whole slabs of what was encoded beside them.
 */
export class CompletedTable {
  readonly #timers: Timers
  readonly #limits: CompletedLimits
  /** Place of a row by key. */
  readonly #places = new Map<string, number>()
  readonly #keys: string[]
  readonly #flows: (Flow | undefined)[]
  readonly #endsAt: Float64Array
  readonly #starts: Uint32Array
  readonly #lengths: Uint32Array
  #answers = NO_BYTES
  #oldest = 0
  #keyBytes = 0
  #answerBytes = 0
  #timer: Timer | undefined

  constructor(timers: Timers, given: Partial<CompletedLimits> = {}) {
    const limits = { ...LIMITS, ...given }
    this.#timers = timers
    this.#limits = limits
    this.#keys = new Array(limits.transactions).fill('')
    this.#flows = new Array(limits.transactions).fill(undefined)
    this.#endsAt = new Float64Array(limits.transactions)
    this.#starts = new Uint32Array(limits.transactions)
    this.#lengths = new Uint32Array(limits.transactions)
  }

  get size(): number {
    return this.#places.size
  }

  get bytes(): number {
    return this.#keyBytes + this.#answerBytes
  }

  has(key: string): boolean {
    return this.#places.has(key)
  }

  /** A row whose `bytes` are the caller's own. */
  get(key: string): Completed | undefined {
    const place = this.#places.get(key)
    if (place === undefined) return undefined
    const [start, length] = [this.#starts[place]!, this.#lengths[place]!]
    const bytes = length === 0 ? undefined : Buffer.from(this.#answers.subarray(start, start + length))
    return { key, flow: this.#flows[place]!, bytes }
  }

  /** `key` must not be in the table. An answer larger than all the room there is is not kept. */
  add(now: Now, { key, flow, bytes = NO_BYTES }: Completed): void {
    const { transactions, bytes: room } = this.#limits
    if (Math.max(key.length, bytes.length) > room) return
    while (this.size >= transactions || this.#keyBytes + key.length > room) this.#dropOldest()
    const start = this.#makeRoom(roomOf(bytes.length))
    const place = (this.#oldest + this.size) % transactions
    bytes.copy(this.#answers, start)
    this.#starts[place] = start
    this.#lengths[place] = bytes.length
    this.#keys[place] = key
    this.#flows[place] = flow
    this.#endsAt[place] = after(now, TRANSACTION_MS)
    this.#places.set(key, place)
    this.#keyBytes += key.length
    this.#answerBytes += bytes.length
    if (!this.#timer) this.#arm()
  }

  /** Where `length` bytes can stand in one piece, behind the newest answer or at the beginning; the oldest make way. */
  #makeRoom(length: number): number {
    const capacity = this.#limits.bytes
    if (this.#answers.length === 0) this.#answers = Buffer.allocUnsafeSlow(capacity)
    while (this.size > 0) {
      const newest = (this.#oldest + this.size - 1) % this.#keys.length
      const end = this.#starts[newest]! + roomOf(this.#lengths[newest]!)
      const oldest = this.#starts[this.#oldest]!
      const isWrapped = end <= oldest
      if (end + length <= (isWrapped ? oldest : capacity)) return end
      if (!isWrapped && length <= oldest) return 0
      this.#dropOldest()
    }
    return 0
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
    const place = this.#oldest
    const key = this.#keys[place]!
    this.#places.delete(key)
    this.#keys[place] = ''
    this.#flows[place] = undefined
    this.#keyBytes -= key.length
    this.#answerBytes -= this.#lengths[place]!
    this.#oldest = (place + 1) % this.#keys.length
  }
}

const NO_BYTES = Buffer.alloc(0)

/** No two rows begin at the same place. */
const roomOf = (length: number): number => Math.max(length, 1)
