import { LOG_LEVELS, type LogFilter, type LogLevel, type LogLine } from '../../services/logs.ts'

/** What is asked of the log, on the page and over the API, by the same names. */
export const LOG_FILTERS = ['level', 'text', 'field', 'since', 'until'] as const

type Asked = { readonly [name in (typeof LOG_FILTERS)[number]]?: string }

/** `wrong`: what cannot be read. */
export function logFilter(asked: Asked): LogFilter | { readonly wrong: 'level' | 'since' | 'until' } {
  const { level = '', text = '', field = '', since = '', until = '' } = asked
  if (level !== '' && !isLogLevel(level)) return { wrong: 'level' }
  const [from, to] = [timeIn(since), timeIn(until)]
  if (Number.isNaN(from)) return { wrong: 'since' }
  if (Number.isNaN(to)) return { wrong: 'until' }
  return {
    ...(isLogLevel(level) && { level }),
    ...(text !== '' && { text }),
    ...(field !== '' && { field: fieldIn(field) }),
    ...(from !== undefined && { since: from }),
    ...(to !== undefined && { until: to }),
  }
}

export const isLogLevel = (text: unknown): text is LogLevel => LOG_LEVELS.some(level => level === text)

function fieldIn(text: string): NonNullable<LogFilter['field']> {
  const equals = text.indexOf('=')
  return equals < 0 ? { name: text } : { name: text.slice(0, equals).trim(), value: text.slice(equals + 1).trim() }
}

/** RFC 3339; without a zone it is UTC, as everything that the box shows. */
function timeIn(text: string): number | undefined {
  if (text === '') return undefined
  const [, moment, zone = 'Z'] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?$/i.exec(text) ?? []
  return moment === undefined ? Number.NaN : Date.parse(`${moment}${zone}`.toUpperCase())
}

/** For a person: the message, then the fields. */
export const lineText = ({ msg, fields }: LogLine): string =>
  [msg, ...Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`)].join('  ')

const shown = (value: string | number | boolean): string =>
  typeof value === 'string' && (value === '' || /[\s"=]/.test(value)) ? JSON.stringify(value) : String(value)

/** As it stands on stderr; a field can't stand for the level, the time or the message. */
export const jsonLine = ({ at, level, msg, fields }: LogLine): string =>
  `${JSON.stringify({ ...fields, level, time: new Date(at).toISOString(), msg })}\n`
