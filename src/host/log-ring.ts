import { LOG_LEVELS, LOG_LINES_MAX, type LogFilter, type LogLine, type LogPage } from '../services/logs.ts'

/** Characters of all lines together; a character takes one or two bytes. */
const LENGTH_MAX = 1024 * 1024
/** What a line takes beside its texts. */
const LINE_LENGTH = 100

/** The last lines of the log, in memory. */
export class LogRing {
  readonly #lines: LogLine[] = []
  #length = 0
  #seq = 0

  add(line: Omit<LogLine, 'seq'>): LogLine {
    const kept = { ...line, seq: ++this.#seq }
    this.#lines.push(kept)
    this.#length += lengthOf(kept)
    while (this.#lines.length > LOG_LINES_MAX || this.#length > LENGTH_MAX)
      this.#length -= lengthOf(this.#lines.shift()!)
    return kept
  }

  page(filter: LogFilter, { before = Number.POSITIVE_INFINITY, limit }: { before?: number; limit: number }): LogPage {
    const fits = matcher(filter)
    const found: LogLine[] = []
    for (let index = this.#lines.length - 1; index >= 0; index--) {
      const line = this.#lines[index]!
      if (line.seq >= before || !fits(line)) continue
      if (found.length === limit) return { lines: found, next: found.at(-1)!.seq }
      found.push(line)
    }
    return { lines: found, next: undefined }
  }
}

const lengthOf = ({ msg, fields }: LogLine): number =>
  Object.entries(fields).reduce((sum, [name, value]) => sum + name.length + String(value).length, LINE_LENGTH) +
  msg.length

export function matcher({ level = 'debug', text, field, since, until }: LogFilter): (line: LogLine) => boolean {
  const least = LOG_LEVELS.indexOf(level)
  const wanted = text?.toLowerCase()
  return line =>
    LOG_LEVELS.indexOf(line.level) >= least &&
    line.at >= (since ?? line.at) &&
    line.at < (until ?? Number.POSITIVE_INFINITY) &&
    (field === undefined || hasField(line, field)) &&
    (wanted === undefined || says(line, wanted))
}

const hasField = ({ fields }: LogLine, { name, value }: NonNullable<LogFilter['field']>): boolean =>
  Object.hasOwn(fields, name) && (value === undefined || String(fields[name]) === value)

const says = ({ msg, fields }: LogLine, wanted: string): boolean =>
  msg.toLowerCase().includes(wanted) ||
  Object.values(fields).some(value => String(value).toLowerCase().includes(wanted))
