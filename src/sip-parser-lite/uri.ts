import { ALPHANUMERIC, asciiBytesOf, COLON, charSet, EQUALS, lowerCase, SEMICOLON, skipIn } from './chars.ts'
import { canonicalHost, readHostPort } from './host.ts'
import { SipSyntaxError } from './message.ts'
import { NO_PARAMS, type Params } from './params.ts'

export interface SipUri {
  /** Lower-case. */
  readonly scheme: string
  /** Escaped as received; for `tel` the number. */
  readonly user?: string
  readonly password?: string
  /** Lower-case, IPv6 without brackets; empty for schemes other than sip and sips. */
  readonly host: string
  readonly port?: number
  /** Names lower-case, values escaped as received. */
  readonly params: Params
  /** What follows `?`, as received. */
  readonly headers?: string
  /** Everything behind the colon, for schemes other than sip and sips. */
  readonly opaque?: string
}

const PERCENT = 0x25
const QUESTION = 0x3f
const AT = 0x40

/** RFC 3261 25.1. A percent sign is let through here and checked for its two digits apart. */
const MARK = "-_.!~*'()"
const USER = charSet(`${ALPHANUMERIC}${MARK}%&=+$,;?/`)
const PASSWORD = charSet(`${ALPHANUMERIC}${MARK}%&=+$,`)
const PARAM = charSet(`${ALPHANUMERIC}${MARK}%[]/:&+$`)
const HEADERS = charSet(`${ALPHANUMERIC}${MARK}%[]/?:+$&=`)
const SCHEME = charSet(`${ALPHANUMERIC}+-.`)
const HEX = charSet('0123456789abcdefABCDEF')
const OPAQUE = /^[!#-;=?-[\]_a-z~]+$/i

/** Why a URI was refused; the reader that met it in a header names that header. */
function refuse(): never {
  throw new SipSyntaxError(400, 'Malformed URI')
}

/** Several readers in turn ask of one request about its Request-URI and its From: so many cover both ends. */
const RECENT = 4
const recentTexts: (string | undefined)[] = new Array(RECENT).fill(undefined)
const recentUris: SipUri[] = new Array(RECENT)
let recentNext = 0

/** RFC 3261 19.1.1, RFC 3966, and any other scheme by its characters. Throws SipSyntaxError(400, 'Malformed URI'). */
export function parseUri(text: string): SipUri {
  for (let at = 0; at < RECENT; at++) if (recentTexts[at] === text) return recentUris[at]!
  const bytes = asciiBytesOf(text) ?? refuse()
  return remember(text, readUri(bytes, text, 0, text.length))
}

/** The same for the ASCII characters `uri`, which stand in `text` from `from` to `to`. */
export function parseUriAt(bytes: Uint8Array, text: string, from: number, to: number, uri: string): SipUri {
  return remember(uri, readUri(bytes, text, from, to))
}

function remember(text: string, uri: SipUri): SipUri {
  recentTexts[recentNext] = text
  recentUris[recentNext] = uri
  recentNext = (recentNext + 1) % RECENT
  return uri
}

function readUri(bytes: Uint8Array, text: string, from: number, to: number): SipUri {
  const colon = skipIn(SCHEME, bytes, from, to)
  if (colon === from || colon === to || bytes[colon] !== COLON) refuse()
  if (!hasWholeEscapes(bytes, from, to)) refuse()
  const scheme = lowerCase(bytes, text, from, colon)
  if (scheme === 'sip' || scheme === 'sips') return readSip(bytes, text, scheme, colon + 1, to)
  const opaque = text.slice(colon + 1, to)
  if (!/^[a-z]/.test(scheme) || !OPAQUE.test(opaque)) refuse()
  return scheme === 'tel' ? readTel(bytes, text, colon + 1, to) : { scheme, host: '', params: NO_PARAMS, opaque }
}

function hasWholeEscapes(bytes: Uint8Array, from: number, to: number): boolean {
  for (let pos = from; pos < to; pos++) {
    if (bytes[pos] !== PERCENT) continue
    if (pos + 2 >= to || HEX[bytes[pos + 1]!] === 0 || HEX[bytes[pos + 2]!] === 0) return false
  }
  return true
}

function readTel(bytes: Uint8Array, text: string, from: number, to: number): SipUri {
  const userEnd = indexIn(bytes, SEMICOLON, from, to)
  const user = text.slice(from, userEnd)
  if (!/^\+?[0-9a-f*#().-]+$/i.test(user)) refuse()
  const opaque = text.slice(from, to)
  return { scheme: 'tel', user, host: '', params: readUriParams(bytes, text, userEnd, to), opaque }
}

function readSip(bytes: Uint8Array, text: string, scheme: string, from: number, to: number): SipUri {
  const at = indexIn(bytes, AT, from, to)
  const hasUser = at < to
  const userEnd = hasUser ? skipIn(USER, bytes, from, at) : from
  const hasPassword = hasUser && userEnd < at
  if (hasUser && userEnd === from) refuse()
  if (hasPassword && (bytes[userEnd] !== COLON || skipIn(PASSWORD, bytes, userEnd + 1, at) < at)) refuse()
  const sentTo = readHostPort(bytes, text, hasUser ? at + 1 : from, to, false)
  if (!sentTo) refuse()
  const question = indexIn(bytes, QUESTION, sentTo.end, to)
  const hasHeaders = question < to
  const params = readUriParams(bytes, text, sentTo.end, question)
  if (hasHeaders && (question === to - 1 || skipIn(HEADERS, bytes, question + 1, to) < to)) refuse()
  const uri = { scheme, user: text.slice(from, userEnd), host: sentTo.host, params }
  // Nearly all are of this form, and one literal costs a tenth of what spreading does.
  if (hasUser && !hasPassword && sentTo.port === undefined && !hasHeaders) return uri
  return {
    scheme,
    ...(hasUser ? { user: uri.user } : undefined),
    ...(hasPassword ? { password: text.slice(userEnd + 1, at) } : undefined),
    host: sentTo.host,
    ...(sentTo.port === undefined ? undefined : { port: sentTo.port }),
    params,
    ...(hasHeaders ? { headers: text.slice(question + 1, to) } : undefined),
  }
}

/** Index of `byte`, or `to`. */
function indexIn(bytes: Uint8Array, byte: number, from: number, to: number): number {
  let pos = from
  while (pos < to && bytes[pos] !== byte) pos++
  return pos
}

function readUriParams(bytes: Uint8Array, text: string, from: number, to: number): Params {
  if (from === to) return NO_PARAMS
  const params = new Map<string, string | undefined>()
  for (let pos = from; pos < to; ) {
    const nameEnd = skipIn(PARAM, bytes, pos + 1, to)
    if (bytes[pos] !== SEMICOLON || nameEnd === pos + 1) refuse()
    const name = lowerCase(bytes, text, pos + 1, nameEnd)
    if (params.has(name)) refuse()
    const hasValue = nameEnd < to && bytes[nameEnd] === EQUALS
    const end = hasValue ? skipIn(PARAM, bytes, nameEnd + 1, to) : nameEnd
    if (end === nameEnd + 1) refuse()
    params.set(name, hasValue ? text.slice(nameEnd + 1, end) : undefined)
    pos = end
  }
  return params
}

export function encodeUri(uri: SipUri): string {
  if (uri.opaque !== undefined) return `${uri.scheme}:${uri.opaque}`
  let text = `${uri.scheme}:`
  if (uri.user !== undefined) text += `${uri.user}${uri.password === undefined ? '' : `:${uri.password}`}@`
  text += bracketed(uri.host)
  if (uri.port !== undefined) text += `:${uri.port}`
  for (const [name, value] of uri.params) text += value === undefined ? `;${name}` : `;${name}=${value}`
  return uri.headers === undefined ? text : `${text}?${uri.headers}`
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** RFC 3261 19.1.4, which names transport among these only in its examples. */
const PARAMS_THAT_MUST_MATCH = ['user', 'ttl', 'method', 'maddr', 'transport']

/** RFC 3261 19.1.4. Not transitive: a parameter that only one of the two has may be passed over. */
export function sameUri(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme) return false
  if (a.opaque !== undefined || b.opaque !== undefined) return a.opaque?.toLowerCase() === b.opaque?.toLowerCase()
  return (
    canonicalEscapes(a.user) === canonicalEscapes(b.user) &&
    canonicalEscapes(a.password) === canonicalEscapes(b.password) &&
    canonicalHost(a.host) === canonicalHost(b.host) &&
    a.port === b.port &&
    sameParams(a.params, b.params) &&
    sameHeaders(a.headers, b.headers)
  )
}

function sameParams(a: Params, b: Params): boolean {
  for (const name of PARAMS_THAT_MUST_MATCH) if (a.has(name) !== b.has(name)) return false
  for (const [name, value] of a) if (b.has(name) && !sameText(value, b.get(name))) return false
  return true
}

const sameText = (a: string | undefined, b: string | undefined): boolean =>
  canonicalEscapes(a)?.toLowerCase() === canonicalEscapes(b)?.toLowerCase()

function sameHeaders(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sortedHeaders(a) === sortedHeaders(b))
}

function sortedHeaders(headers: string): string {
  const pairs = headers.split('&').map(pair => {
    const [name = '', ...value] = pair.split('=')
    return `${name.toLowerCase()}=${canonicalEscapes(value.join('='))}`
  })
  return pairs.sort().join('&')
}

/** Characters that mean the same with and without their escape: those RFC 2396 does not reserve. */
const UNRESERVED = charSet(`${ALPHANUMERIC}${MARK}`)

function canonicalEscapes(text: string | undefined): string | undefined {
  if (!text?.includes('%')) return text
  return text.replace(/%([0-9a-f]{2})/gi, (escaped, digits: string) => {
    const code = Number.parseInt(digits, 16)
    return UNRESERVED[code] === 1 ? String.fromCharCode(code) : escaped.toUpperCase()
  })
}

/**
 * The key of a mailbox or account: `sip:user@host` for sip and sips, without password, port, parameters and headers;
 * `tel:number` without visual separators. Throws SipSyntaxError like parseUri.
 */
export function addressOfRecord(text: string): string {
  const uri = parseUri(text)
  if (uri.scheme === 'tel') return `tel:${uri.user!.replace(/[().-]/g, '').toLowerCase()}`
  if (uri.opaque !== undefined) return `${uri.scheme}:${uri.opaque}`
  const host = bracketed(canonicalHost(uri.host)).replace(/\.$/, '')
  return uri.user === undefined ? `sip:${host}` : `sip:${canonicalEscapes(uri.user)}@${host}`
}
