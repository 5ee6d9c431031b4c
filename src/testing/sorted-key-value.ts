import type { Entry, Key, KeyValue, RangeOptions } from '../store/key-value.ts'

/** An ordered table in memory, for the verbs to run on without a disk. */
export class SortedKeyValue implements KeyValue {
  readonly #values = new Map<Key, Buffer>()
  readonly #keys: Key[] = []
  #peeked: Buffer | undefined

  get(key: Key): Buffer | undefined {
    this.#spoil()
    return this.#values.get(key)
  }

  peek(key: Key): Buffer | undefined {
    const value = this.get(key)
    this.#peeked = value && Buffer.from(value)
    return this.#peeked
  }

  put(key: Key, value: Buffer): void {
    this.#spoil()
    if (!this.#values.has(key)) this.#keys.splice(this.#place(key), 0, key)
    this.#values.set(key, Buffer.from(value))
  }

  remove(key: Key): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#place(key), 1)
  }

  range(start: Key, end: Key, { limit, reverse = false }: RangeOptions = {}): Entry[] {
    const [from, to] = [this.#place(start), this.#place(end)]
    const keys = reverse
      ? this.#keys.slice(limit === undefined ? from : Math.max(from, to - limit), to).reverse()
      : this.#keys.slice(from, limit === undefined ? to : Math.min(to, from + limit))
    return keys.map(key => ({ key, value: this.#values.get(key)! }))
  }

  get size(): number {
    return this.#values.size
  }

  /** Who still uses what was peeked at finds it changed. */
  #spoil(): void {
    this.#peeked?.fill(0xdb)
    this.#peeked = undefined
  }

  /** Where the key is or would be. */
  #place(key: Key): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
