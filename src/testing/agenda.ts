import type { Instant } from '../base/time.ts'

interface Entry {
  readonly at: Instant
  readonly order: number
  readonly run: () => void
}

/** What the simulated world will do and when. What is due at the same instant happens in the order it was put down. */
export class Agenda {
  #entries: Entry[] = []
  #order = 0

  add(at: Instant, run: () => void): void {
    const entry = { at, order: this.#order++, run }
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#entries[middle]!.at <= at) low = middle + 1
      else high = middle
    }
    this.#entries.splice(low, 0, entry)
  }

  nextAt(): Instant | undefined {
    return this.#entries[0]?.at
  }

  runFirst(): void {
    this.#entries.shift()?.run()
  }

  get size(): number {
    return this.#entries.length
  }
}
