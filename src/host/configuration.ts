import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { type Config, httpListeners, loadConfig } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import { Candidates } from '../services/candidates.ts'
import type {
  Applied,
  CheckedChange,
  ConfigChanges,
  ConfigDifference,
  ConfigKey,
  ConfigRefusal,
  ConfigurationService,
  ConfigurationView,
  Confirmed,
  PageListener,
} from '../services/configuration.ts'
import { editConfig } from './config-edit.ts'
import { whyUnreadable } from './config-file.ts'
import { differencesOf, isFixed, isKey, keysOf, publicOf } from './config-values.ts'
import { configWarnings } from './config-warnings.ts'
import { messageOf, troubleOf } from './plain-error.ts'
import { TrialFile } from './trial-file.ts'

/** The browser has its answer before the sockets close. */
const BEFORE_RESTART_MS = 300

/** Where the box could not go back: what was in the way, e.g. another program on its port, may be gone then. */
const AGAIN_MS = 30_000

/** The clock that trials run by; it never jumps. */
export interface TrialClock {
  readonly nowMs: () => number
  /** Calls once. Returns what calls it off. */
  readonly after: (ms: number, run: () => void) => () => void
}

const system: TrialClock = {
  nowMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

interface ConfigurationOptions {
  /** Where it was read from, and what stood there. */
  readonly file: string
  readonly text: string
  /** Where changes are written to: the same, or a copy that stands in its place from then on. */
  readonly target: string
  readonly config: Config
  readonly log: Log
  /** Serves with this from now on. Rejects where that failed, and then serves as before. */
  readonly restart: (config: Config) => Promise<void>
  readonly clock?: TrialClock
}

/** A file and what it says. */
interface Version {
  readonly text: string
  readonly config: Config
}

interface Pending {
  readonly who: string
  readonly untilMs: number
  readonly differences: readonly ConfigDifference[]
  readonly cancel: () => void
}

interface Loaded extends Version, CheckedChange {}

/** The configuration of a box that runs: read, checked, changed on trial, and put back where nobody confirms (docs/operations.md). */
export class Configuration implements ConfigurationService {
  readonly candidates = new Candidates()
  readonly #options: ConfigurationOptions
  readonly #clock: TrialClock
  readonly #trial: TrialFile
  #file: string
  /** As written by us, or found at the start. */
  #version: Version
  /** What the box runs with; another than that of the version while it starts anew, or where it could not. */
  #serving: Config
  /** What stands again where the change cannot be served, or nobody confirms it. */
  #before: Version | undefined
  #pending: Pending | undefined
  #isStarting = false
  #isStuck = false
  #isClosed = false
  #lastFailure: string | undefined
  #cancelAgain: () => void = () => {}
  /** What it was read from cannot be looked at twice. */
  #isPipe: boolean
  #seen: { state: string; isSame: boolean }
  #keys: { of: Version; list: readonly ConfigKey[] } | undefined

  constructor(options: ConfigurationOptions) {
    this.#options = options
    this.#clock = options.clock ?? system
    this.#trial = new TrialFile(options.target)
    this.#file = options.file
    this.#version = { text: options.text, config: options.config }
    this.#serving = options.config
    this.#seen = { state: stateOf(options.file), isSame: true }
    this.#isPipe = statSync(options.file, { throwIfNoEntry: false })?.isFile() !== true
  }

  view(): ConfigurationView {
    const pending = this.#pending
    if (this.#keys?.of !== this.#version)
      this.#keys = { of: this.#version, list: keysOf(this.#version.text, this.#version.config) }
    const restartNeeded = this.#isStuck ? 'could not go back' : this.#isFileOurs() ? undefined : 'file was changed'
    return {
      file: this.#file,
      version: versionOf(this.#version.text),
      running: publicOf(this.#serving),
      keys: this.#keys.list,
      pages: pagesOf(this.#version.config),
      isStarting: this.#isStarting,
      ...(pending && {
        pending: {
          who: pending.who,
          leftS: Math.max(0, Math.ceil((pending.untilMs - this.#clock.nowMs()) / 1000)),
          differences: pending.differences,
        },
      }),
      ...(this.#lastFailure !== undefined && { lastFailure: this.#lastFailure }),
      ...(restartNeeded && { restartNeeded }),
    }
  }

  /** As it stands in the file, or is about to. */
  get text(): string {
    return this.#version.text
  }

  /** What the box runs with. */
  get serving(): Config {
    return this.#serving
  }

  /** Nothing is on trial, and the box runs with what stands in the file. */
  get isSettled(): boolean {
    return !this.#pending && !this.#isStarting && !this.#isStuck && !this.#isClosed
  }

  /** Another file was put in its place, and the box runs with that. */
  replaced(text: string, config: Config): void {
    this.#stands({ text, config })
    this.#serving = config
    this.#before = undefined
    this.#lastFailure = undefined
  }

  check(changes: ConfigChanges): CheckedChange | ConfigRefusal {
    const loaded = this.#loaded(changes)
    if ('errors' in loaded) return loaded
    const { differences, warnings, pages } = loaded
    return { differences, warnings, pages }
  }

  apply(
    changes: ConfigChanges,
    { version, who, confirmS }: { version: string; who: string; confirmS: number },
  ): Applied {
    if (this.#pending || this.#isStarting || this.#isClosed) return 'pending'
    const before = this.#version
    if (version !== versionOf(before.text)) return 'conflict'
    const loaded = this.#loaded(changes)
    if ('errors' in loaded) return loaded
    if (loaded.differences.length === 0) return 'nothing'
    if (!this.#isFileOurs()) return { errors: { '': CHANGED_BY_HAND(this.#file) } }
    try {
      this.#trial.write(loaded.text, confirmS > 0 ? before.text : undefined)
    } catch (error) {
      return { errors: { '': messageOf(error) } }
    }
    this.#options.log.info('configuration changed', {
      by: who,
      keys: loaded.differences.map(({ key }) => key).join(' '),
      confirmS,
    })
    this.#stands({ text: loaded.text, config: loaded.config })
    this.#before = before
    this.#lastFailure = undefined
    if (confirmS > 0) {
      const ms = confirmS * 1000
      const cancel = this.#clock.after(ms, () => this.#goBack('nobody confirmed it in time'))
      this.#pending = { who, untilMs: this.#clock.nowMs() + ms, differences: loaded.differences, cancel }
    }
    this.#serveSoon()
    return 'applying'
  }

  confirm(who: string): Confirmed {
    if (!this.#pending) return 'nothing'
    if (this.#isStarting) return 'starting'
    this.#trial.keep()
    this.#endTrial()
    this.#before = undefined
    this.#options.log.info('configuration confirmed', { by: who })
    return 'kept'
  }

  revert(who: string): boolean {
    if (!this.#pending) return false
    this.#goBack(`${who} took it back`)
    this.#lastFailure = undefined
    return true
  }

  forgetFailure(): void {
    this.#lastFailure = undefined
  }

  /** The box stops for good: what nobody confirmed goes back at the next start. */
  close(): void {
    this.#isClosed = true
    this.#cancelAgain()
    this.#endTrial()
  }

  #endTrial(): void {
    this.#pending?.cancel()
    this.#pending = undefined
  }

  #stands(version: Version): void {
    this.#version = version
    this.#file = this.#options.target
    this.#isPipe = false
    this.#seen = { state: stateOf(this.#file), isSame: true }
  }

  #goBack(why: string): void {
    this.#putBack(why)
    this.#serveSoon()
  }

  #putBack(why: string): void {
    const before = this.#before!
    this.#before = undefined
    this.#endTrial()
    this.#lastFailure = why
    this.#options.log.warn('configuration went back', { why })
    try {
      this.#trial.putBack(before.text)
    } catch (error) {
      this.#options.log.error('configuration not written', { file: this.#options.target, why: troubleOf(error) })
    }
    this.#stands(before)
  }

  #serveSoon(): void {
    if (this.#isStarting) return
    this.#isStarting = true
    this.#cancelAgain()
    this.#clock.after(BEFORE_RESTART_MS, () => void this.#serve())
  }

  /** Until the box serves what stands in the file; that may change meanwhile. */
  async #serve(): Promise<void> {
    this.#isStuck = false
    while (this.#version.config !== this.#serving && !this.#isStuck && !this.#isClosed) {
      const { config } = this.#version
      try {
        await this.#options.restart(config)
        this.#serving = config
        if (!this.#pending) this.#before = undefined
      } catch (error) {
        if (this.#version.config === config) this.#failed(messageOf(error))
      }
    }
    this.#isStarting = false
  }

  #failed(why: string): void {
    if (this.#before) return this.#putBack(why)
    this.#isStuck = true
    this.#lastFailure = why
    this.#options.log.error('the box cannot go back to the configuration before, and tries again', { why })
    this.#cancelAgain = this.#clock.after(AGAIN_MS, () => this.#serveSoon())
  }

  /** Whether the file has what we think; somebody may have edited it. */
  #isFileOurs(): boolean {
    if (this.#isPipe) return true
    const state = stateOf(this.#file)
    if (state !== this.#seen.state) this.#seen = { state, isSame: isText(this.#file, this.#version.text) }
    return this.#seen.isSame
  }

  #loaded(changes: ConfigChanges): ConfigRefusal | Loaded {
    for (const key of changes.keys()) {
      if (!isKey(key)) return { errors: { [key]: 'there is no such key' } }
      if (isFixed(key)) return { errors: { [key]: FIXED } }
    }
    const { text } = editConfig(this.#version.text, changes)
    const loaded = loadConfig(text, this.#file, hostname(), whyUnreadable)
    if ('errors' in loaded) {
      const errors = loaded.found.map(({ key, wrong, allowed }) => [key, `${wrong}, allowed: ${allowed}`])
      return { errors: Object.fromEntries(errors.length > 0 ? errors : [['', loaded.errors.join(' ')]]) }
    }
    const { config } = loaded
    const before = this.#version.config
    if (goesElsewhere(before, config) && !changes.has('xdms.password'))
      return { errors: { 'xdms.password': ELSEWHERE } }
    const [differences, warnings] = [differencesOf(before, config), configWarnings(before, config)]
    return { text, config, differences, warnings, pages: pagesOf(config) }
  }
}

const FIXED =
  'is changed in the file alone: what waits lies there. Stop the box, move the folder, change the file, and start again'
const ELSEWHERE = 'has to be given again where another server is to get it'
const CHANGED_BY_HAND = (file: string): string =>
  `${file} was changed by hand since the box started. Restart the box to have that, or put back what was there, and apply this again.`

/** Nobody who may change the address gets a password that they were never told. */
function goesElsewhere(before: Config, after: Config): boolean {
  if (before.xdms.password === '' || after.xdms.password === '' || after.xdms.root === '') return false
  return before.xdms.root === '' || new URL(before.xdms.root).origin !== new URL(after.xdms.root).origin
}

const pagesOf = (config: Config): PageListener[] =>
  httpListeners(config).map(({ endpoint, transport }) => ({ ...endpoint, isSecure: transport === 'tls' }))

const versionOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)

/** Differs whenever the file was written or replaced. */
function stateOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs}` : 'none'
}

function isText(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '') === text
  } catch {
    return false
  }
}
