import type { Instant, Now, WallTime } from '../base/time.ts'

/** 2030-01-01T00:00:00Z: far from any machine's own date, so that a stray reading of the real clock shows. */
export const SIMULATED_START = 1_893_456_000_000 as WallTime

/** Both clocks of a simulated world; they go forward only when told. */
export class SimulatedClock {
  #at = 0
  #wallOffset: number = SIMULATED_START
  isWallTrusted = true

  get at(): Instant {
    return this.#at as Instant
  }

  get wall(): WallTime {
    return (this.#at + this.#wallOffset) as WallTime
  }

  now(): Now {
    return { at: this.at, wall: this.wall, isWallTrusted: this.isWallTrusted }
  }

  /** A time gone by already leaves the clock where it is. */
  advanceTo(at: Instant): void {
    if (at > this.#at) this.#at = at
  }

  /** Moves the wall clock alone, as an NTP step or a lost RTC does. */
  setWall(wall: number): void {
    this.#wallOffset = wall - this.#at
  }
}
