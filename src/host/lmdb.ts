import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { RootDatabase } from 'lmdb'
import type { Log } from '../base/log.ts'
import type { WallTime } from '../base/time.ts'
import { type Key, Overlay } from '../store/key-value.ts'
import { type Batch, DiskFailure, KeyedStore, type Loaded, type Result } from '../store/keyed.ts'
import { RECORDS_MAX, RecordCache } from '../store/record-cache.ts'
import type { Notice } from '../store/repair.ts'
import { openSchema } from '../store/schema.ts'
import { isMemoryOnly, isRead } from '../store/story.ts'
import type { StoreFailure, StoreRequest } from '../store/verbs.ts'
import { CommitWatch } from './commit-watch.ts'
import { FileRoom, growthFor } from './file-room.ts'
import { prepareFolder, settleFolder } from './lmdb-file.ts'
import type { LmdbOptions, LmdbStatus } from './lmdb-options.ts'
import { causeOf, diskFailure, failureOf, LmdbTable, openTable, stuckFailure } from './lmdb-table.ts'
import { withinMemory } from './memory/machine.ts'
import { bytesOf } from './request-bytes.ts'
import type { StoreSnapshot } from './watched-store.ts'

/** About a second of a fast disk; past it the senders are told to come back. */
const OUTSTANDING_MAX = 16384
/** Bytes of messages that wait for a commit; bounds the memory that a slow disk costs: on a small machine an eighth of it. */
const OUTSTANDING_BYTES_MAX = withinMemory(256 * 1024 * 1024, 1 / 8)
/** One transaction: longer ones make the first of them wait without making the commit cheaper. */
const BATCH_MAX = 512
const BATCH_BYTES_MAX = withinMemory(16 * 1024 * 1024, 1 / 16)
/** What a record that is kept in memory is reckoned with. */
const RECORD_BYTES = 1024
/** Free space is measured again after so long or so many bytes; in between what was written is taken off. */
const FREE_MEASURED_MS = 1000
const FREE_MEASURED_BYTES = 8 * 1024 * 1024
/** A transaction of full size may need as much. */
const NO_ROOM_BYTES = 2 * BATCH_BYTES_MAX
/** A sender gives up after 32 s (RFC 3261 timer F); a commit that takes longer than this has lost its disk. */
const COMMIT_MAX_MS = 30_000
/** 10,000 mailboxes in 4 s. */
const BEHIND_MS = 100
/** A medium that takes no writes is tried no more often for the sake of that: each trial is one. */
const BEHIND_FAILED_MS = 10_000
const NO_CHANGE: StoreRequest = { verb: 'clock', wall: 0 as WallTime }
/** SIGTERM allows 5 s for all. */
const CLOSE_MAX_MS = 4000

type Done = (result: Result) => void

interface Pending {
  readonly request: StoreRequest
  readonly done: Done
  readonly bytes: number
}

/**
 * The store of the box. What is asked while a commit is under way goes together in the next one; a write is answered after its flush,
 * a read at once from the latest commit. A full or failing disk fails what was asked of it and is tried again with the next write.
 */
export class LmdbStore {
  readonly #folder: string
  readonly #database: RootDatabase<Buffer, Key>
  readonly #table: LmdbTable
  readonly #store: KeyedStore
  readonly #log: Log
  readonly #mapBytes: number
  readonly #commitMaxMs: number
  readonly #file: FileRoom
  #reads: Pending[] = []
  #writes: Pending[] = []
  /** Parts of a batch that found the disk full: each part is tried alone. */
  #again: Pending[][] = []
  #isCommitting = false
  #taken: Pending[] = []
  /** Not handed out by the transaction: the library links each of its commits to the next and keeps what they return with it. */
  #batch: Batch | undefined
  /** The commit under way took too long: what waited for it was told so, and so is what comes, until it ends after all. */
  #isStuck = false
  readonly #watch: CommitWatch
  #isClosed = false
  #outstanding = 0
  #outstandingBytes = 0
  #commits = 0
  #written = 0
  #damaged = 0
  #failure: string | undefined
  #wasRefused = false
  #diskFree = 0
  #measuredAt = Number.NEGATIVE_INFINITY
  #measuredWritten = 0
  #isMeasuring = false
  #onIdle: (() => void) | undefined

