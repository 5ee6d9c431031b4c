import { ALPHANUMERIC, charSet, NO_PARAMS, type Params, skipIn } from './chars.ts'
import { canonicalHost, readHostPort } from './host.ts'
import { SipSyntaxError } from './message.ts'

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

/** RFC 3261 25.1. A percent sign is let through here and checked for its two digits apart. */
const MARK = "-_.!~*'()"
const USER = charSet(`${ALPHANUMERIC}${MARK}%&=+$,;?/`)
const PASSWORD = charSet(`${ALPHANUMERIC}${MARK}%&=+$,`)
const PARAM = charSet(`${ALPHANUMERIC}${MARK}%[]/:&+$`)
const HEADERS = charSet(`${ALPHANUMERIC}${MARK}%[]/?:+$&=`)
const OPAQUE = /^[!#-;=?-[\]_a-z~]+$/i

/** Why a URI was refused; the reader that met it in a header names that header. */
function refuse(): never {
  throw new SipSyntaxError(400, 'Malformed URI')
}

/** RFC 3261 19.1.1, RFC 3966, and any other scheme by its characters. Throws SipSyntaxError(400, 'Malformed URI'). */
export function parseUri(text: string): SipUri {
  const colon = text.indexOf(':')
  const scheme = text.slice(0, colon).toLowerCase()
  if (colon < 1 || !/^[a-z][a-z0-9+.-]*$/.test(scheme)) refuse()
  if (!hasWholeEscapes(text)) refuse()
  if (scheme === 'sip' || scheme === 'sips') return parseSip(text, scheme, colon + 1)
  const opaque = text.slice(colon + 1)
  if (!OPAQUE.test(opaque)) refuse()
  return scheme === 'tel' ? parseTel(opaque) : { scheme, host: '', params: NO_PARAMS, opaque }
}

const hasWholeEscapes = (text: string): boolean => !text.includes('%') || !/%(?![0-9a-f]{2})/i.test(text)

function parseTel(opaque: string): SipUri {
  const semicolon = opaque.indexOf(';')
  const user = semicolon < 0 ? opaque : opaque.slice(0, semicolon)
  const params = semicolon < 0 ? NO_PARAMS : readUriParams(opaque, semicolon, opaque.length)
  if (!/^\+?[0-9a-f*#().-]+$/i.test(user)) refuse()
  return { scheme: 'tel', user, host: '', params, opaque }
}

function parseSip(text: string, scheme: string, from: number): SipUri {
  const at = text.indexOf('@', from)
  const userinfo = at < 0 ? undefined : readUserinfo(text.slice(from, at))
  const sentTo = readHostPort(text, at < 0 ? from : at + 1, false)
  if (!sentTo) refuse()
  const question = text.indexOf('?', sentTo.end)
  const paramsEnd = question < 0 ? text.length : question
  const headers = question < 0 ? undefined : text.slice(question + 1)
  if (headers !== undefined && (headers === '' || skipIn(HEADERS, headers, 0) < headers.length)) refuse()
  const params = sentTo.end === paramsEnd ? NO_PARAMS : readUriParams(text, sentTo.end, paramsEnd)
  return {
    scheme,
    ...userinfo,
    host: sentTo.host,
    ...(sentTo.port === undefined ? undefined : { port: sentTo.port }),
    params,
    ...(headers === undefined ? undefined : { headers }),
  }
}

function readUserinfo(text: string): { user: string; password?: string } {
  const userEnd = skipIn(USER, text, 0)
  const user = text.slice(0, userEnd)
  if (user === '') refuse()
  if (userEnd === text.length) return { user }
  const password = text.slice(userEnd + 1)
  if (text[userEnd] !== ':' || skipIn(PASSWORD, password, 0) < password.length) refuse()
  return { user, password }
}

function readUriParams(text: string, from: number, to: number): Params {
  const params = new Map<string, string | undefined>()
  for (let pos = from; pos < to; ) {
    const nameEnd = skipIn(PARAM, text, pos + 1)
    if (text[pos] !== ';' || nameEnd === pos + 1) refuse()
    const name = text.slice(pos + 1, nameEnd).toLowerCase()
    if (params.has(name)) refuse()
    const end = text[nameEnd] === '=' ? skipIn(PARAM, text, nameEnd + 1) : nameEnd
    if (end === nameEnd + 1) refuse()
    params.set(name, end === nameEnd ? undefined : text.slice(nameEnd + 1, end))
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
