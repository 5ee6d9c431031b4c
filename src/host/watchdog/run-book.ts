import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../base/log.ts'
import { VERSION } from '../../base/product.ts'
import type { Now } from '../../base/time.ts'
import { RESET_KINDS, type Reset, type ResetKind } from '../../services/status.ts'
import { OLDEST_WALL } from '../clock.ts'
import { messageOf } from '../plain-error.ts'
import { writeWhole } from '../write-whole.ts'
import type { Beat, ManagerWord } from './heartbeat.ts'

/** Enough to see a pattern; two kilobytes. */
const KEPT = 20
/** Longer ones are cut. */
const DETAIL_MAX = 200
/** Of its own accord the box begins anew no more often, so that a fault that comes back at once is no circle. */
export const OWN_RESTARTS_MAX = 3
const OWN_RESTARTS_S = 3600

interface Run {
  readonly at: number
  readonly isTrusted: boolean
  readonly boot: string
  /** Of the machine, when it began. */
  readonly machineS: number
  readonly version: string
}

interface Ended {
  readonly kind: ResetKind
  readonly detail: string
  readonly ranS: number
}

/** As it lies in the file: this run, how it ended if it could tell, and the ends before. */
interface Book {
  readonly starts: number
  readonly run: Run
  readonly ended?: Ended
  readonly resets: readonly Reset[]
}

/** What a start knows beside the file. */
export interface Traces {
  /** /proc/sys/kernel/random/boot_id: another one after each start of the machine. */
  readonly boot: string
  readonly machineS?: number
  readonly beat?: Beat | undefined
  readonly word?: ManagerWord | undefined
  readonly wasResetByDevice?: boolean
  /** The board says that it began anew without losing its power. */
  readonly keptItsPower?: boolean
  /** Its dead man's switch ended the run before. */
  readonly wasBlocked?: boolean
  readonly factoryReset?: 'config' | 'full' | undefined
}

/** `/proc/sys/kernel/random/boot_id`; empty where the system has none. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}

/** Why each run of the program began, i.e. how the one before ended: one small file, written at the start and at the end. */
export class RunBook {
  readonly #path: string
  readonly #log: Log
  #book: Book
  #isWritten = false

  /** Never throws: what cannot be read begins anew, what cannot be written is said in the log. */
  constructor(dataDir: string, traces: Traces, log: Log) {
    this.#path = join(dataDir, 'runs.json')
    this.#log = log
    const before = readBook(this.#path, log)
    const { boot, machineS = Math.floor(uptime()) } = traces
    const at = Date.now()
    const run: Run = { at, isTrusted: at >= latestKnown(before), boot, machineS, version: VERSION }
    const { kind, detail, ranS } = endOf(before, run, traces)
    const reset: Reset = { ...run, kind, detail: detail.slice(0, DETAIL_MAX), ...(ranS !== undefined && { ranS }) }
    this.#book = {
      starts: (before?.starts ?? 0) + 1,
      run,
      resets: [reset, ...(before?.resets ?? [])].slice(0, KEPT),
    }
    const said = { reason: kind, ...(detail !== '' && { detail }) }
    if (isOrderly(kind)) log.info('started', said)
    else log.warn('the run before did not end in order', said)
  }

