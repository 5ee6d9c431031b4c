import { type ByteRange, formatByteRange, type MsrpHead } from './frame.ts'

/** Start line and headers octet by octet as they came, and the blank line if a body follows. latin1. */
export const encodeReceived = (head: MsrpHead): string =>
  `${startLine(head, head.transactionId)}${rest(head.lines, head)}`

/** What becomes of a head that is passed on. */
interface PassedOn {
  readonly transactionId: string
  readonly toPath: string
  readonly fromPath: string
  /** Absent: as it came. */
  readonly byteRange?: ByteRange
}

/** RFC 4976 6.4: the paths are other ones; what else is not named here stays, known or not, octet by octet. */
export function encodePassedOn(head: MsrpHead, passed: PassedOn): string {
  const { transactionId, toPath, fromPath, byteRange } = passed
  const range = byteRange && formatByteRange(byteRange)
  let hasRange = false
  const lines = head.lines.map(line => {
    const name = nameOf(line)
    if (name === 'to-path') return withValue(line, toPath)
    if (name === 'from-path') return withValue(line, fromPath)
    if (name !== 'byte-range') return line
    hasRange = true
    return range === undefined ? line : withValue(line, range)
  })
  // RFC 4975 9: headers of the body stand last.
  if (range !== undefined && !hasRange)
    lines.splice(lines.findIndex(line => nameOf(line) === 'message-id') + 1, 0, `Byte-Range: ${range}`)
  return `${startLine(head, transactionId)}${rest(lines, head)}`
}

const startLine = ({ method, status, comment }: MsrpHead, transactionId: string): string =>
  `MSRP ${transactionId} ${method ?? (comment ? `${threeDigits(status)} ${comment}` : threeDigits(status))}\r\n`

const rest = (lines: readonly string[], { hasBody }: MsrpHead): string =>
  `${lines.join('\r\n')}\r\n${hasBody ? '\r\n' : ''}`

const nameOf = (line: string): string => line.slice(0, line.indexOf(':')).toLowerCase()

const withValue = (line: string, value: string): string => `${line.slice(0, line.indexOf(':'))}: ${value}`

const threeDigits = (status: number): string => String(status).padStart(3, '0')
