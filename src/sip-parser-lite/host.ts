import { ALPHANUMERIC, COLON, charSet, skipIn } from './chars.ts'

/** Underscore is in no RFC hostname, but it is in names that sites give their machines. */
const HOSTNAME = charSet(`${ALPHANUMERIC}-._`)
const OPEN_BRACKET = 0x5b

export interface HostPort {
  /** Lower-case; IPv6 without brackets. */
  readonly host: string
  readonly port: number | undefined
  /** Index after what was read. */
  readonly end: number
}

/** `host[:port]` at `from`; undefined if there is none or if it is malformed. White space around the colon only if `isSpaced` (Via). */
export function readHostPort(text: string, from: number, isSpaced: boolean): HostPort | undefined {
  const isBracketed = text.charCodeAt(from) === OPEN_BRACKET
  const hostEnd = isBracketed ? text.indexOf(']', from) : skipIn(HOSTNAME, text, from)
  if (hostEnd <= from) return undefined
  const host = (isBracketed ? text.slice(from + 1, hostEnd) : text.slice(from, hostEnd)).toLowerCase()
  if (isBracketed && canonicalIpv6(host) === undefined) return undefined
  const end = isBracketed ? hostEnd + 1 : hostEnd
  const colon = isSpaced ? afterSpace(text, end) : end
  if (text.charCodeAt(colon) !== COLON) return { host, port: undefined, end }
  return readPort(text, isSpaced ? afterSpace(text, colon + 1) : colon + 1, host)
}

function readPort(text: string, from: number, host: string): HostPort | undefined {
  let end = from
  let port = 0
  for (; end < text.length; end++) {
    const digit = text.charCodeAt(end) - 48
    if (digit < 0 || digit > 9) break
    port = port * 10 + digit
    if (port > 65535) return undefined
  }
  return end === from || port === 0 ? undefined : { host, port, end }
}

function afterSpace(text: string, from: number): number {
  let pos = from
  while (text.charCodeAt(pos) === 32 || text.charCodeAt(pos) === 9) pos++
  return pos
}

/** Eight groups in full, for comparing; undefined if `text` is no IPv6 address. */
export function canonicalIpv6(text: string): string | undefined {
  // The colon before an embedded IPv4 address could be taken for a third one in the grammar of RFC 3261 (RFC 5118 4.10).
  const gap = text.indexOf('::')
  if (text.length > 46) return undefined
  const head = groups(gap < 0 ? text : text.slice(0, gap), gap < 0)
  const tail = gap < 0 ? [] : groups(text.slice(text[gap + 2] === ':' ? gap + 3 : gap + 2), true)
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined
  return [...head, ...new Array<string>(gap < 0 ? 0 : missing).fill('0'), ...tail].join(':')
}

function groups(text: string, mayEndInIpv4: boolean): string[] | undefined {
  if (text === '') return []
  const found: string[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) found.push(Number.parseInt(part, 16).toString(16))
    else if (mayEndInIpv4 && index === parts.length - 1 && isIpv4(part)) found.push(...ipv4Groups(part))
    else return undefined
  }
  return found
}

export const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every(part => Number(part) <= 255)

function ipv4Groups(text: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
}

/** What two spellings of one host have in common. */
export const canonicalHost = (host: string): string => (host.includes(':') ? (canonicalIpv6(host) ?? host) : host)