  /** It serves, and what time it is is known as well as it will be. Until then nothing is written: what failed before left its own word. */
  serves({ wall, isWallTrusted }: Pick<Now, 'wall' | 'isWallTrusted'>): void {
    if (this.#isWritten) return
    const time = { at: wall, isTrusted: isWallTrusted }
    const [latest, ...rest] = this.#book.resets
    const resets = latest ? [{ ...latest, ...time }, ...rest] : rest
    this.#book = { ...this.#book, run: { ...this.#book.run, ...time }, resets }
    this.#write()
  }

  get starts(): number {
    return this.#book.starts
  }

  /** Why it was started: this run's first, 20 at most. */
  get resets(): readonly Reset[] {
    return this.#book.resets
  }

  /** It is about to end, and why. The first word counts. */
  ending(kind: ResetKind, detail = ''): void {
    if (this.#book.ended) return
    const ranS = Math.max(0, Math.floor(uptime()) - this.#book.run.machineS)
    this.#book = { ...this.#book, ended: { kind, detail: detail.slice(0, DETAIL_MAX), ranS } }
    this.#write()
  }

  /** The device itself says that it was what reset the machine. */
  resetByDevice(): void {
    const [latest, ...rest] = this.#book.resets
    if (latest?.kind !== 'power' && latest?.kind !== 'reset') return
    this.#book = { ...this.#book, resets: [{ ...latest, kind: 'hardware-watchdog' }, ...rest] }
    this.#write()
  }

  /** Whether the box may end by itself once more, to begin anew. */
  get mayRestart(): boolean {
    const { run } = this.#book
    const nowS = Math.floor(uptime())
    const wall = run.at + (nowS - run.machineS) * 1000
    const recent = this.#book.resets.filter(({ kind, at, boot, machineS }) => {
      if (kind !== 'watchdog') return false
      // A wall clock that jumps shall not lift the bound while the machine runs on.
      return boot === run.boot ? nowS - machineS < OWN_RESTARTS_S : Math.abs(wall - at) < OWN_RESTARTS_S * 1000
    })
    return recent.length < OWN_RESTARTS_MAX
  }

  #write(): void {
    this.#isWritten = true
    try {
      writeWhole(this.#path, `${JSON.stringify(this.#book)}\n`)
    } catch (error) {
      this.#log.warn('why the box was started cannot be kept', { file: this.#path, reason: messageOf(error) })
    }
  }
}

/** What a clock is at least, until the store says what it has seen: a run that fails before that keeps this word. */
const latestKnown = (before: Book | undefined): number =>
  Math.max(OLDEST_WALL, ...[before?.run, ...(before?.resets ?? [])].map(one => (one?.isTrusted ? one.at : 0)))

const ORDERLY: ReadonlySet<ResetKind> = new Set(['first', 'stop', 'restart', 'update', 'factory-reset'])

const DAY_MS = 86_400_000

/** Of the latest day. */
export function uncleanStarts(resets: readonly Reset[], wall: number): { count: number; kind: string } {
  const recent = resets.filter(({ at, kind }) => Math.abs(wall - at) < DAY_MS && !isOrderly(kind))
  return { count: recent.length, kind: recent[0]?.kind ?? '' }
}

export const isOrderly = (kind: ResetKind): boolean => ORDERLY.has(kind)

function endOf(before: Book | undefined, run: Run, traces: Traces): { kind: ResetKind; detail: string; ranS?: number } {
  if (traces.factoryReset)
    return { kind: 'factory-reset', detail: traces.factoryReset, ...(before?.ended && { ranS: before.ended.ranS }) }
  if (!before) return { kind: 'first', detail: '' }
  const { ended } = before
  if (ended) {
    const isUpdate = before.run.version !== run.version && isOrderly(ended.kind)
    return isUpdate
      ? { kind: 'update', detail: `${before.run.version} to ${run.version}`, ranS: ended.ranS }
      : { ...ended }
  }
  const isSameBoot = before.run.boot === run.boot
  if (!isSameBoot && !traces.wasBlocked)
    return { kind: traces.wasResetByDevice ? 'hardware-watchdog' : traces.keptItsPower ? 'reset' : 'power', detail: '' }
  return killed(before.run, traces)
}

/** The machine went on, and the process ended without a word. */
function killed(
  { machineS }: Run,
  { beat, word, wasBlocked }: Traces,
): { kind: ResetKind; detail: string; ranS?: number } {
  // Of this run's own time only: a file of one before tells nothing.
  const last = beat && beat.machineS >= machineS ? beat : undefined
  const known = last && { ranS: last.machineS - machineS }
  const state = last?.reason ? `; its last word: ${last.condition}, ${last.reason}` : ''
  if (wasBlocked) return { kind: 'blocked', detail: `the program stood still, and ended itself${state}`, ...known }
  if (word?.result === 'watchdog')
    return { kind: 'hung', detail: `the service manager heard nothing of it any more${state}`, ...known }
  const how = word ? `${word.result} ${word.code} ${word.status}`.trim() : 'the system did not tell how'
  return { kind: 'killed', detail: `${how}${state}`, ...known }
}

/** Undefined: there is none, or none that can be read. */
function readBook(path: string, log: Log): Book | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
  try {
    const { starts, run, ended, resets } = JSON.parse(text) as Record<string, unknown>
    if (typeof starts !== 'number' || !isRun(run) || !Array.isArray(resets))
      throw new TypeError('it is no list of runs')
    const kept = resets.filter(isReset).slice(0, KEPT)
    return { starts, run, resets: kept, ...(isEnded(ended) && { ended }) }
  } catch (error) {
    log.warn('why the box was started before cannot be read', { file: path, reason: messageOf(error) })
    return undefined
  }
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

function isRun(value: unknown): value is Run {
  const { at, isTrusted, boot, machineS, version } = fieldsOf(value)
  const isPlaced = typeof boot === 'string' && typeof machineS === 'number'
  return isPlaced && typeof at === 'number' && typeof isTrusted === 'boolean' && typeof version === 'string'
}

const isKind = (value: unknown): value is ResetKind => (RESET_KINDS as readonly unknown[]).includes(value)

function isEnded(value: unknown): value is Ended {
  const { kind, detail, ranS } = fieldsOf(value)
  return isKind(kind) && typeof detail === 'string' && typeof ranS === 'number'
}

export function isReset(value: unknown): value is Reset {
  const { kind, detail } = fieldsOf(value)
  return isRun(value) && isKind(kind) && typeof detail === 'string'
}
