import type { WallTime } from '../base/time.ts'

/** Text is latin1: one character is one byte of what SIP, like CPIM, defines as UTF-8. */
interface CpimParty {
  readonly displayName?: string
  readonly uri: string
}

interface CpimMessage {
  readonly from: CpimParty
  readonly to: CpimParty
  readonly dateTime: WallTime
  readonly subject?: string
  /** MIME headers of the content: Content-Type first. */
  readonly contentHeaders: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

/** RFC 3862: the message as message/cpim, in pieces; the body is not copied. */
export function encodeCpim({ from, to, dateTime, subject, contentHeaders, body }: CpimMessage): Buffer[] {
  const lines = [`From: ${party(from)}`, `To: ${party(to)}`, `DateTime: ${new Date(dateTime).toISOString()}`]
  if (subject) lines.push(`Subject: ${escaped(subject)}`)
  lines.push('', ...contentHeaders.map(([name, value]) => `${name}: ${oneLine(value)}`), '', '')
  return [Buffer.from(lines.join('\r\n'), 'latin1'), body]
}

const party = ({ displayName, uri }: CpimParty): string =>
  displayName ? `"${escaped(displayName).replaceAll('"', '\\"')}" <${oneLine(uri)}>` : `<${oneLine(uri)}>`

/** RFC 3862 2.3: no control characters, and a backslash is written twice. */
const escaped = (text: string): string => oneLine(text).replaceAll('\\', '\\\\')

const oneLine = (text: string): string => text.replace(/[\0-\x1f\x7f]+/g, ' ')