  /** Throws with a plain message: a foreign or damaged file, a newer schema, a folder that cannot be written. */
  static async open(options: LmdbOptions): Promise<LmdbStore> {
    const folder = join(options.dir, 'mailbox')
    await prepareFolder(folder)
    const database = openTable(folder, options.mapBytes)
    try {
      await settleFolder(folder)
      const store = new LmdbStore(options, folder, database)
      await store.#measure()
      let loaded: Loaded | undefined
      await database.childTransaction(() => {
        const overlay = new Overlay(store.#table)
        openSchema(overlay)
        overlay.accept()
        overlay.flush()
        loaded = store.#store.load(store.#table)
      })
      loaded?.settle()
      store.#tell(loaded?.notices ?? [])
      store.#readOn()
      return store
    } catch (error) {
      await database.close()
      throw error
    }
  }

  constructor(options: LmdbOptions, folder: string, database: RootDatabase<Buffer, Key>) {
    this.#folder = folder
    this.#database = database
    this.#table = new LmdbTable(database)
    const surroundings = { hostname: options.hostname, freeBytes: () => this.#freeBytes() }
    this.#store = new KeyedStore(
      surroundings,
      new RecordCache(Math.floor(withinMemory(RECORDS_MAX * RECORD_BYTES, 1 / 32) / RECORD_BYTES)),
    )
    this.#log = options.log
    this.#mapBytes = options.mapBytes
    this.#commitMaxMs = options.commitMaxMs ?? COMMIT_MAX_MS
    this.#watch = new CommitWatch(this.#commitMaxMs, () => this.#giveUp())
    this.#file = new FileRoom(join(folder, 'data.mdb'), options.mapBytes, () => this.#table.space())
  }

  /** `done` runs once, never within this call. */
  submit(request: StoreRequest, done: Done): void {
    const bytes = bytesOf(request)
    if (this.#isClosed) return later(done, { failure: 'closed', detail: 'the store is closed' })
    const isOver = this.#outstanding >= OUTSTANDING_MAX || this.#outstandingBytes + bytes > OUTSTANDING_BYTES_MAX
    if (isOver) return later(done, { failure: 'busy', detail: `${this.#outstanding} requests wait for the disk` })
    this.#outstanding++
    this.#outstandingBytes += bytes
    const pending = { request, done, bytes }
    if (isRead(request.verb) || isMemoryOnly(request.verb)) this.#enqueueRead(pending)
    else this.#enqueueWrite(pending)
  }

  /** Holds on to the pages of the latest commit until it is let go: until then the file grows by whatever is written. */
  snapshot(): StoreSnapshot {
    return this.#table.snapshot()
  }

  get status(): LmdbStatus {
    return {
      outstanding: this.#outstanding,
      commits: this.#commits,
      writes: this.#written,
      damaged: this.#damaged,
      freeBytes: this.#freeBytes(),
      commitMs: this.#watch.ms,
      failure: this.#failure,
    }
  }

  /** Waits for what is outstanding, at most 4 s; what is asked from now on fails with `closed`. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#outstanding > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, CLOSE_MAX_MS)
      this.#onIdle = resolve
      await promise
      clearTimeout(timer)
    }
    this.#watch.close()
    if (this.#outstanding > 0 || this.#isStuck)
      this.#log.error('the store did not finish in time', { outstanding: this.#outstanding })
    else await this.#database.close()
  }

  #enqueueRead(pending: Pending): void {
    this.#reads.push(pending)
    if (this.#reads.length === 1) queueMicrotask(() => this.#runReads())
  }

  #runReads(): void {
    const reads = this.#reads
    this.#reads = []
    for (const pending of reads) {
      const result = this.#read(pending.request)
      if (result) this.#answer(pending, result)
      else this.#enqueueWrite(pending)
    }
  }

  #read(request: StoreRequest): Result | undefined {
    if (isMemoryOnly(request.verb)) return { value: this.#store.lease(request as Parameters<KeyedStore['lease']>[0]) }
    try {
      return this.#store.read(this.#table, request)
    } catch (error) {
      return failureOf(diskFailure(error))
    }
  }

  #enqueueWrite(pending: Pending): void {
    if (this.#isStuck) return queueMicrotask(() => this.#answer(pending, stuckFailure(this.#commitMaxMs)))
    this.#writes.push(pending)
    if (!this.#isCommitting) this.#begin()
  }

  /** By requests that change nothing, as each batch reads some of what the start put off. */
  #readOn(ms = BEHIND_MS): void {
    if (!this.#store.isBehind || this.#isClosed) return
    const then = (result: Result): void => this.#readOn('failure' in result ? BEHIND_FAILED_MS : BEHIND_MS)
    setTimeout(() => this.submit(NO_CHANGE, then), ms).unref()
  }

  #begin(): void {
    this.#isCommitting = true
    this.#watch.begun()
    void this.#commit()
  }

  /** After the root page could not be written, for one, the library never ends the next commit. */
  #giveUp(): void {
    this.#isStuck = true
    const failure = stuckFailure(this.#commitMaxMs)
    this.#failure = failure.detail
    this.#log.error('the store cannot write', { reason: failure.detail })
    const waiting = [...this.#taken, ...this.#again.flat(), ...this.#writes]
    this.#taken = []
    this.#again = []
    this.#writes = []
    for (const pending of waiting) this.#answer(pending, failure)
  }

  /**
   * The batch is taken when the disk is ready for it, so that what arrives until then goes with it. A child transaction, because
   * only that can be undone when one of its writes fails.
   */
  async #commit(): Promise<void> {
    const part = this.#again.shift()
    const refused = this.#wasRefused ? await this.#file.refused() : undefined
    if (refused) this.#refuse([...(part ?? []), ...this.#writes.splice(0)], refused)
    else {
      const room = part ? 0 : await this.#roomToGrow()
      if (part || this.#writes.length > 0) await this.#write(room, part)
    }
    this.#isStuck = false
    this.#watch.ended()
    this.#isCommitting = false
    if (this.#again.length > 0 || this.#writes.length > 0) this.#begin()
  }

  /** The library is asked again only when the medium takes a write beside its file: it does not bear many that are refused. */
  #refuse(pending: readonly Pending[], failure: DiskFailure): void {
    this.#failure = failure.message
    for (const each of pending) this.#answer(each, failureOf(failure))
  }

  async #write(room: number, part: Pending[] | undefined): Promise<void> {
    this.#taken = part ?? []
    try {
      const committed = this.#database.childTransaction(() => {
        if (!part) this.#taken = this.#take(room)
        this.#batch = this.#store.write(
          this.#table,
          this.#taken.map(({ request }) => request),
        )
      })
      // The library rejects a promise of its own beside ours; it is made in the coming turn of the loop.
      setImmediate(() => this.#database.committed.then(ignore, ignore))
      await committed
      this.#committed(this.#batch!)
    } catch (error) {
      this.#failed(await this.#judged(diskFailure(await causeOf(error))))
    }
    this.#taken = []
    this.#batch = undefined
  }

  /** What does not fit is refused here already: the library shall not find out. */
  async #roomToGrow(): Promise<number> {
    const room = await this.#file.ahead(this.#table.written)
    const refused = this.#writes.filter(({ bytes }) => growthFor(bytes) > room)
    if (refused.length === 0) return room
    this.#writes = this.#writes.filter(({ bytes }) => growthFor(bytes) <= room)
    for (const pending of refused) this.#answer(pending, failureOf(new DiskFailure('full', 'the file cannot grow')))
    return room
  }

  #take(room: number): Pending[] {
    let bytes = 0
    let growth = 0
    let count = 0
    for (const pending of this.#writes) {
      bytes += pending.bytes
      growth += growthFor(pending.bytes)
      if (growth > room) break
      if (count > 0 && (count >= BATCH_MAX || bytes > BATCH_BYTES_MAX)) break
      count++
    }
    return this.#writes.splice(0, count)
  }

  #committed({ results, notices, settle }: Batch): void {
    this.#database.resetReadTxn()
    settle()
    this.#commits++
    this.#written += results.length
    if (this.#failure !== undefined) this.#log.info('the store takes writes again')
    this.#failure = undefined
    this.#wasRefused = false
    this.#tell(notices)
    this.#measureWhenDue()
    for (const [at, pending] of this.#taken.entries()) this.#answer(pending, results[at]!)
  }

  #tell(notices: readonly Notice[]): void {
    for (const { table, storeId, aor } of notices) {
      this.#damaged++
      this.#log.error('a damaged record was set aside', { table, storeId, aor })
    }
  }

  /** The library reports a write cut short as EIO: with no room left, it is that. */
  async #judged(failure: DiskFailure): Promise<DiskFailure> {
    if (failure.failure === 'full') return failure
    const room = await statfs(this.#folder).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => Number.POSITIVE_INFINITY,
    )
    return room < NO_ROOM_BYTES ? new DiskFailure('full', failure.message) : failure
  }

  #failed(failure: DiskFailure): void {
    const taken = this.#taken
    if (this.#failure === undefined) this.#log.error('the store cannot write', { reason: failure.message })
    this.#failure = failure.message
    this.#wasRefused = true
    this.#measuredAt = Number.NEGATIVE_INFINITY
    this.#measureWhenDue()
    if (failure.failure === 'full' && taken.length > 1) {
      const half = taken.length >> 1
      this.#again.unshift(taken.slice(0, half), taken.slice(half))
      return
    }
    for (const pending of taken) this.#answer(pending, failureOf(failure))
  }

  #answer({ done, bytes }: Pending, result: Result): void {
    this.#outstanding--
    this.#outstandingBytes -= bytes
    done(result)
    if (this.#outstanding === 0) this.#onIdle?.()
  }

  #freeBytes(): number {
    return this.#diskFree - (this.#table.written - this.#measuredWritten)
  }

  #measureWhenDue(): void {
    const isDue =
      performance.now() - this.#measuredAt > FREE_MEASURED_MS ||
      this.#table.written - this.#measuredWritten > FREE_MEASURED_BYTES
    if (isDue && !this.#isMeasuring)
      this.#measure().catch(error => this.#log.warn('free space is unknown', { reason: String(error) }))
  }

  /** Pages that the store has freed are used again before the file grows, so they count as free. */
  async #measure(): Promise<void> {
    this.#isMeasuring = true
    this.#measuredAt = performance.now()
    const written = this.#table.written
    try {
      const { bavail, bsize } = await statfs(this.#folder)
      const { used, file } = this.#table.space()
      this.#diskFree = Math.min(bavail * bsize + file - used, this.#mapBytes - used)
      this.#measuredWritten = written
    } finally {
      this.#isMeasuring = false
    }
  }
}

const later = (done: Done, failure: StoreFailure): void => queueMicrotask(() => done(failure))

const ignore = (): void => {}
