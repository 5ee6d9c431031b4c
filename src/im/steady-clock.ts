import { after, type Instant, type Now } from '../base/time.ts'

const STEP_MS = 60_000
const STEADY_MS = 300_000

/** A clock that was set may be wrong now: nothing ends by it until it has run on for a while without being set again. */
export class SteadyClock {
  #looked: Now
  #steadyFrom: Instant | undefined

  constructor(now: Now) {
    this.#looked = now
  }

  /** To be asked at every look; `set`: by how many seconds it was, ahead or, below 0, back. */
  isSteady(now: Now, set: (byS: number) => void = () => {}): boolean {
    const { at, wall } = this.#looked
    const stepMs = now.wall - wall - (now.at - at)
    this.#looked = now
    if (Math.abs(stepMs) > STEP_MS) {
      this.#steadyFrom = after(now, STEADY_MS)
      set(Math.round(stepMs / 1000))
    }
    return this.#steadyFrom === undefined || now.at >= this.#steadyFrom
  }
}
