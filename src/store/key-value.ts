import { isKeptAsValue, justAfter } from './keys.ts'
import type { RecordCache } from './record-cache.ts'

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
  /** As `get`, of bytes that are good until the next call of this table and no longer: a large value costs no memory of its own. */
  peek(key: Key): Buffer | undefined
  /** `value` is the caller's again when this returns. */
  put(key: Key, value: Buffer): void
  remove(key: Key): void
  /** Entries from `start` (included) to `end` (not included). */
  range(start: Key, end: Key, options?: RangeOptions): Entry[]
}

/** Entries read at once where a whole table is gone through. */
const SCAN_CHUNK = 256

/** All entries between two keys, however many, a chunk in memory at a time; what was read already may be changed meanwhile. */
export function* scanned(kv: Snapshot, start: Key, end: Key, chunkMax = SCAN_CHUNK): Generator<Entry> {
  for (let from = start; ; ) {
    const chunk = kv.range(from, end, { limit: chunkMax })
    yield* chunk
    if (chunk.length < chunkMax) return
    from = justAfter(chunk.at(-1)!.key)
  }
}

/** Read-only view: a verb that has to put something right asks to be run again as a write. */
export class NeedsWrite extends Error {}

/** What of a table is enough to read from it. */
export type Snapshot = Pick<KeyValue, 'get' | 'peek' | 'range'>

export const readOnly = (base: Snapshot, cache?: RecordCache): Records => ({
  get: key => base.get(key),
  peek: key => base.peek(key),
  known: key => cache?.get(key),
  remember: (key, record) => cache?.set(key, record),
  range: (start, end, options) => base.range(start, end, options),
  put: needsWrite,
  putRecord: needsWrite,
  remove: needsWrite,
})

function needsWrite(): never {
  throw new NeedsWrite()
}

/** A table that keeps records as values beside their bytes, so that what is read for each message is not decoded each time. */
export interface Records extends KeyValue {
  /** The record under the key, not to be changed; null: there is none; undefined: look at the bytes. */
  known(key: Key): object | null | undefined
  /** The value that the bytes under the key stand for. */
  remember(key: Key, record: object | null): void
  /**
   * As `put`, of a record that many requests of a batch write again: `encode`, which must not throw, runs once at the end. What it makes
   * need not outlast its next run.
   */
  putRecord(key: Key, record: object, encode: () => Buffer): void
}

interface Unwritten {
  readonly record: object
  readonly encode: () => Buffer
}

/** What a batch leaves under a key; null: nothing. */
type Row = Buffer | Unwritten | null

/** Good as long as those that are peeked at. */
const bytesOf = (row: Row): Buffer | undefined => (row === null ? undefined : 'encode' in row ? row.encode() : row)

const keptBytesOf = (row: Row): Buffer | undefined =>
  row !== null && 'encode' in row ? Buffer.from(row.encode()) : bytesOf(row)

/**
 * The writes of one batch of requests, held back from the disk: what many requests write again and again (counters, the head of a
 * mailbox) reaches it once, and a request that fails leaves nothing behind while its batch-mates go on.
 */
export class Overlay implements Records {
  readonly #base: KeyValue
  readonly #cache: RecordCache | undefined
  /** Of the request that runs now; joins the batch when it is done. */
  readonly #request = new Map<Key, Row>()
  #batch = new Map<Key, Row>()
  /** Of the batch, and handed down already. */
  #flushed = new Map<Key, Row>()

  /** `cache`: what is on stable storage under `base`; it learns what the batch writes only by `settle`. */
  constructor(base: KeyValue, cache?: RecordCache) {
    this.#base = base
    this.#cache = cache
  }

  get(key: Key): Buffer | undefined {
    const row = this.#row(key)
    return row === undefined ? this.#base.get(key) : keptBytesOf(row)
  }

  peek(key: Key): Buffer | undefined {
    const row = this.#row(key)
    return row === undefined ? this.#base.peek(key) : bytesOf(row)
  }

  known(key: Key): object | null | undefined {
    const row = this.#row(key)
    if (row === undefined) return this.#cache?.get(key)
    if (row === null) return null
    return 'record' in row ? row.record : undefined
  }

  remember(key: Key, record: object | null): void {
    if (this.#cache && this.#row(key) === undefined) this.#cache.set(key, record)
  }

  put(key: Key, value: Buffer): void {
    this.#request.set(key, value)
  }

  putRecord(key: Key, record: object, encode: () => Buffer): void {
    this.#request.set(key, { record, encode })
  }

  remove(key: Key): void {
    this.#request.set(key, null)
  }

  /** Sees what earlier requests of the batch wrote, and what this one wrote. */
  range(start: Key, end: Key, options: RangeOptions = {}): Entry[] {
    this.flush()
    const own = new Map([...this.#request].map(([key, row]) => [key, keptBytesOf(row)] as const))
    return mergeRange(this.#base, own, start, end, options)
  }

  /** Keeps what the request wrote. */
  accept(): void {
    for (const [key, row] of this.#request) this.#batch.set(key, row)
    this.#request.clear()
  }

  /** Forgets what the request wrote. */
  reject(): void {
    this.#request.clear()
  }

  /** Hands the accepted writes down. */
  flush(): void {
    for (const [key, row] of this.#batch) {
      const value = bytesOf(row)
      if (value === undefined) this.#base.remove(key)
      else this.#base.put(key, value)
    }
    if (this.#flushed.size === 0) this.#flushed = this.#batch
    else for (const [key, row] of this.#batch) this.#flushed.set(key, row)
    this.#batch = new Map()
  }

  /** What was flushed is on stable storage: the cache learns of it. */
  settle(): void {
    for (const [key, row] of this.#flushed) {
      if (!isKeptAsValue(key)) continue
      if (row !== null && 'record' in row) this.#cache?.set(key, row.record)
      else this.#cache?.forget(key)
    }
  }

  #row(key: Key): Row | undefined {
    const row = this.#request.get(key)
    if (row !== undefined) return row
    const earlier = this.#batch.get(key)
    return earlier === undefined && this.#flushed.size > 0 ? this.#flushed.get(key) : earlier
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
