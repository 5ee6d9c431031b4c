import type { Instant } from '../base/time.ts'
import { type Key, type KeyValue, mergeRange } from '../store/key-value.ts'
import { KeyedStore, type Result } from '../store/keyed.ts'
import { isMemoryOnly, isRead } from '../store/story.ts'
import type { StoreRequest } from '../store/verbs.ts'
import { Agenda } from './agenda.ts'
import type { SeededEntropy } from './seeded-entropy.ts'
import { SortedKeyValue } from './sorted-key-value.ts'

export interface DiskFaults {
  /** From the start of a flush to its end. */
  readonly flushMinMs: number
  readonly flushMaxMs: number
  readonly readMaxMs: number
  /** Of flushes, 0 to 1. */
  readonly full: number
  readonly io: number
}

export const GOOD_DISK: DiskFaults = { flushMinMs: 1, flushMaxMs: 3, readMaxMs: 0, full: 0, io: 0 }
export const BAD_DISK: DiskFaults = { flushMinMs: 1, flushMaxMs: 400, readMaxMs: 20, full: 0.05, io: 0.1 }

export interface Answer {
  readonly id: number
  readonly result: Result
}

interface Pending {
  readonly id: number
  readonly request: StoreRequest
}

interface Flush {
  readonly changes: readonly (readonly [Key, Buffer | undefined])[]
  settle(): void
}

/** As the store on a real disk: what comes while a flush is under way waits for the next one. */
const OUTSTANDING_MAX = 4096

/**
 * The store over a disk that takes its time and fails from a seed. Answers to writes come when they are flushed; a crash forgets the
 * rest, and what was being flushed is kept or lost as a whole.
 */
export class SimulatedDisk {
  faults: DiskFaults
  /** What the reserve is measured against. */
  freeBytes: number
  /** What a restart finds. Tests may flip its bytes. */
  readonly durable = new SortedKeyValue()
  readonly #hostname: string
  readonly #entropy: SeededEntropy
  #store: KeyedStore
  #agenda = new Agenda()
  #answers: Answer[] = []
  #waiting: Pending[] = []
  #flush: Flush | undefined
  #outstanding = 0
  #at = 0 as Instant
  /** Flushes that ended well. */
  flushes = 0

  constructor(options: { entropy: SeededEntropy; hostname: string; faults?: DiskFaults; freeBytes?: number }) {
    this.#entropy = options.entropy
    this.#hostname = options.hostname
    this.faults = options.faults ?? GOOD_DISK
    this.freeBytes = options.freeBytes ?? Number.MAX_SAFE_INTEGER
    this.#store = this.#open()
  }

  /** `at`: now, when it is later than the latest `advance`. */
  submit(id: number, request: StoreRequest, at: Instant = this.#at): void {
    if (at > this.#at) this.#at = at
    if (this.#outstanding >= OUTSTANDING_MAX) {
      this.#after(0, () => this.#answers.push({ id, result: { failure: 'busy', detail: 'too many outstanding' } }))
      return
    }
    this.#outstanding++
    if (isMemoryOnly(request.verb)) {
      const value = this.#store.lease(request as Parameters<KeyedStore['lease']>[0])
      this.#after(0, () => this.#answer(id, { value }))
    } else if (isRead(request.verb)) {
      this.#after(this.#entropy.below(this.faults.readMaxMs + 1), () => this.#read({ id, request }))
    } else this.#enqueue({ id, request })
  }

  nextAt(): Instant | undefined {
    return this.#agenda.nextAt()
  }

  /** Lets the disk work up to `now`; what it finished, in order. */
  advance(now: Instant): Answer[] {
    for (let next = this.nextAt(); next !== undefined && next <= now; next = this.nextAt()) {
      if (next > this.#at) this.#at = next
      this.#agenda.runFirst()
    }
    if (now > this.#at) this.#at = now
    const answers = this.#answers
    this.#answers = []
    return answers
  }

  /** The power is cut: nothing is answered any more, and what is asked next finds what was flushed. */
  crash(): void {
    if (this.#flush && this.#entropy.chance(0.5)) this.#keep(this.#flush)
    this.#agenda = new Agenda()
    this.#answers = []
    this.#waiting = []
    this.#flush = undefined
    this.#outstanding = 0
    this.#store = this.#open()
  }

  #open(): KeyedStore {
    const store = new KeyedStore({ hostname: this.#hostname, freeBytes: () => this.freeBytes })
    store.load(this.durable).settle()
    return store
  }

  #after(delayMs: number, run: () => void): void {
    this.#agenda.add((this.#at + delayMs) as Instant, run)
  }

  #answer(id: number, result: Result): void {
    this.#outstanding--
    this.#answers.push({ id, result })
  }

  #read(pending: Pending): void {
    const result = this.#store.read(this.durable, pending.request)
    if (result) this.#answer(pending.id, result)
    else this.#enqueue(pending)
  }

  /** What is asked at the same instant goes together. */
  #enqueue(pending: Pending): void {
    this.#waiting.push(pending)
    if (this.#waiting.length === 1 && !this.#flush) this.#after(0, () => this.#begin())
  }

  #begin(): void {
    if (this.#flush || this.#waiting.length === 0) return
    const batch = this.#waiting
    this.#waiting = []
    const { flushMinMs, flushMaxMs } = this.faults
    const transaction = new Recorder(this.durable)
    const { results, settle } = this.#store.write(
      transaction,
      batch.map(({ request }) => request),
    )
    this.#flush = { changes: [...transaction.changes], settle }
    const failure = this.#failure()
    this.#after(flushMinMs + this.#entropy.below(flushMaxMs - flushMinMs + 1), () => {
      if (!failure && this.#flush) this.#keep(this.#flush)
      this.#flush = undefined
      for (const [at, { id }] of batch.entries()) this.#answer(id, failure ?? results[at]!)
      this.#begin()
    })
  }

  #failure(): Result | undefined {
    const { full, io } = this.faults
    const failure = this.#entropy.chance(full) ? 'full' : this.#entropy.chance(io) ? 'io' : undefined
    return failure && { failure, detail: `simulated ${failure}` }
  }

  #keep({ changes, settle }: Flush): void {
    this.flushes++
    for (const [key, value] of changes) {
      if (value === undefined) this.durable.remove(key)
      else this.durable.put(key, value)
    }
    settle()
  }
}

/** A transaction that can be dropped: its writes are visible inside it alone. */
class Recorder implements KeyValue {
  readonly changes = new Map<Key, Buffer | undefined>()
  readonly #base: SortedKeyValue

  constructor(base: SortedKeyValue) {
    this.#base = base
  }

  get(key: Key): Buffer | undefined {
    return this.changes.has(key) ? this.changes.get(key) : this.#base.get(key)
  }

  peek(key: Key): Buffer | undefined {
    return this.changes.has(key) ? this.changes.get(key) : this.#base.peek(key)
  }

  put(key: Key, value: Buffer): void {
    this.changes.set(key, Buffer.from(value))
  }

  remove(key: Key): void {
    this.changes.set(key, undefined)
  }

  range(...[start, end, options]: Parameters<KeyValue['range']>): ReturnType<KeyValue['range']> {
    return mergeRange(this.#base, this.changes, start, end, options)
  }
}
