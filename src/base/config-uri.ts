import { parseAddress } from './address.ts'

/** Names and SIP addresses as a configuration or a command line has them. */

/** The store's bound of an address-of-record. */
export const ACCOUNT_CHARACTERS_MAX = 1024

const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
const HOST = new RegExp(`^(?=.{1,253}$)(${LABEL}\\.)*${LABEL}$`, 'i')
/** Looks like a number that was mistyped. */
const DIGITS = /^[\d.]+$/

/** RFC 3261 25.1 `user`; no escape of a control character, which no client can send. */
const USER = "(?:[a-z0-9_.!~*'()&=+$,;?/-]|%(?!0|1|7f)[0-9a-f]{2})+"
const SENT_TO = '(\\[[0-9a-f:.]+\\]|[a-z0-9.-]+)'
/** RFC 3261 25.1, as far as a configuration needs it: user part, host, port, parameters; no password, no headers. */
const SIP_URI = new RegExp(
  `^sips?:(?:(${USER})@)?${SENT_TO}(?::(\\d{1,5}))?((?:;[a-z0-9_.!~*'()%[\\]/:&+$=-]+)*)$`,
  'i',
)
/** RFC 3261 10.3: an address-of-record has neither password, port, parameters nor headers; its accounts are kept under `sip:`. */
const ACCOUNT = new RegExp(`^sip:(${USER})@${SENT_TO}$`, 'i')

interface HostedUser {
  readonly user: string
  /** Lower-case, IPv6 without brackets. */
  readonly host: string
}

/** Lower-case, `[::1]` without its brackets, `example.org.` without its dot. */
export const plainHost = (text: string): string => {
  const host = text.toLowerCase().replace(/\.$/, '')
  const inner = /^\[(.*)\]$/.exec(host)?.[1]
  return inner !== undefined && isIpv6(inner) ? inner : host
}

const isIpv6 = (text: string): boolean => text.includes(':') && parseAddress(text) !== undefined

/** A name, or a numeric address without brackets. */
export const isHost = (text: string): boolean =>
  (HOST.test(text) && !DIGITS.test(text)) || parseAddress(text) !== undefined

const isSentTo = (text: string): boolean => (text.startsWith('[') ? isIpv6(text.slice(1, -1)) : isHost(plainHost(text)))

/** User and host of a SIP URI; the user empty where there is none. Undefined for anything else. */
export function sipUri(text: string): HostedUser | undefined {
  const [, user = '', host = '', port = '1'] = SIP_URI.exec(text) ?? []
  const isRight = isSentTo(host) && Number(port) > 0 && Number(port) <= 65535
  return isRight ? { user, host: plainHost(host) } : undefined
}

/** The parts of `sip:user@host`; undefined for anything more, less or else. */
export function accountAddress(text: string): HostedUser | undefined {
  const match = text.length <= ACCOUNT_CHARACTERS_MAX ? ACCOUNT.exec(text) : null
  if (!match || /[;?]/.test(match[1]!) || !isSentTo(match[2]!)) return undefined
  return { user: match[1]!, host: plainHost(match[2]!) }
}

/** RFC 3261 19.1.4: letter case tells users apart, not hosts; an escaped letter is that letter. */
export const accountKey = ({ user, host }: HostedUser): string => `${canonicalUser(user)}@${host}`

const canonicalUser = (user: string): string =>
  user.replace(/%([0-9a-f]{2})/gi, (escaped, digits: string) => {
    const character = String.fromCharCode(Number.parseInt(digits, 16))
    return /[a-z0-9_.!~*'()-]/i.test(character) ? character : escaped.toUpperCase()
  })

/** Also where an IPv6 address is spelt in two ways. */
export const isSameHost = (a: string, b: string): boolean =>
  a === b || (isIpv6(a) && isIpv6(b) && `${parseAddress(a)}` === `${parseAddress(b)}`)

/** `[::1]` where a URI has a host. */
export const uriHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)
