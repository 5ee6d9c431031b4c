import { open, rm, stat, statfs, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DiskFailure } from '../store/keyed.ts'
import { diskFailure } from './lmdb-table.ts'
import { reasonOf } from './plain-error.ts'

/**
 * The library does not bear it when the system refuses one of its writes: what it notes of the failure is longer than the memory that
 * it takes for it (lmdb 3.5.6, mdb_page_flush), and sooner or later that ends the process. So before each commit it is found out here
 * whether the file can grow: its size is set ahead of what is in it, which takes no space, and the file system is asked what is left.
 */

/** How far ahead: half of it is more than the largest commit needs, and what was written since the last look. */
const AHEAD_BYTES = 128 * 1024 * 1024
const STEP_MIN_BYTES = 64 * 1024

/** For one request that adds something: the pages of its records, and the way to them, copied. */
const PAGES_BYTES = 32 * 1024
/** Left to what adds nothing, above all to deleting. */
const KEPT_BYTES = 256 * 1024
/** As much as a commit that only deletes or registers takes of a file system. */
const PROBE_BYTES = 64 * 1024
/** Pages of the file that are free are used first, where they are enough in a row; not more than a part of them is counted on. */
const USABLE_PART = 0.25

/** With more than this left the file system is asked only every so often: others do not fill so much within that time. */
const PLENTY_BYTES = 512 * 1024 * 1024
const BELIEVED_MS = 1000
const BELIEVED_BYTES = 8 * 1024 * 1024

/** By how much the file may grow for a request with so many bytes of messages; 0 if it adds nothing. */
export const growthFor = (bytes: number): number => (bytes === 0 ? 0 : Math.ceil(bytes * 1.25) + PAGES_BYTES)

/** How much can be added to a file of the library before it has to be asked again. */
export class FileRoom {
  readonly #path: string
  readonly #bytesMax: number
  readonly #space: () => { readonly used: number; readonly file: number }
  #room = 0
  #isPlenty = false
  #checkedAt = Number.NEGATIVE_INFINITY
  #checkedWritten = 0

  /** `space`: bytes of the file that hold something, and up to where it was ever written. */
  constructor(path: string, bytesMax: number, space: () => { readonly used: number; readonly file: number }) {
    this.#path = path
    this.#bytesMax = bytesMax
    this.#space = space
  }

  /** `written`: bytes that were put into the file, ever. Nothing where the file system does not tell. */
  async ahead(written: number): Promise<number> {
    const since = written - this.#checkedWritten
    const isBelieved = this.#isPlenty && since < BELIEVED_BYTES && performance.now() - this.#checkedAt < BELIEVED_MS
    if (!isBelieved) {
      this.#checkedAt = performance.now()
      this.#checkedWritten = written
      this.#room = await this.#measured().catch(() => 0)
    }
    return this.#room
  }

  /** Why the medium takes no write beside the file either; undefined where it does. */
  async refused(): Promise<DiskFailure | undefined> {
    const path = join(dirname(this.#path), 'probe')
    try {
      const file = await open(path, 'w', 0o600)
      try {
        await file.write(Buffer.alloc(PROBE_BYTES))
        await file.datasync()
      } finally {
        await file.close()
      }
      return undefined
    } catch (error) {
      return new DiskFailure(diskFailure(error).failure, reasonOf(error))
    } finally {
      await rm(path, { force: true }).catch(() => {})
    }
  }

  async #measured(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#path)
    const { used, file: end } = this.#space()
    const size = await this.#grown(end)
    const left = bavail * bsize
    this.#isPlenty = left > PLENTY_BYTES && size - end > AHEAD_BYTES / 2
    return Math.max(0, Math.min(size - end, left) + (end - used) * USABLE_PART - KEPT_BYTES)
  }

  /** As large as the system lets it be, up to what is wanted: limits of quotas and of the file system itself show here. */
  async #grown(end: number): Promise<number> {
    const { size } = await stat(this.#path)
    if (size - end > AHEAD_BYTES / 2) return size
    const most = Math.min(AHEAD_BYTES, this.#bytesMax - end)
    for (let step = most; step >= STEP_MIN_BYTES && end + step > size; step = Math.floor(step / 2)) {
      const isDone = await truncate(this.#path, end + step).then(
        () => true,
        () => false,
      )
      if (isDone) return end + step
    }
    return size
  }
}
