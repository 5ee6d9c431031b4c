import { readFileSync, writeFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import type { ManagerWord } from './heartbeat.ts'

const FILE = 'native-ends'
/** What compiled code ends by: an assertion, a bad address, a page of a map that cannot be read. Not SIGKILL, which comes from outside. */
const SIGNALS: ReadonlySet<string> = new Set(['ABRT', 'SEGV', 'BUS', 'ILL', 'FPE', 'TRAP'])
const CODES: ReadonlySet<string> = new Set(['killed', 'dumped'])
const WITHIN_S = 3600

interface Kept {
  /** When, in seconds of the machine, runs ended so while they opened the store. */
  readonly whileOpening: readonly number[]
  readonly isOpening: boolean
}

/**
 * Which runs ended in compiled code. The run that ends so cannot tell; the service manager does, and what the run was about stands in memory
 * (RUNTIME_DIRECTORY), which is gone with the power.
 */
export class NativeEnds {
  /** The run before did. */
  readonly isLast: boolean
  /** How many of the latest hour ended so before the store was open; this machine's start counts from nothing. */
  readonly whileOpening: number
  readonly #folder: string | undefined
  readonly #kept: readonly number[]

  /** Once for each run, before the store is opened. Undefined: there is no such folder, and nothing is known. */
  constructor(folder: string | undefined, word: ManagerWord | undefined, nowS = uptime()) {
    this.#folder = folder
    this.isLast = word !== undefined && CODES.has(word.code) && SIGNALS.has(word.status)
    const { whileOpening, isOpening } = this.#read()
    // What lies ahead is of a machine that has begun anew since: the folder was kept.
    const recent = whileOpening.filter(atS => atS <= nowS && nowS - atS < WITHIN_S)
    this.#kept = this.isLast && isOpening ? [...recent, nowS] : recent
    this.whileOpening = this.#kept.length
    this.opened()
  }

  opening(): void {
    this.#write(true)
  }

  opened(): void {
    this.#write(false)
  }

  #write(isOpening: boolean): void {
    if (this.#folder === undefined) return
    const kept: Kept = { whileOpening: this.#kept, isOpening }
    try {
      writeFileSync(join(this.#folder, FILE), JSON.stringify(kept), { mode: 0o600 })
    } catch {
      // The next start knows less then.
    }
  }

  #read(): Kept {
    try {
      const { whileOpening, isOpening } = JSON.parse(readFileSync(join(this.#folder ?? '', FILE), 'utf8')) as Kept
      return { whileOpening: whileOpening.filter(Number.isFinite), isOpening: isOpening === true }
    } catch {
      return { whileOpening: [], isOpening: false }
    }
  }
}
