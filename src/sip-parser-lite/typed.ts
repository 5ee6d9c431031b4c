import {
  ALPHANUMERIC,
  bytesOf,
  COLON,
  COMMA,
  charSet,
  closingQuote,
  elementEnd,
  GREATER,
  isToken,
  LESS,
  lowerCase,
  malformed,
  parseDigits,
  QUOTE,
  SLASH,
  skipIn,
  skipSpace,
  splitList,
  TOKEN,
  unfold,
  unquoted,
} from './chars.ts'
import { readHostPort } from './host.ts'
import type { HeaderField, SipMessage } from './message.ts'
import { Field } from './names.ts'
import { NO_PARAMS, type Params, readPairs, readParams } from './params.ts'

export type { Params } from './params.ts'

/** Readers of header values. Each throws SipSyntaxError(400, 'Malformed NAME header'). */

export interface Via {
  /** Name and version, e.g. `SIP/2.0`. */
  readonly protocol: string
  /** Upper-case, e.g. `UDP`. */
  readonly transport: string
  /** Lower-case; IPv6 without brackets. */
  readonly host: string
  readonly port?: number
  readonly params: Params
}

export interface NameAddr {
  /** Unquoted; absent when the header has none. */
  readonly displayName?: string
  readonly uri: string
  /** Of the header, not of the URI. */
  readonly params: Params
}

export interface CSeq {
  /** 0 to 2^31 - 1. */
  readonly seq: number
  readonly method: string
}

export interface Credentials {
  /** Lower-case, e.g. `digest`. */
  readonly scheme: string
  readonly params: Params
}

/** RFC 3261 8.1.1.5. */
const CSEQ_MAX = 0x7fffffff
/** RFC 3261 20.22. */
const MAX_FORWARDS_MAX = 255
/** RFC 3261 25.1: delta-seconds beyond this are this. */
const SECONDS_MAX = 0xffffffff

/** `value` is one element of a Via header. */
export function parseVia(value: string): Via {
  const text = unfold(value)
  return readVia(bytesOf(text), text, 0, text.length)
}

export function readVia(bytes: Uint8Array, text: string, from: number, to: number): Via {
  const nameEnd = skipIn(TOKEN, bytes, from, to)
  const versionAt = afterSlash(bytes, nameEnd, to)
  const versionEnd = skipIn(TOKEN, bytes, versionAt, to)
  const transportAt = afterSlash(bytes, versionEnd, to)
  const transportEnd = skipIn(TOKEN, bytes, transportAt, to)
  const hostAt = skipSpace(bytes, transportEnd, to)
  if (nameEnd === from || versionEnd === versionAt || transportEnd === transportAt) malformed('Via')
  const sentBy = hostAt === transportEnd ? undefined : readHostPort(bytes, text, hostAt, to, true)
  if (!sentBy) malformed('Via')
  const params = readParams(bytes, text, sentBy.end, to, 'Via')
  const isTight = versionEnd - from === 7 && text.startsWith('SIP/2.0', from)
  const protocol = isTight
    ? 'SIP/2.0'
    : `${text.slice(from, nameEnd)}/${text.slice(versionAt, versionEnd)}`.toUpperCase()
  const transport = text.slice(transportAt, transportEnd)
  return viaOfParts(
    protocol,
    transport === 'UDP' ? transport : transport.toUpperCase(),
    sentBy.host,
    sentBy.port,
    params,
  )
}

function viaOfParts(protocol: string, transport: string, host: string, port: number | undefined, params: Params): Via {
  return port === undefined ? { protocol, transport, host, params } : { protocol, transport, host, port, params }
}

function afterSlash(bytes: Uint8Array, from: number, to: number): number {
  const slash = skipSpace(bytes, from, to)
  if (slash >= to || bytes[slash] !== SLASH) malformed('Via')
  return skipSpace(bytes, slash + 1, to)
}

/** Unquoted display names may hold tokens and, beyond the grammar, bytes of UTF-8, which deployed clients send. */
const DISPLAY_NAME = TOKEN.map((flag, code) => (flag || code >= 0x80 || code === 0x20 || code === 0x09 ? 1 : 0))
/** Characters of a URI, of any scheme. */
const URI = new Uint8Array(256).fill(1, 0x21, 0x7f)
for (const character of '"<>\\^`{|}') URI[character.charCodeAt(0)] = 0
const SCHEME = charSet(`${ALPHANUMERIC}+-.`)
/** RFC 3261 20.10: without angle brackets a URI ends at these. */
const BARE_URI = URI.slice()
for (const character of ',;?') BARE_URI[character.charCodeAt(0)] = 0

