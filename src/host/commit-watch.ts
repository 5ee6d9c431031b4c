/** A timer that comes later than that says of the program that it stood still, and not of the disk. */
const LATE_MS = 1000

/** Gives up a commit that takes too long. One at a time is under way; one timer serves all of its time. */
export class CommitWatch {
  readonly #maxMs: number
  readonly #giveUp: () => void
  #since: number | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(maxMs: number, giveUp: () => void) {
    this.#maxMs = maxMs
    this.#giveUp = giveUp
  }

  begun(): void {
    this.#since = performance.now()
    if (!this.#timer) this.#arm(this.#maxMs)
  }

  ended(): void {
    this.#since = undefined
  }

  /** How long the one that is under way has taken. */
  get ms(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #arm(ms: number): void {
    const due = performance.now() + ms
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.#since === undefined) return
      const left = this.#maxMs - this.ms
      // While the program stood still nobody could hear that the commit has ended.
      if (performance.now() > due + LATE_MS) this.#arm(LATE_MS)
      else if (left > 0) this.#arm(left)
      else this.#giveUp()
    }, ms)
  }
}
