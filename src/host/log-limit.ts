import type { LogLevel } from '../services/logs.ts'

const WINDOW_MS = 1000
/** Lines of one kind within a window. A person learns nothing from more of them, and a flood would wear the flash of the journal out. */
export const LINES_PER_WINDOW = 20
/** Kinds that are counted apart; the program has fewer. */
const KINDS_MAX = 200

interface Kind {
  readonly level: LogLevel
  readonly msg: string
  lines: number
}

interface LogLimitOptions {
  readonly now: () => number
  readonly later: (run: () => void, ms: number) => void
  /** So many lines of the kind were left out since the last one. */
  readonly tell: (level: LogLevel, msg: string, suppressed: number) => void
}

/** A kind of line, i.e. its level and message, is written so many times a second, and then only counted. */
export class LogLimit {
  readonly #options: LogLimitOptions
  readonly #kinds = new Map<string, Kind>()
  #since = Number.NEGATIVE_INFINITY
  #isWaiting = false

  constructor(options: LogLimitOptions) {
    this.#options = options
  }

  passes(level: LogLevel, msg: string): boolean {
    const now = this.#options.now()
    // A clock that was set back begins a window too.
    if (now >= this.#since + WINDOW_MS || now < this.#since) this.#begin(now)
    const kind = this.#kind(level, msg)
    kind.lines++
    if (kind.lines <= LINES_PER_WINDOW) return true
    if (!this.#isWaiting) {
      this.#isWaiting = true
      this.#options.later(() => {
        this.#isWaiting = false
        this.#begin(this.#options.now())
      }, WINDOW_MS)
    }
    return false
  }

  #kind(level: LogLevel, msg: string): Kind {
    const isFull = this.#kinds.size >= KINDS_MAX
    const name = `${level} ${msg}`
    const found = this.#kinds.get(name)
    if (found) return found
    const kind = isFull ? { level, msg: 'lines of many kinds', lines: 0 } : { level, msg, lines: 0 }
    const key = isFull ? level : name
    const shared = this.#kinds.get(key)
    if (shared) return shared
    this.#kinds.set(key, kind)
    return kind
  }

  #begin(now: number): void {
    this.#since = now
    const kinds = [...this.#kinds.values()]
    this.#kinds.clear()
    for (const { level, msg, lines } of kinds)
      if (lines > LINES_PER_WINDOW) this.#options.tell(level, msg, lines - LINES_PER_WINDOW)
  }
}
