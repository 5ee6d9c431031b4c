/** Passwords under examination at a time: each takes 16 MiB and a core for some 50 ms. */
const CHECKS_MAX = 2
/** Under examination or waiting, of one source: whoever sends more waits behind nobody but themselves. */
const OF_ONE_MAX = 2
/** Of all: the last of them waits for some two seconds. */
const OF_ALL_MAX = 64

/** Whose password is looked at next. In the order in which they came, so that a guesser keeps nobody else out. */
export class CheckLine {
  readonly #of = new Map<string, number>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** False: as many are in it as may be. Otherwise to be followed by `leave`. */
  async enter(source: string): Promise<boolean> {
    const own = this.#of.get(source) ?? 0
    if (own >= OF_ONE_MAX || this.#running + this.#waiting.length >= OF_ALL_MAX) return false
    this.#of.set(source, own + 1)
    if (this.#running < CHECKS_MAX) this.#running++
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    return true
  }

  /** Whoever waits longest has the place. */
  leave(source: string): void {
    const left = (this.#of.get(source) ?? 1) - 1
    if (left > 0) this.#of.set(source, left)
    else this.#of.delete(source)
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running--
  }
}
