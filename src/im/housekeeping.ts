import type { Counters } from '../base/counters.ts'
import type { Log } from '../base/log.ts'
import { after, type Instant, type Now, UNDATED, type WallTime } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import type { StoreClient } from '../store/verbs.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { Notices } from './notices.ts'
import { SteadyClock } from './steady-clock.ts'

/** A message may outlive its time by as much, in flash but never on the wire: reading leaves expired ones out. */
const EXPIRE_EVERY_MS = 10_000
const EXPIRE_BATCH = 256
const REDATE_BATCH = 256

/** Life stories, and with them the keys by which duplicates are known, are kept this long after a message's end, at most so many. */
const FORGET_EVERY_MS = 60_000
const FORGET_AFTER_MS = 7 * 86_400_000
const STORIES_MAX = 100_000
const FORGET_BATCH = 512

/** Blocks of large messages that have ended: 4 MiB a step, so that whoever waits for the disk waits a few milliseconds for it. */
const SWEEP_EVERY_MS = 5000
const SWEEP_BATCH = 64

/** After a start, deliveries to those who stayed registered are spread over this long. */
const RESUME_WITHIN_MS = 10_000
const RESUME_PAGE = 256

/** What happens without being asked: expiry (docs/protocol.md), forgetting, sweeping, and taking up deliveries and notices after a start. */
export class Housekeeping {
  readonly #store: StoreClient
  readonly #timers: Timers
  readonly #delivery: Delivery
  readonly #notices: Notices
  readonly #counters: Counters
  readonly #log: Log
  #clock: SteadyClock | undefined
  /** From when the time of what came before the clock was trusted counts; undefined: it is not trusted. */
  #countsFrom: Instant | undefined

  constructor(options: {
    store: StoreClient
    timers: Timers
    delivery: Delivery
    notices: Notices
    counters: Counters
    log: Log
  }) {
    this.#store = options.store
    this.#timers = options.timers
    this.#delivery = options.delivery
    this.#notices = options.notices
    this.#counters = options.counters
    this.#log = options.log
  }

  start(now: Now): void {
    this.#clock = new SteadyClock(now)
    this.#resume(undefined)
    this.#clear()
    this.#notices.look(now)
    this.#again(now, EXPIRE_EVERY_MS, then => this.#expire(then))
    this.#again(now, FORGET_EVERY_MS, then => this.#forget(then))
  }

  #again(now: Now, everyMs: number, run: (now: Now) => void): void {
    this.#timers.set('housekeeping', after(now, everyMs), run)
  }

  #resume(afterAor: string | undefined): void {
    const request = afterAor === undefined ? { limit: RESUME_PAGE } : { after: afterAor, limit: RESUME_PAGE }
    this.#store.ask('bindings.due', request, (then, result) => {
      if ('failure' in result) return this.#again(then, FORGET_EVERY_MS, () => this.#resume(afterAor))
      for (const aor of result.value) this.#delivery.resume(then, aor, RESUME_WITHIN_MS)
      if (result.value.length === RESUME_PAGE) this.#resume(result.value.at(-1))
    })
  }

  /** Nobody goes on with what was coming before the start: its senders begin again. */
  #clear(): void {
    this.#store.ask('upload.clear', {}, (then, result) => {
      if ('failure' in result) return this.#again(then, SWEEP_EVERY_MS, () => this.#clear())
      if (result.value > 0) this.#log.info('large messages cut off by the stop were dropped', { count: result.value })
      this.#sweep()
    })
  }

  #sweep(): void {
    this.#store.ask('sweep', { limit: SWEEP_BATCH }, (then, result) => {
      if (!('failure' in result) && result.value > 0) this.#sweep()
      else this.#again(then, SWEEP_EVERY_MS, () => this.#sweep())
    })
  }

  #expire(now: Now): void {
    const rest = (then: Now): void => this.#again(then, EXPIRE_EVERY_MS, later => this.#expire(later))
    if (!this.#isSteady(now)) return rest(now)
    this.#redate(now)
    this.#store.ask('expire', { at: now.wall, limit: EXPIRE_BATCH }, (then, result) => {
      if ('failure' in result) return rest(then)
      if (result.value.length > 0) {
        this.#counters.count('messages_expired', '', result.value.length)
        this.#log.info('messages expired', { count: result.value.length })
        this.#notices.look(then)
      }
      if (result.value.length === EXPIRE_BATCH) this.#expire(then)
      else rest(then)
    })
  }

  /** At each look, as a transfer may end, or a record be mended, long after: there is seldom anything, and the question rides with `expire`. */
  #redate(now: Now): void {
    if (now.wall >= UNDATED) return
    const wall = (now.wall - (now.at - this.#countsFrom!)) as WallTime
    this.#store.ask('redate', { wall, limit: REDATE_BATCH }, (then, result) => {
      if ('failure' in result) return
      if (result.value > 0) {
        this.#log.info('messages taken before the clock was trusted have an end now', { count: result.value })
      }
      if (result.value === REDATE_BATCH) {
        if (this.#isSteady(then)) this.#redate(then)
      } else if (this.#countsFrom !== undefined && this.#countsFrom < now.at) this.#countsFrom = now.at
    })
  }

  /** Trusted, and not set just now. */
  #isSteady(now: Now): boolean {
    const isSteady = this.#clock!.isSteady(now, by_s => {
      this.#countsFrom = undefined
      this.#log.warn('the clock was set: for five minutes nothing expires', { by_s })
    })
    if (now.isWallTrusted) this.#countsFrom ??= now.at
    else this.#countsFrom = undefined
    return isSteady && now.isWallTrusted
  }

  #forget(now: Now): void {
    const rest = (then: Now): void => this.#again(then, FORGET_EVERY_MS, later => this.#forget(later))
    if (!this.#isSteady(now)) return rest(now)
    const before = (now.wall - FORGET_AFTER_MS) as WallTime
    this.#store.ask('forget', { before, keep: STORIES_MAX, limit: FORGET_BATCH }, (then, result) => {
      if (!('failure' in result) && result.value === FORGET_BATCH) this.#forget(then)
      else rest(then)
    })
  }
}
