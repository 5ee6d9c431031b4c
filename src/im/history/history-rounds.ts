import type { Counters } from '../../base/counters.ts'
import type { Log } from '../../base/log.ts'
import { after, type Now, type WallTime } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { SteadyClock } from '../steady-clock.ts'

/** An item may outlive its time by as much: it is counted in days. */
const EXPIRE_EVERY_MS = 60_000
const EXPIRE_BATCH = 64

const SWEEP_EVERY_MS = 5000
/** Records of content of one step, so that whoever waits for the disk waits a few milliseconds for it. */
const SWEEP_BATCH = 64

/** Between two steps of a round, so that it takes a part of what the flash can do and not all. */
const PAUSE_MS = 50

const RECOVER_RETRY_MS = 5000

/**
 * What leaves histories by itself: items past their time, and content that nobody's history has any more. Also where the function is
 * switched off: what was kept before shall not stay for ever.
 */
export class HistoryRounds {
  readonly #store: StoreClient
  readonly #timers: Timers
  readonly #counters: Counters
  readonly #log: Log
  readonly #retentionMs: number
  #clock: SteadyClock | undefined

  constructor(options: {
    store: StoreClient
    timers: Timers
    counters: Counters
    log: Log
    historyRetentionS: number
  }) {
    this.#store = options.store
    this.#timers = options.timers
    this.#counters = options.counters
    this.#log = options.log
    this.#retentionMs = options.historyRetentionS * 1000
  }

  start(now: Now): void {
    this.#clock = new SteadyClock(now)
    this.#recover(now)
    this.#again(now, EXPIRE_EVERY_MS, then => this.#expire(then))
    this.#again(now, SWEEP_EVERY_MS, () => this.#sweep())
  }

  #again(now: Now, afterMs: number, run: (now: Now) => void): void {
    this.#timers.set('history rounds', after(now, afterMs), run)
  }

  /** Nobody goes on with what was being recorded before the start. */
  #recover(now: Now): void {
    this.#store.ask('history.recover', { at: now.wall }, (then, result) => {
      if ('failure' in result) return this.#again(then, RECOVER_RETRY_MS, later => this.#recover(later))
      if (result.value > 0) this.#log.info('histories cut off by the stop end there', { count: result.value })
    })
  }

  #expire(now: Now): void {
    const rest = (then: Now): void => this.#again(then, EXPIRE_EVERY_MS, later => this.#expire(later))
    if (!this.#clock!.isSteady(now) || !now.isWallTrusted) return rest(now)
    const before = (now.wall - this.#retentionMs) as WallTime
    this.#store.ask('history.expire', { before, limit: EXPIRE_BATCH }, (then, result) => {
      if ('failure' in result || result.value === 0) return rest(then)
      this.#counters.count('history_expired', '', result.value)
      this.#again(then, PAUSE_MS, later => this.#expire(later))
    })
  }

  #sweep(): void {
    this.#store.ask('history.sweep', { limit: SWEEP_BATCH }, (then, result) => {
      const isDone = 'failure' in result || result.value === 0
      this.#again(then, isDone ? SWEEP_EVERY_MS : PAUSE_MS, () => this.#sweep())
    })
  }
}
