/**
 * How many of something each of several has at a time; who has none takes no memory. What is counted has to be bounded, as a key that
 * is added to is kept.
 */
export class Tally {
  readonly #counts = new Map<string, number>()

  /** Keys that have any. */
  get size(): number {
    return this.#counts.size
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1)
  }

  /** One that was added. */
  remove(key: string): void {
    const left = this.of(key) - 1
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
  }
}
