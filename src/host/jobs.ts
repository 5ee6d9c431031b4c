import { rmSync } from 'node:fs'
import { type FileHandle, mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { type Entropy, token } from '../base/entropy.ts'
import type { Log } from '../base/log.ts'
import type { Now, WallTime } from '../base/time.ts'
import type { Role } from '../services/access.ts'
import type { JobResult, JobService, JobState, JobView } from '../services/jobs.ts'
import { messageOf, PlainError, troubleOf } from './plain-error.ts'

/** Each reads much of the store; more of them would only be slower together. */
const RUNNING_MAX = 2
/** With their results; the oldest that has ended goes first. */
const KEPT_MAX = 16
/** After its end a job and its result are there for a day. */
const KEPT_MS = 24 * 3600 * 1000
const SWEEP_MS = 600_000
const ID_BITS = 130
/** Gathered before it is written, and written before the file system is asked again what is left. */
const WRITE_BYTES = 65_536
const LOOK_BYTES = 1024 * 1024

/** What long work is handed. */
export interface Running {
  readonly signal: AbortSignal
  /** `total` as far as it is known. */
  progress(done: number, total?: number): void
  /** Adds to the result. Throws PlainError where there is no room for it. */
  write(bytes: Buffer): Promise<void>
}

export interface JobOrder {
  /** What is done, e.g. `history export`. */
  readonly kind: string
  /** Of whom or what. */
  readonly subject: string
  /** Least role of those who may look at it, end it and have its result; an operator if nothing is said. */
  readonly role?: Role
  /** What is written, if anything is. */
  readonly result?: { readonly fileName: string; readonly contentType: string }
  /** Throws PlainError with what to tell a person; whatever else is a defect. Is to end soon after `signal` is. */
  run(running: Running): Promise<unknown>
}

interface JobsOptions {
  /** Emptied at the start: results do not outlive the process. */
  readonly dir: string
  /** Flash that the store keeps free for messages. Results take at most half of what is left above it. */
  readonly reserveBytes: number
  readonly entropy: Entropy
  readonly now: () => Now
  readonly log: Log
  readonly freeBytes?: () => Promise<number>
}

/** Work that is longer than a request: with progress, to be cancelled, its result kept for a while. */
export class Jobs implements JobService {
  readonly #options: JobsOptions
  readonly #jobs = new Map<string, Job>()
  readonly #timer: NodeJS.Timeout
  #isClosed = false

  constructor(options: JobsOptions) {
    this.#options = options
    this.#empty()
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  /** Undefined: too much is under way. */
  start(order: JobOrder): JobView | undefined {
    this.sweep()
    const running = [...this.#jobs.values()].filter(job => job.isRunning)
    if (this.#isClosed || running.length >= RUNNING_MAX) return undefined
    const [oldest] = [...this.#jobs.values()].filter(job => !job.isRunning)
    if (oldest && this.#jobs.size >= KEPT_MAX) this.#forget(oldest)
    const { dir, entropy } = this.#options
    const id = token(entropy, ID_BITS)
    const job = new Job(id, order, join(dir, id), this.#options, () => this.#hasRoom())
    this.#jobs.set(id, job)
    job.start()
    return job.view()
  }

  /** The newest first. */
  list(): JobView[] {
    this.sweep()
    return [...this.#jobs.values()].reverse().map(job => job.view())
  }

  get(id: string): JobView | undefined {
    this.sweep()
    return this.#jobs.get(id)?.view()
  }

  /** Of a job that is done. */
  result(id: string): JobResult | undefined {
    this.sweep()
    return this.#jobs.get(id)?.result()
  }

  /** Ends it, if it runs, and forgets it with its result. As it then was; undefined: there is no such job. */
  async remove(id: string): Promise<JobView | undefined> {
    const job = this.#jobs.get(id)
    if (!job) return undefined
    await job.cancel()
    this.#jobs.delete(id)
    const last = job.view()
    await job.drop()
    return last
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await Promise.all([...this.#jobs.values()].map(job => job.cancel()))
    this.#empty()
  }

  /** A medium that cannot be written keeps nothing else from running. */
  #empty(): void {
    const { dir, log } = this.#options
    try {
      rmSync(dir, { recursive: true, force: true })
    } catch (error) {
      log.warn('the folder of jobs cannot be emptied', { reason: messageOf(error) })
    }
  }

  /** Jobs whose time is over go. */
  sweep(): void {
    const { at } = this.#options.now()
    for (const job of this.#jobs.values()) if (job.endedFor(at) >= KEPT_MS) this.#forget(job)
  }

  #forget(job: Job): void {
    this.#jobs.delete(job.id)
    void job.drop()
  }

  /** Until the next look. */
  async #hasRoom(): Promise<boolean> {
    const { dir, reserveBytes, freeBytes = () => freeBelow(dir) } = this.#options
    const taken = [...this.#jobs.values()].reduce((sum, job) => sum + job.bytes, 0)
    return (await freeBytes()) - LOOK_BYTES - reserveBytes >= taken + LOOK_BYTES
  }
}

const freeBelow = async (dir: string): Promise<number> => {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}

class Job implements Running {
  readonly id: string
  readonly #order: JobOrder
  readonly #path: string
  readonly #options: JobsOptions
  readonly #hasRoom: () => Promise<boolean>
  readonly #abort = new AbortController()
  readonly #startedAt: WallTime
  #state: JobState = 'running'
  #done = 0
  #total: number | undefined
  #ended: Now | undefined
  #reason: string | undefined
  #work: Promise<void> = Promise.resolve()
  #file: FileHandle | undefined
  #gathered: Buffer[] = []
  #gatheredBytes = 0
  #written = 0
  #lookAt = 0

  constructor(id: string, order: JobOrder, path: string, options: JobsOptions, hasRoom: () => Promise<boolean>) {
    this.id = id
    this.#order = order
    this.#path = path
    this.#options = options
    this.#hasRoom = hasRoom
    this.#startedAt = options.now().wall
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  get bytes(): number {
    return this.#written
  }

  start(): void {
    this.#work = this.#run()
  }

  progress(done: number, total?: number): void {
    this.#done = done
    if (total !== undefined) this.#total = total
  }

  async write(bytes: Buffer): Promise<void> {
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    if (this.#gatheredBytes >= WRITE_BYTES) await this.#flush()
  }

  /** Milliseconds since its end; less than 0 while it runs. */
  endedFor(at: number): number {
    return this.#ended ? at - this.#ended.at : -1
  }

  async cancel(): Promise<void> {
    this.#abort.abort()
    await this.#work
  }

  async drop(): Promise<void> {
    this.#written = 0
    await rm(this.#path, { force: true })
  }

  result(): JobResult | undefined {
    const { result } = this.#order
    return result && this.#state === 'done' ? { ...result, path: this.#path, bytes: this.#written } : undefined
  }

  view(): JobView {
    const { kind, subject, role = 'operator', result } = this.#order
    return {
      id: this.id,
      kind,
      subject,
      role,
      state: this.#state,
      done: this.#done,
      total: this.#total ?? null,
      startedAt: this.#startedAt,
      endedAt: this.#ended?.wall ?? null,
      reason: this.#reason ?? null,
      resultBytes: result ? this.#written : null,
    }
  }

  async #run(): Promise<void> {
    const { log, now } = this.#options
    const { kind, subject, result } = this.#order
    let state: JobState = 'done'
    try {
      if (result) this.#file = await this.#begin()
      await this.#order.run(this)
      this.signal.throwIfAborted()
      await this.#flush()
    } catch (error) {
      state = this.signal.aborted ? 'cancelled' : 'failed'
      if (state === 'failed') this.#failed(error)
    }
    await this.#file?.close().catch(() => {})
    if (state !== 'done') await this.drop()
    this.#ended = now()
    this.#state = state
    log.info('job ended', { kind, subject, state, done: this.#done })
  }

  /** For its owner alone: what is said lies there. */
  async #begin(): Promise<FileHandle> {
    await mkdir(this.#options.dir, { recursive: true, mode: 0o700 })
    return open(this.#path, 'wx', 0o600)
  }

  #failed(error: unknown): void {
    this.#reason = error instanceof PlainError ? error.message : `It broke off: ${troubleOf(error)}`
    this.#options.log.error('job failed', { kind: this.#order.kind, reason: messageOf(error) })
  }

  async #flush(): Promise<void> {
    this.signal.throwIfAborted()
    const bytes = Buffer.concat(this.#gathered)
    this.#gathered = []
    this.#gatheredBytes = 0
    if (bytes.length === 0) return
    if (this.#written >= this.#lookAt) {
      if (!(await this.#hasRoom())) throw new PlainError('There is no room for the result on the flash of the box.')
      this.#lookAt = this.#written + LOOK_BYTES
    }
    await this.#file!.writeFile(bytes)
    this.#written += bytes.length
  }
}
