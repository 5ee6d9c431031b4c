import { ALPHANUMERIC, COLON, charSet, lowerCase, skipIn, skipSpace } from './chars.ts'

/** Underscore is in no RFC hostname, but it is in names that sites give their machines. */
const HOSTNAME = charSet(`${ALPHANUMERIC}-._`)
const OPEN_BRACKET = 0x5b
const PORT_MAX = 65535
/** `[` to `]`: eight groups, the last two as IPv4, and one colon too many. */
const IPV6_LENGTH_MAX = 48

export interface HostPort {
  /** Lower-case; IPv6 without brackets. */
  readonly host: string
  readonly port: number | undefined
  /** Index after what was read. */
  readonly end: number
}

/**
 * `host[:port]` at `from`; undefined if there is none or if it is malformed. White space around the colon only if
 * `isSpaced` (Via).
 */
export function readHostPort(
  bytes: Uint8Array,
  text: string,
  from: number,
  to: number,
  isSpaced: boolean,
): HostPort | undefined {
  const end = bytes[from] === OPEN_BRACKET ? ipv6End(text, from, to) : skipIn(HOSTNAME, bytes, from, to)
  if (end <= from) return undefined
  const isIpv6 = bytes[from] === OPEN_BRACKET
  const host = isIpv6 ? text.slice(from + 1, end - 1).toLowerCase() : lowerCase(bytes, text, from, end)
  const colon = isSpaced ? skipSpace(bytes, end, to) : end
  if (colon === to || bytes[colon] !== COLON) return { host, port: undefined, end }
  return readPort(bytes, isSpaced ? skipSpace(bytes, colon + 1, to) : colon + 1, to, host)
}

function ipv6End(text: string, from: number, to: number): number {
  const close = text.slice(from, Math.min(to, from + IPV6_LENGTH_MAX)).indexOf(']')
  return close > 0 && canonicalIpv6(text.slice(from + 1, from + close)) !== undefined ? from + close + 1 : -1
}

function readPort(bytes: Uint8Array, from: number, to: number, host: string): HostPort | undefined {
  let end = from
  let port = 0
  for (; end < to; end++) {
    const digit = bytes[end]! - 48
    if (digit < 0 || digit > 9) break
    port = port * 10 + digit
    if (port > PORT_MAX) return undefined
  }
  return port === 0 ? undefined : { host, port, end }
}

/**
 * Eight groups in full, for comparing; undefined if `text` is no IPv6 address. RFC 5118 4.10: a third colon, which the
 * grammar of RFC 3261 allowed before an embedded IPv4 address, is passed over.
 */
export function canonicalIpv6(text: string): string | undefined {
  const address = /^[^.]*:::\d+\./.test(text) ? text.replace(':::', '::') : text
  const gap = address.indexOf('::')
  if (gap < 0) {
    const all = groups(address, true)
    return all?.length === 8 ? all.join(':') : undefined
  }
  const head = groups(address.slice(0, gap), false)
  const tail = groups(address.slice(gap + 2), true)
  if (!head || !tail || head.length + tail.length > 7) return undefined
  return [...head, ...new Array<string>(8 - head.length - tail.length).fill('0'), ...tail].join(':')
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

const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every(part => Number(part) <= 255)

function ipv4Groups(text: string): string[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
}

/** What two spellings of one host have in common. */
export const canonicalHost = (host: string): string => (host.includes(':') ? (canonicalIpv6(host) ?? host) : host)
