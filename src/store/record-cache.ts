import type { Key } from './key-value.ts'

/** Records of some thousand users at a few hundred bytes each; a user beyond them costs a read of the disk again. */
export const RECORDS_MAX = 16384

/**
 * What is on stable storage under the keys that every message looks at, as values: accounts, bindings, heads, totals. The store that
 * keeps it is the only writer of its disk, so it goes out of date by that store's own commits alone.
 */
export class RecordCache {
  readonly #records = new Map<Key, object | null>()
  readonly #max: number

  constructor(max = RECORDS_MAX) {
    this.#max = max
  }

  /** null: there is no such record; undefined: not known here. */
  get(key: Key): object | null | undefined {
    return this.#records.get(key)
  }

  set(key: Key, record: object | null): void {
    if (this.#records.size >= this.#max && !this.#records.has(key)) this.#dropOldest()
    this.#records.set(key, record)
  }

  forget(key: Key): void {
    this.#records.delete(key)
  }

  get size(): number {
    return this.#records.size
  }

  #dropOldest(): void {
    const oldest = this.#records.keys().next()
    if (!oldest.done) this.#records.delete(oldest.value)
  }
}
