export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** As it was written to stderr. Texts in it may come from strangers. */
export interface LogLine {
  /** Counted from the start of the program: its place among the others. */
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly level: LogLevel
  readonly msg: string
  readonly fields: Readonly<Record<string, string | number | boolean>>
}

export interface LogFilter {
  /** The least that is shown. */
  readonly level?: LogLevel
  /** In the message or in any field; upper and lower case are the same. */
  readonly text?: string
  /** Only lines that have it, and where `value` is there, with exactly that. */
  readonly field?: { readonly name: string; readonly value?: string }
  readonly since?: number
  /** Not of that instant any more. */
  readonly until?: number
}

export interface LogPage {
  /** The newest first. */
  readonly lines: readonly LogLine[]
  /** `before` of the page behind it; undefined: there is none. */
  readonly next: number | undefined
}

export interface LogLevelView {
  readonly level: LogLevel
  /** What it goes back to. */
  readonly usual: LogLevel
  /** Undefined: it is the usual one. */
  readonly leftS: number | undefined
}

/** The last lines of the log, which are also on stderr, and how much is written. */
export interface LogService {
  lines(filter: LogFilter, range: { readonly before?: number; readonly limit: number }): LogPage
  /** From now on; returns how it is ended. Undefined: as many listen as may. */
  watch(filter: LogFilter, hear: (line: LogLine) => void): (() => void) | undefined
  level(): LogLevelView
  /** For `ms`, at most 24 hours; the usual one from then on, or at once where it is given. */
  setLevel(level: LogLevel, ms: number, who: string): void
}

/** The most that is kept of a log in memory: what a person reads through, and what a small box spares. */
export const LOG_LINES_MAX = 2000
/** After that it would be forgotten that it was raised. */
export const LOG_LEVEL_MINUTES_MAX = 24 * 60
