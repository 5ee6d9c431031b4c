import { randomBytes } from 'node:crypto'
import { open, readFile, realpath, rm, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestStep } from '../../services/diagnosis.ts'
import { PlainError, troubleOf } from '../plain-error.ts'
import { Limited, stopwatch } from './limited.ts'
import { mountOf } from './mounts.ts'

/** More than any cache of the medium's own controller answers at once, and nothing beside what it wears in an hour. */
const BYTES = 1024 * 1024

interface DiskTestParts {
  readonly dataDir: string
  /** Of the configuration: kept free for deleting. */
  readonly reserveBytes: number
  /** Has the store write something harmless; throws where it cannot. Absent: no store is open. */
  readonly record?: (() => Promise<void>) | undefined
  /** The file, for tests of what a medium may answer. */
  readonly fileOf?: (dataDir: string) => string
  readonly limitMs?: number
}

const newFile = (dataDir: string): string => join(dataDir, `disk-test-${randomBytes(6).toString('hex')}`)

/** Each step with its time; after one that does not answer there is no other. */
export async function* testDisk(parts: DiskTestParts, signal: AbortSignal): AsyncGenerator<TestStep> {
  const { dataDir, reserveBytes, record, fileOf = newFile, limitMs } = parts
  const limited = new Limited(signal, limitMs)
  const file = new TestFile(fileOf(dataDir))
  const steps: readonly (readonly [what: string, run: () => Promise<string>])[] = [
    [`File system of ${dataDir}`, () => fileSystem(dataDir)],
    ['Free space', () => freeSpace(dataDir, reserveBytes)],
    ['Write and flush 1 MiB', () => timed(() => file.write())],
    ['Read it back', () => timed(() => file.readBack())],
    ['Remove it, and flush that', () => timed(() => file.remove())],
    ...(record ? ([['Write and flush a record of the store', () => timed(record)]] as const) : []),
  ]
  try {
    for (const [what, run] of steps) {
      const step = await tried(what, run, limited)
      yield step.told
      if (step.isEnd) return
    }
  } finally {
    file.drop()
  }
}

async function tried(
  what: string,
  run: () => Promise<string>,
  limited: Limited,
): Promise<{ readonly told: TestStep; readonly isEnd: boolean }> {
  try {
    const result = await limited.of(run())
    if (result === 'stopped') return { told: { what, isOk: false, result: 'Stopped.' }, isEnd: true }
    if (result === 'late')
      return {
        told: { what, isOk: false, result: 'No answer in time: the medium hangs. Look into dmesg.' },
        isEnd: true,
      }
    return { told: { what, isOk: true, result }, isEnd: false }
  } catch (error) {
    const result = error instanceof PlainError ? error.message : troubleOf(error)
    return { told: { what, isOk: false, result }, isEnd: false }
  }
}

async function fileSystem(dataDir: string): Promise<string> {
  const mount = await mountOf(await realpath(dataDir))
  if (!mount) return 'Not told by the system.'
  const { source, folder, type, options } = mount
  const told = `${type} of ${source} on ${folder} (${options})`
  if (!options.split(',').includes('ro')) return told
  throw new PlainError(
    `${told}: it is read-only. After an error of the medium the kernel makes it so: look into dmesg, check the file system, mount it again.`,
  )
}

async function freeSpace(dataDir: string, reserveBytes: number): Promise<string> {
  const { bavail, bsize } = await statfs(dataDir)
  const free = bavail * bsize
  const told = `${mib(free)} free, ${mib(reserveBytes)} kept free (deferral.reserve_bytes)`
  if (free >= reserveBytes) return told
  throw new PlainError(`${told}: no message is kept. Delete what is not needed, or use a larger medium.`)
}

const mib = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MiB`

async function timed(work: () => Promise<unknown>): Promise<string> {
  const time = stopwatch()
  await work()
  return time()
}

/** A file of ours alone: one that was there before is neither read nor removed. */
class TestFile {
  readonly #path: string
  readonly #written = randomBytes(BYTES)
  #isOurs = false

  constructor(path: string) {
    this.#path = path
  }

  async write(): Promise<void> {
    const file = await open(this.#path, 'wx', 0o600)
    this.#isOurs = true
    try {
      await file.writeFile(this.#written)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  async readBack(): Promise<void> {
    this.#needed()
    if (this.#written.equals(await readFile(this.#path))) return
    throw new PlainError('Other octets came back than were written: replace the medium, and restore a backup.')
  }

  async remove(): Promise<void> {
    this.#needed()
    await rm(this.#path)
    this.#isOurs = false
    const folder = await open(dirname(this.#path), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  /** Also one that was half written; that it could not be removed was told before. */
  drop(): void {
    if (this.#isOurs) rm(this.#path, { force: true }).catch(() => {})
  }

  #needed(): void {
    if (!this.#isOurs) throw new PlainError('There is no file: it could not be made.')
  }
}