/** From, To, Contact, Route, Refer-To and the like; one element of a list. `header` names it in the error. */
export function parseNameAddr(value: string, header = 'address'): NameAddr {
  const text = unfold(value)
  return readNameAddr(bytesOf(text), text, 0, text.length, header)
}

export function readNameAddr(bytes: Uint8Array, text: string, from: number, to: number, header: string): NameAddr {
  let displayName: string | undefined
  let open: number
  if (bytes[from] === QUOTE) {
    const close = closingQuote(bytes, from, to)
    if (close < 0) malformed(header)
    displayName = unquoted(text, from, close)
    open = skipSpace(bytes, close + 1, to)
  } else {
    open = skipIn(DISPLAY_NAME, bytes, from, to)
    if (open > from) displayName = text.slice(from, open).trim()
  }
  if (open >= to || bytes[open] !== LESS) return readBareAddress(bytes, text, from, to, header)
  const close = skipIn(URI, bytes, open + 1, to)
  if (close >= to || bytes[close] !== GREATER || !hasScheme(bytes, open + 1, close)) malformed(header)
  const uri = text.slice(open + 1, close)
  const params = readParams(bytes, text, close + 1, to, header)
  return displayName === undefined ? { uri, params } : { displayName, uri, params }
}

function readBareAddress(bytes: Uint8Array, text: string, from: number, to: number, header: string): NameAddr {
  const end = skipIn(BARE_URI, bytes, from, to)
  if (!hasScheme(bytes, from, end)) malformed(header)
  return { uri: text.slice(from, end), params: readParams(bytes, text, end, to, header) }
}

/** A scheme, its colon and something behind it. */
function hasScheme(bytes: Uint8Array, from: number, to: number): boolean {
  const colon = skipIn(SCHEME, bytes, from, to)
  return isLetter(bytes[from]!) && colon + 1 < to && bytes[colon] === COLON
}

const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a

/** RFC 3261 20.7: `*` stands alone and without parameters. */
export function parseContacts(values: readonly string[]): '*' | NameAddr[] {
  if (values.some(value => value.startsWith('*')))
    return values.length === 1 && values[0] === '*' ? '*' : malformed('Contact')
  return values.map(value => parseNameAddr(value, 'Contact'))
}

export function parseCSeq(value: string): CSeq {
  const text = unfold(value)
  return readCSeq(bytesOf(text), text, 0, text.length)
}

