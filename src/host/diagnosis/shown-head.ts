/** What of a SIP message is shown to whoever looks on: nothing that opens a door, and nobody who asked to be nobody (docs/manual.md). */

/** Credentials, and what proves that somebody has them (RFC 3261 20.7, 20.28; RFC 8760; RFC 4474, RFC 8224). */
const SECRET = new Set(['authorization', 'proxy-authorization', 'authentication-info', 'proxy-authentication-info'])

/** RFC 3325 9, RFC 8224: who somebody is whom the network knows. */
const NAMING = new Set([
  'p-asserted-identity',
  'p-preferred-identity',
  'p-associated-uri',
  'remote-party-id',
  'identity',
  'y',
  'referred-by',
  'b',
])

/** RFC 3323 4.2: the services that hide the sender. */
const HIDING = /^(?:id|user|header|session)$/i

/** Passwords have no place in a URI (RFC 3261 19.1.1), and stand there nevertheless. */
const PASSWORD = /(sips?:[^\s<>"@:;?]{0,128}:)[^\s<>"@]{0,128}@/gi

const HIDDEN = '(hidden)'

/** Nobody reads more of one message on a terminal, and so many of them wait for somebody who does not. */
const SHOWN_MAX = 16_384

/** `text`: start line and headers as received, latin1. Lines end in LF, and what a terminal would not show is a dot. */
export function shownHead(text: string): string {
  const lines = text.split(/\r?\n/)
  const isAnonymous = asksForPrivacy(lines)
  const shown: string[] = []
  let isHidden = false
  for (const line of lines) {
    // RFC 3261 7.3.1: what begins with white space belongs to the line before.
    if (/^[ \t]/.test(line)) {
      if (!isHidden) shown.push(line)
      continue
    }
    const [, name = ''] = /^([^\s:]+)[ \t]*:/.exec(line) ?? []
    const key = shown.length === 0 ? '' : name.toLowerCase()
    isHidden = SECRET.has(key) || (isAnonymous && NAMING.has(key))
    shown.push(isHidden ? `${name}: ${HIDDEN}` : line)
  }
  const whole = printable(shown.join('\n').trimEnd()).replace(PASSWORD, `$1${HIDDEN}@`)
  return whole.length <= SHOWN_MAX ? whole : `${whole.slice(0, SHOWN_MAX)}\n(cut)`
}

/** Line ends and tabs are kept. */
export const printable = (text: string): string => text.replace(/\r\n/g, '\n').replace(/[^\t\n\x20-\x7e]/g, '.')

function asksForPrivacy(lines: readonly string[]): boolean {
  // RFC 3261 7.3.1: a value may begin in the next line.
  const unfolded = lines
    .join('\n')
    .replace(/\n[ \t]+/g, ' ')
    .split('\n')
  return unfolded.some(line => {
    const [, name = '', value = ''] = /^([^\s:]+)[ \t]*:(.*)$/.exec(line) ?? []
    const key = name.toLowerCase()
    if (key === 'privacy') return value.split(/[;,]/).some(service => HIDING.test(service.trim()))
    return (key === 'from' || key === 'f') && /@anonymous\.invalid\b/i.test(value)
  })
}
