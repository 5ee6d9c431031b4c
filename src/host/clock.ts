import type { Instant, Now, WallTime } from '../base/time.ts'

/** No box stood before this was written: a clock that says so has not been set. */
export const OLDEST_WALL = Date.UTC(2026, 0, 1) as WallTime

/** Between two readings the wall clock may be corrected by this much and still count as running steadily. */
const STEP_MAX_MS = 2000

interface Sources {
  readonly monotonic: () => number
  readonly wall: () => number
}

const system: Sources = { monotonic: () => performance.now(), wall: () => Date.now() }

/** Both clocks. The wall clock is trusted from the floor on: the latest time that the store has seen. */
export class Clock {
  readonly #sources: Sources
  #floor: WallTime
  #last: Now

  constructor(floor: WallTime, sources: Sources = system) {
    this.#sources = sources
    this.#floor = Math.max(floor, OLDEST_WALL) as WallTime
    this.#last = this.now()
  }

  now(): Now {
    const wall = this.#sources.wall() as WallTime
    return { at: this.#sources.monotonic() as Instant, wall, isWallTrusted: wall >= this.#floor }
  }

  /** The latest time known to have been: harmless to write down again. */
  get trustedWall(): WallTime {
    return this.#floor
  }

  /**
   * The floor to write down now, if any: only a trusted clock that ran steadily since the last call raises it, so that a
   * jump far ahead, soon corrected, does not leave the box without a trusted clock for years.
   */
  nextFloor(): WallTime | undefined {
    const now = this.now()
    const drift = now.wall - this.#last.wall - (now.at - this.#last.at)
    this.#last = now
    if (!now.isWallTrusted || Math.abs(drift) > STEP_MAX_MS) return undefined
    this.#floor = now.wall
    return now.wall
  }
}
