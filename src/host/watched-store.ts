import type { Log } from '../base/log.ts'
import type { Entry } from '../store/key-value.ts'
import { isMemoryOnly, isRead } from '../store/story.ts'
import type { StoreRequest, StoreResult, Verb, Verbs } from '../store/verbs.ts'

/** Everything that a store has at one moment, in the order of its keys. */
export interface StoreSnapshot {
  /** About how many there are. */
  readonly entries: number
  /** The entries that come next, `bytes` of them and one more at most; none at the end. */
  next(bytes: number): readonly Entry[]
  close(): void
}

/** What every store of the host offers. `done` runs once, for writes when what they changed is on stable storage. */
export interface Store {
  submit(request: StoreRequest, done: (result: StoreResult<Verb>) => void): void
  /** Absent where what is stored does not lie in this box. */
  snapshot?(): StoreSnapshot
  /** `commitMs`: how long the write under way has taken, answered or not. */
  readonly status?: { readonly commitMs: number }
  /** Waits for what is outstanding. */
  close(): Promise<void>
}

/** The store, with an eye on whether it can write: what /healthz tells, and what slows the senders down. */
export class WatchedStore implements Omit<Store, 'snapshot'> {
  readonly #store: Store
  readonly #log: Log
  readonly #monotonicMs: () => number
  /** Reads are answered from memory where writes hang: each kind gets on by itself. */
  readonly #reads = new Waiting()
  readonly #writes = new Waiting()
  #flushedAt: number | undefined
  #failure: string | undefined

  constructor(store: Store, log: Log, monotonicMs = () => performance.now()) {
    this.#store = store
    this.#log = log
    this.#monotonicMs = monotonicMs
  }

  submit(request: StoreRequest, done: (result: StoreResult<Verb>) => void): void {
    const isWrite = !isRead(request.verb) && !isMemoryOnly(request.verb)
    const answered = (isWrite ? this.#writes : this.#reads).asked(this.#monotonicMs())
    this.#store.submit(request, result => {
      answered(this.#monotonicMs(), hasWorked(result))
      if (isWrite) this.#watch(result)
      done(result)
    })
  }

  ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<StoreResult<V>> {
    const whole = { verb, ...request } as unknown as StoreRequest
    return new Promise(resolve => this.submit(whole, result => resolve(result as StoreResult<V>)))
  }

  snapshot(): StoreSnapshot | undefined {
    return this.#store.snapshot?.()
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  get outstanding(): number {
    return this.#reads.count + this.#writes.count
  }

  /** For how long the oldest request has had no answer; or a write has not ended whose senders were told that it failed. */
  get oldestMs(): number {
    const now = this.#monotonicMs()
    return Math.max(this.#commitMs, this.#reads.oldestMs(now), this.#writes.oldestMs(now))
  }

  /** For how long something has waited and nothing at all was done; or one write has not ended. However long the queue, 0 or little where it moves. */
  get stalledMs(): number {
    const now = this.#monotonicMs()
    return Math.max(this.#commitMs, this.#reads.stalledMs(now), this.#writes.stalledMs(now))
  }

  get #commitMs(): number {
    return this.#store.status?.commitMs ?? 0
  }

  /** Since a write was flushed; undefined: none was yet. */
  get flushedAgoMs(): number | undefined {
    return this.#flushedAt === undefined ? undefined : this.#monotonicMs() - this.#flushedAt
  }

  /** Why the last write failed, until one succeeds. */
  get writeFailure(): string | undefined {
    return this.#failure
  }

  #watch(result: StoreResult<Verb>): void {
    if (!('failure' in result)) {
      if (this.#failure) this.#log.info('the store can write again')
      this.#failure = undefined
      this.#flushedAt = this.#monotonicMs()
    } else if (result.failure === 'full' || result.failure === 'io') {
      const failure = `${result.failure === 'full' ? 'no space' : 'the medium failed'}: ${result.detail}`
      if (!this.#failure) this.#log.error('the store cannot write', { reason: failure })
      this.#failure = failure
    }
  }
}

/** Requests without an answer yet, and when one was last done. */
class Waiting {
  /** When each was asked, oldest first. */
  readonly #asked = new Set<{ readonly at: number }>()
  #workedAt = Number.NEGATIVE_INFINITY

  get count(): number {
    return this.#asked.size
  }

  asked(at: number): (at: number, hasWorked: boolean) => void {
    const one = { at }
    this.#asked.add(one)
    return (at, hasWorked) => {
      this.#asked.delete(one)
      if (hasWorked) this.#workedAt = at
    }
  }

  oldestMs(now: number): number {
    const [oldest] = this.#asked
    return oldest ? now - oldest.at : 0
  }

  stalledMs(now: number): number {
    return Math.min(this.oldestMs(now), now - this.#workedAt)
  }
}

/** A store that turns away what it has no room for has done nothing by that. */
const hasWorked = (result: StoreResult<Verb>): boolean =>
  !('failure' in result) || (result.failure !== 'busy' && result.failure !== 'closed')
