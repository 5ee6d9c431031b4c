/** One character is one byte, so that keys compare as text the way the disk orders them. Never empty. */
export type Key = string

export interface Entry {
  readonly key: Key
  readonly value: Buffer
}

export interface RangeOptions {
  readonly limit?: number
  /** From the end of the range downward. */
  readonly reverse?: boolean
}

/** An ordered table of bytes inside one transaction: what a verb needs of a disk. */
export interface KeyValue {
  get(key: Key): Buffer | undefined
  put(key: Key, value: Buffer): void
  remove(key: Key): void
  /** Entries from `start` (included) to `end` (not included). */
  range(start: Key, end: Key, options?: RangeOptions): Entry[]
}

/** Read-only view: a verb that has to put something right asks to be run again as a write. */
export class NeedsWrite extends Error {}

export const readOnly = (base: Pick<KeyValue, 'get' | 'range'>): KeyValue => ({
  get: key => base.get(key),
  range: (start, end, options) => base.range(start, end, options),
  put: needsWrite,
  remove: needsWrite,
})

function needsWrite(): never {
  throw new NeedsWrite()
}

/**
 * The writes of one batch of requests, held back from the disk: what many requests write again and again (counters, the head of a
 * mailbox) reaches it once, and a request that fails leaves nothing behind while its batch-mates go on.
 */
export class Overlay implements KeyValue {
  readonly #base: KeyValue
  #batch = new Map<Key, Buffer | undefined>()
  /** Of the request that runs now; joins the batch when it is done. */
  #request = new Map<Key, Buffer | undefined>()

  constructor(base: KeyValue) {
    this.#base = base
  }

  get(key: Key): Buffer | undefined {
    if (this.#request.has(key)) return this.#request.get(key)
    if (this.#batch.has(key)) return this.#batch.get(key)
    return this.#base.get(key)
  }

  put(key: Key, value: Buffer): void {
    this.#request.set(key, value)
  }

  remove(key: Key): void {
    this.#request.set(key, undefined)
  }

  /** Sees what earlier requests of the batch wrote, and what this one wrote. */
  range(start: Key, end: Key, options: RangeOptions = {}): Entry[] {
    this.flush()
    return mergeRange(this.#base, this.#request, start, end, options)
  }

  /** Keeps what the request wrote. */
  accept(): void {
    for (const [key, value] of this.#request) this.#batch.set(key, value)
    this.#request.clear()
  }

  /** Forgets what the request wrote. */
  reject(): void {
    this.#request.clear()
  }

  /** Hands the accepted writes down, in key order so that neighbours share a page. */
  flush(): void {
    if (this.#batch.size === 0) return
    const writes = [...this.#batch].sort(([a], [b]) => (a < b ? -1 : 1))
    this.#batch = new Map()
    for (const [key, value] of writes) {
      if (value === undefined) this.#base.remove(key)
      else this.#base.put(key, value)
    }
  }
}

/** A range of `base` as it is once `changes` (undefined: removed) are made. */
export function mergeRange(
  base: Pick<KeyValue, 'range'>,
  changes: ReadonlyMap<Key, Buffer | undefined>,
  start: Key,
  end: Key,
  options: RangeOptions = {},
): Entry[] {
  const own = [...changes].filter(([key]) => key >= start && key < end)
  if (own.length === 0) return base.range(start, end, options)
  const { limit, reverse = false } = options
  const below = base.range(start, end, limit === undefined ? { reverse } : { reverse, limit: limit + own.length })
  const merged = new Map<Key, Buffer | undefined>(below.map(({ key, value }) => [key, value]))
  for (const [key, value] of own) merged.set(key, value)
  return [...merged]
    .flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]))
    .sort((a, b) => (a.key < b.key !== reverse ? -1 : 1))
    .slice(0, limit)
}
