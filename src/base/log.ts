/** Values a log line may carry. Never a body, a password, a digest response, or an anonymous sender's asserted identity. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** Given to whoever logs; there is no ambient logger. */
export interface Log {
  debug(msg: string, fields?: LogFields): void
  info(msg: string, fields?: LogFields): void
  warn(msg: string, fields?: LogFields): void
  error(msg: string, fields?: LogFields): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
