import { open, type RootDatabase } from 'lmdb'
import type { Entry, Key, KeyValue, RangeOptions } from '../store/key-value.ts'
import { DiskFailure } from '../store/keyed.ts'
import type { StoreFailure } from '../store/verbs.ts'
import { memoryBytes, SMALL_BYTES } from './memory/machine.ts'
import type { StoreSnapshot } from './watched-store.ts'

/** Of the library, on the processors we run on. */
const PAGE_BYTES = 4096

/** Every size this store can have is mapped from the start: the library would otherwise remap under its readers. */
export function openTable(folder: string, mapBytes: number): RootDatabase<Buffer, Key> {
  return open<Buffer, Key>({
    path: folder,
    noSubdir: false,
    mapSize: Math.ceil(mapBytes / PAGE_BYTES) * PAGE_BYTES,
    overlappingSync: false,
    // A record of one user would bring 128 KiB of other users' into a cache that has room for a few hundred such. Its types leave it out.
    ...({ noReadAhead: memoryBytes() < SMALL_BYTES } as object),
    encoding: 'binary',
    keyEncoder: {
      writeKey: (key: Key, target: Buffer, at: number) => at + target.write(key, at, 'latin1'),
      readKey: (source: Buffer, start: number, end: number) => source.toString('latin1', start, end),
    },
  })
}

export interface Space {
  /** Bytes of pages in use. */
  readonly used: number
  /** Bytes of the file; what is not used of them is used again before it grows. */
  readonly file: number
  readonly entries: number
}

interface Stats {
  readonly entryCount: number
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
  readonly lastPageNumber: number
}

/** The open table as the verbs see it: inside a transaction all of it, outside of one the latest commit. */
export class LmdbTable implements KeyValue {
  readonly #table: RootDatabase<Buffer, Key>
  /** Bytes put, ever. */
  written = 0

  constructor(table: RootDatabase<Buffer, Key>) {
    this.#table = table
  }

  get(key: Key): Buffer | undefined {
    return this.#try(() => this.#table.getBinary(key))
  }

  /** The library copies it into one buffer of 16 MiB, used for every such read, whose own `subarray` sees all of it. */
  peek(key: Key): Buffer | undefined {
    return this.#try(() => {
      const bytes = this.#table.getBinaryFast(key)
      return bytes?.subarray(0, bytes.length)
    })
  }

  put(key: Key, value: Buffer): void {
    this.written += value.length
    this.#try(() => this.#table.put(key, value))
  }

  remove(key: Key): void {
    this.#try(() => this.#table.remove(key))
  }

  range(start: Key, end: Key, { limit, reverse = false }: RangeOptions = {}): Entry[] {
    const bounds = reverse
      ? { start: end, exclusiveStart: true, end: start, inclusiveEnd: true, reverse }
      : { start, end }
    return this.#try(() => [
      ...this.#table.getRange({ ...bounds, ...(limit !== undefined && limit < 2 ** 31 && { limit }) }),
    ])
  }

  /** All of the latest commit, whatever is written meanwhile. */
  snapshot(): StoreSnapshot {
    const transaction = this.#table.useReadTransaction()
    let last: Key | undefined
    return {
      entries: this.space().entries,
      next: most => {
        const from = last === undefined ? { start: '\0' } : { start: last, exclusiveStart: true }
        const entries: Entry[] = []
        let bytes = 0
        this.#try(() => {
          for (const entry of this.#table.getRange({ ...from, end: '\xff', transaction })) {
            entries.push(entry)
            bytes += entry.key.length + entry.value.length
            if (bytes >= most) break
          }
        })
        last = entries.at(-1)?.key ?? last
        return entries
      },
      close: () => transaction.done(),
    }
  }

  space(): Space {
    const stats = this.#table.getStats() as Stats
    const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
    return {
      used: pages * stats.pageSize,
      file: (stats.lastPageNumber + 1) * stats.pageSize,
      entries: stats.entryCount,
    }
  }

  #try<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw diskFailure(error)
    }
  }
}

/** Codes of LMDB for no room, beside those of the system. */
const FULL_CODES: ReadonlySet<unknown> = new Set([-30792, -30788, 28, 27, 122, 'ENOSPC', 'EFBIG', 'EDQUOT'])

export function diskFailure(error: unknown): DiskFailure {
  if (error instanceof DiskFailure) return error
  const { code, message } = error as { code?: unknown; message?: string }
  const text = message ?? String(error)
  const isFull = FULL_CODES.has(code) || /no space left|MDB_MAP_FULL|MDB_TXN_FULL|file too large/i.test(text)
  return new DiskFailure(isFull ? 'full' : 'io', text)
}

export const failureOf = ({ failure, message }: DiskFailure): StoreFailure => ({ failure, detail: message })

export const stuckFailure = (ms: number): StoreFailure => ({
  failure: 'io',
  detail: `the disk has not finished a write for ${ms / 1000} s`,
})

/** The library tells why a commit failed by a promise that is rejected beside the first. */
export async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> }
  if (!commitError) return error
  return commitError.then(
    () => error,
    cause => cause,
  )
}
