/**
 * Values under small numbers that are used again, for what comes and goes thousands of times a second. A `Map` with such a turnover
 * is copied every few dozen entries, and V8 links each copy to the next: once one of them is old, all that ever stood in the later
 * ones is kept and copied until the next full collection.
 */
export class Slots<T extends object> {
  readonly #values: (T | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#values.length - this.#free.length
  }

  /** The number to ask for it by, until it is taken out. */
  add(value: T): number {
    const place = this.#free.pop() ?? this.#values.length
    this.#values[place] = value
    return place
  }

  get(place: number): T | undefined {
    return this.#values[place]
  }

  /** Takes it out; undefined when nothing stands there. */
  take(place: number): T | undefined {
    const value = this.#values[place]
    if (value !== undefined) {
      this.#values[place] = undefined
      this.#free.push(place)
    }
    return value
  }

  *values(): Generator<T> {
    for (const value of this.#values) if (value !== undefined) yield value
  }
}
