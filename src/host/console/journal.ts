import { LOG_LEVELS, LOG_LINES_MAX, type LogLevel, type LogLine, type LogService } from '../../services/logs.ts'
import { matcher } from '../log-ring.ts'
import { PlainError } from '../plain-error.ts'
import { askSystem } from './system-programs.ts'

/** The log of a service that does not run, as the system's journal kept it. */
export class Journal implements Pick<LogService, 'lines'> {
  /** Throws what to tell a person where there is no journal. */
  lines(...[filter, { before = Number.POSITIVE_INFINITY, limit }]: Parameters<LogService['lines']>) {
    const answer = askSystem('journalctl', [
      '-u',
      'restante',
      '-o',
      'json',
      '-n',
      `${LOG_LINES_MAX}`,
      '--no-pager',
      '-q',
    ])
    if ('wrong' in answer) throw new PlainError(`The log of the service cannot be read: ${answer.wrong}.`)
    if (answer.out.trim() === '')
      throw new PlainError(
        'No journal of restante.service was found: the service was not run here by systemd, or this user may not read it.',
      )
    const fits = matcher(filter)
    const found = answer.out
      .split('\n')
      .flatMap((text, index) => lineOf(text, index + 1) ?? [])
      .filter(line => line.seq < before && fits(line))
      .reverse()
    return { lines: found.slice(0, limit), next: found.length > limit ? found[limit - 1]!.seq : undefined }
  }
}

/** systemd.journal-fields(7): what the service wrote is MESSAGE, a line of our log or what somebody else said of it. */
export function lineOf(text: string, seq: number): LogLine | undefined {
  const entry = objectOf(text)
  if (typeof entry?.MESSAGE !== 'string') return undefined
  const own = objectOf(entry.MESSAGE)
  const at = Number(entry.__REALTIME_TIMESTAMP) / 1000
  if (typeof own?.msg !== 'string') return { seq, at, level: levelOf(entry.PRIORITY), msg: entry.MESSAGE, fields: {} }
  const { level, time, msg, ...fields } = own
  const known = LOG_LEVELS.find(each => each === level) ?? 'info'
  return { seq, at: Date.parse(String(time)) || at, level: known, msg, fields: fields as LogLine['fields'] }
}

/** syslog(3): 3 is an error, 4 a warning. */
const levelOf = (priority: unknown): LogLevel =>
  Number(priority) <= 3 ? 'error' : Number(priority) === 4 ? 'warn' : 'info'

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
