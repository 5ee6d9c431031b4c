import { destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { Log, LogFields } from '../base/log.ts'

type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** One JSON object a line on stderr: `level` as a word, `time` as RFC 3339, `msg`, then the fields. */
export function openLog(level: LogLevel = 'info', fd = 2): Log {
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: levelAsWord } }
  // Written at once: the line before a crash is the one that is needed.
  return wrap(pino(options, destination({ fd, sync: true })))
}

const levelAsWord = (label: string) => ({ level: label })

const wrap = (logger: Logger): Log => ({
  debug: (msg: string, fields: LogFields = {}) => logger.debug(fields, msg),
  info: (msg: string, fields: LogFields = {}) => logger.info(fields, msg),
  warn: (msg: string, fields: LogFields = {}) => logger.warn(fields, msg),
  error: (msg: string, fields: LogFields = {}) => logger.error(fields, msg),
})
