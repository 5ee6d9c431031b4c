import { destination, type Logger, pino } from 'pino'
import type { Log, LogFields } from '../base/log.ts'
import type { LogFilter, LogLevel, LogLevelView, LogLine, LogPage, LogService } from '../services/logs.ts'
import { LogLimit } from './log-limit.ts'
import { LogRing, matcher } from './log-ring.ts'

/** Texts of strangers go no further into a line; a stack of calls fits. */
const TEXT_LENGTH_MAX = 4096
/** Characters that wait for room where the log goes to; what comes then is on the page alone. */
const UNWRITTEN_MAX = 64 * 1024
/** Some people with the page open. */
const WATCHERS_MAX = 8

interface LogOptions {
  readonly now?: () => number
  /** Runs it once; a process may end before. */
  readonly later?: (run: () => void, ms: number) => void
}

/** One JSON object a line on stderr: `level` as a word, `time` as RFC 3339, `msg`, then the fields. */
export const openLog = (level: LogLevel = 'info', fd = 2, options: LogOptions = {}): Logbook =>
  new Logbook(level, fd, options)

export class Logbook implements Log, LogService {
  readonly #usual: LogLevel
  readonly #logger: Logger
  readonly #now: () => number
  readonly #later: (run: () => void, ms: number) => void
  readonly #ring = new LogRing()
  readonly #limit: LogLimit
  readonly #watchers = new Set<(line: LogLine) => void>()
  #until: number | undefined

  constructor(level: LogLevel, fd: number, { now = Date.now, later = afterAll }: LogOptions) {
    this.#usual = level
    this.#now = now
    this.#later = later
    const timestamp = (): string => `,"time":"${new Date(now()).toISOString()}"`
    const options = { level, base: null, timestamp, formatters: { level: (label: string) => ({ level: label }) } }
    // Written at once: the line before a crash is the one that is needed.
    const out = destination({ fd, sync: true, maxLength: UNWRITTEN_MAX })
    // A log that cannot be written, e.g. to a full disk, is no reason to stop serving.
    out.on('error', () => {})
    this.#logger = pino(options, out)
    const tell = (each: LogLevel, msg: string, suppressed: number): void => this.#write(each, msg, { suppressed })
    this.#limit = new LogLimit({ now, later, tell })
  }

  debug(msg: string, fields: LogFields = {}): void {
    this.#log('debug', msg, fields)
  }

  info(msg: string, fields: LogFields = {}): void {
    this.#log('info', msg, fields)
  }

  warn(msg: string, fields: LogFields = {}): void {
    this.#log('warn', msg, fields)
  }

  error(msg: string, fields: LogFields = {}): void {
    this.#log('error', msg, fields)
  }

  lines(filter: LogFilter, range: { readonly before?: number; readonly limit: number }): LogPage {
    return this.#ring.page(filter, range)
  }

  watch(filter: LogFilter, hear: (line: LogLine) => void): (() => void) | undefined {
    if (this.#watchers.size >= WATCHERS_MAX) return undefined
    const fits = matcher(filter)
    const watcher = (line: LogLine): void => {
      if (fits(line)) hear(line)
    }
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  level(): LogLevelView {
    const leftS = this.#until === undefined ? undefined : Math.max(0, Math.ceil((this.#until - this.#now()) / 1000))
    return { level: this.#logger.level as LogLevel, usual: this.#usual, leftS }
  }

  setLevel(level: LogLevel, ms: number, who: string): void {
    if (level === this.#usual) {
      this.#until = undefined
      this.#logger.level = level
      this.info('the log is written at its usual level', { at: level, by: who })
      return
    }
    this.info('the log is written at another level for a while', { at: level, seconds: ms / 1000, by: who })
    this.#logger.level = level
    const until = this.#now() + ms
    this.#until = until
    this.#later(() => {
      if (this.#until === until) this.setLevel(this.#usual, 0, 'itself')
    }, ms)
  }

  #log(level: LogLevel, msg: string, fields: LogFields): void {
    if (this.#logger.isLevelEnabled(level) && this.#limit.passes(level, msg)) this.#write(level, msg, bounded(fields))
  }

  #write(level: LogLevel, msg: string, fields: LogLine['fields']): void {
    this.#logger[level](fields, msg)
    const line = this.#ring.add({ at: this.#now(), level, msg, fields })
    for (const watcher of this.#watchers) watcher(line)
  }
}

const afterAll = (run: () => void, ms: number): void => {
  setTimeout(run, ms).unref()
}

const bounded = (fields: LogFields): LogLine['fields'] => {
  const given = Object.entries(fields).filter(
    (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
  )
  return Object.fromEntries(given.map(([name, value]) => [name, typeof value === 'string' ? cut(value) : value]))
}

const cut = (text: string): string => (text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text)
