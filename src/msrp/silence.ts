import { after, type Instant, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { MsrpHost } from './host.ts'

/**
 * Ends what a peer keeps open without a word. Looked at now and then rather than armed for each read: silence in the
 * middle of a frame ends a connection after `stalledMs`, between frames after `idleMs`.
 */
export class Silence {
  readonly #host: MsrpHost
  readonly #isMidFrame: () => boolean
  readonly #end: (now: Now, why: 'stalled' | 'idle') => void
  #timer: Timer | undefined
  #heardAt = 0 as Instant
  #isPaused = false

  constructor(host: MsrpHost, isMidFrame: () => boolean, end: (now: Now, why: 'stalled' | 'idle') => void) {
    this.#host = host
    this.#isMidFrame = isMidFrame
    this.#end = end
  }

  heard(now: Now): void {
    this.#heardAt = now.at
  }

  /** While we do not read, nobody can be heard. */
  pause(now: Now, isPaused: boolean): void {
    this.#isPaused = isPaused
    this.#heardAt = now.at
  }

  watch(now: Now): void {
    if (this.#timer) return
    this.#heardAt = now.at
    this.#look(now)
  }

  stop(): void {
    this.#host.timers.cancel(this.#timer)
    this.#timer = undefined
  }

  #look(now: Now): void {
    const { stalledMs, idleMs } = this.#host.limits
    if (this.#isPaused) this.#heardAt = now.at
    const isMidFrame = this.#isMidFrame()
    const due = (this.#heardAt + (isMidFrame ? stalledMs : idleMs)) as Instant
    if (due <= now.at) {
      this.#timer = undefined
      this.#end(now, isMidFrame ? 'stalled' : 'idle')
      return
    }
    const next = Math.min(due, after(now, stalledMs)) as Instant
    this.#timer = this.#host.timers.set('msrp silence', next, later => this.#host.run(later, () => this.#look(later)))
  }
}