export function readCSeq(bytes: Uint8Array, text: string, from: number, to: number): CSeq {
  let seq = 0
  let pos = from
  for (; pos < to && isDigit(bytes[pos]!); pos++) seq = Math.min(seq * 10 + bytes[pos]! - 48, CSEQ_MAX + 1)
  const methodAt = skipSpace(bytes, pos, to)
  const end = skipIn(TOKEN, bytes, methodAt, to)
  if (pos === from || methodAt === pos || end === methodAt || end < to || seq > CSEQ_MAX) malformed('CSeq')
  return { seq, method: text.slice(methodAt, to) }
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57

/**
 * Authorization, WWW-Authenticate and their kin: one header line. A scheme whose credentials are no list of pairs has
 * no params.
 */
export function parseAuth(value: string, header = 'Authorization'): Credentials {
  const text = unfold(value)
  const bytes = bytesOf(text)
  const schemeEnd = skipIn(TOKEN, bytes, 0, text.length)
  const scheme = text.slice(0, schemeEnd).toLowerCase()
  const start = skipSpace(bytes, schemeEnd, text.length)
  if (scheme === '' || start === schemeEnd || start === text.length) malformed(header)
  const isPairs = scheme === 'digest' || /^[^\s=]+[ \t]*=[ \t]*[^\s=]/.test(text.slice(start))
  return { scheme, params: isPairs ? readPairs(bytes, text, start, text.length, COMMA, header) : NO_PARAMS }
}

/** A value with parameters: Event, Content-Type, Content-Disposition, Subscription-State. `value` comes lower-case. */
export function parseParams(value: string, header = 'value'): { readonly value: string; readonly params: Params } {
  const text = unfold(value)
  const semicolon = text.indexOf(';')
  const end = semicolon < 0 ? text.length : semicolon
  const bytes = bytesOf(text)
  const head = plainHead(bytes, text, end) ?? spacedHead(text.slice(0, end), header)
  return { value: head, params: readParams(bytes, text, end, text.length, header) }
}

/** A token, or two with a slash between, as everybody writes it. */
function plainHead(bytes: Uint8Array, text: string, to: number): string | undefined {
  const slash = skipIn(TOKEN, bytes, 0, to)
  const end = bytes[slash] === SLASH && slash > 0 && slash + 1 < to ? skipIn(TOKEN, bytes, slash + 1, to) : slash
  return end > 0 && end === to ? lowerCase(bytes, text, 0, end) : undefined
}

function spacedHead(text: string, header: string): string {
  const head = text.trim().toLowerCase()
  if (!isToken(head) && !/^[^\s/,"<>]+[ \t]*\/[ \t]*[^\s/,"<>]+$/.test(head)) malformed(header)
  return head.replace(/[ \t]/g, '')
}

/** Seconds, 0 to 2^32 - 1; a comment or parameters after the number are passed over. */
export function parseSeconds(value: string, header = 'Expires'): number {
  const match = /^\d+(?=$|[ \t;(])/.exec(unfold(value))
  return match ? Math.min(Number(match[0]), SECONDS_MAX) : malformed(header)
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const SIP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/

/** RFC 3261 20.17; milliseconds since 1970 or undefined: a bad Date is passed over, never a reason to refuse. */
export function parseSipDate(value: string): number | undefined {
  const match = SIP_DATE.exec(unfold(value))
  if (!match) return undefined
  const month = MONTHS.indexOf(match[2]!)
  const [day, year, hour, minute, second] = [1, 3, 4, 5, 6].map(index => Number(match[index])) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const at = Date.UTC(year, month, day, hour, minute, second)
  const isReal = month >= 0 && new Date(Date.UTC(year, month, day)).getUTCDate() === day
  return isReal && hour < 24 && minute < 60 && second <= 60 ? at : undefined
}

export function firstField(message: SipMessage, key: string): HeaderField | undefined {
  const headers = message.headers
  for (let index = 0; index < headers.length; index++) {
    const candidate = headers[index]!
    if (candidate.key === key) return candidate
  }
  return undefined
}

function needed(message: SipMessage, key: string, name: string): HeaderField {
  return firstField(message, key) ?? malformed(name)
}

function firstVia(value: string): Via {
  const text = unfold(value)
  const bytes = bytesOf(text)
  return readVia(bytes, text, 0, elementEnd(bytes, 0, text.length))
}
const from = (value: string): NameAddr => parseNameAddr(value, 'From')
const to = (value: string): NameAddr => parseNameAddr(value, 'To')

export const viaOf = (field: HeaderField): Via => Field.typed(field, firstVia)
export const fromOf = (field: HeaderField): NameAddr => Field.typed(field, from)
export const toOf = (field: HeaderField): NameAddr => Field.typed(field, to)
export const cseqOf = (field: HeaderField): CSeq => Field.typed(field, parseCSeq)

export const topVia = (message: SipMessage): Via => viaOf(needed(message, 'via', 'Via'))
export const cseq = (message: SipMessage): CSeq => cseqOf(needed(message, 'cseq', 'CSeq'))
export const callId = (message: SipMessage): string => needed(message, 'call-id', 'Call-ID').value
export const fromAddress = (message: SipMessage): NameAddr => fromOf(needed(message, 'from', 'From'))
export const toAddress = (message: SipMessage): NameAddr => toOf(needed(message, 'to', 'To'))
export const fromTag = (message: SipMessage): string | undefined => fromAddress(message).params.get('tag')
export const toTag = (message: SipMessage): string | undefined => toAddress(message).params.get('tag')

/** 0 to 255; undefined when absent (RFC 3261 16.3 step 3). */
export function maxForwards(message: SipMessage): number | undefined {
  const field = firstField(message, 'max-forwards')
  return field && parseMaxForwards(field.value)
}

export function parseMaxForwards(value: string): number {
  const hops = parseDigits(value)
  return hops !== undefined && hops <= MAX_FORWARDS_MAX ? hops : malformed('Max-Forwards')
}

/** Tokens of a list header such as Supported, Require, Allow, Accept: each without its parameters, as received. */
export const listTokens = (value: string): string[] =>
  splitList(unfold(value)).map(element => {
    const semicolon = element.indexOf(';')
    return semicolon < 0 ? element : element.slice(0, semicolon).trimEnd()
  })
