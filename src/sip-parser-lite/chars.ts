import { type HeaderField, SipSyntaxError } from './message.ts'

/** Scanners over latin1 text. Each looks at a character at most once, so hostile text costs linear time. */

const SP = 0x20
const HTAB = 0x09
export const QUOTE = 0x22
export const COMMA = 0x2c
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const LESS = 0x3c
export const EQUALS = 0x3d
export const GREATER = 0x3e
export const BACKSLASH = 0x5c

const ALPHANUM = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** One flag per byte value; index with a latin1 character code. */
export function charSet(characters: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const character of characters) set[character.charCodeAt(0)] = 1
  return set
}

/** RFC 3261 25.1 token. */
export const TOKEN = charSet(`${ALPHANUM}-.!%*_+\`'~`)
export const ALPHANUMERIC = ALPHANUM

/** Visible characters that may stand in an unquoted parameter value: everything that does not delimit one. */
const PARAM_VALUE = new Uint8Array(256)
for (let code = 0x21; code < 256; code++) PARAM_VALUE[code] = 1
for (const code of [QUOTE, COMMA, SEMICOLON, LESS, GREATER, 0x7f]) PARAM_VALUE[code] = 0

export function skipIn(set: Uint8Array, text: string, from: number): number {
  let pos = from
  while (pos < text.length && set[text.charCodeAt(pos)] === 1) pos++
  return pos
}

export function skipSpace(text: string, from: number): number {
  let pos = from
  while (pos < text.length) {
    const code = text.charCodeAt(pos)
    if (code !== SP && code !== HTAB) break
    pos++
  }
  return pos
}

/** `text` from `from` to `to` without the white space at its ends. */
export function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isSpaceOrEol(text.charCodeAt(start))) start++
  while (end > start && isSpaceOrEol(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isSpaceOrEol = (code: number): boolean => code === SP || code === HTAB || code === 13 || code === 10

export const isToken = (text: string): boolean => text.length > 0 && skipIn(TOKEN, text, 0) === text.length

/** RFC 3261 7.3.1: a folded line counts as a single space. */
export const unfold = (value: string): string =>
  value.indexOf('\r') < 0 ? value : value.replace(/\r\n[ \t]+/g, ' ').trim()

/** Index of the quote that closes the one at `open`, or -1. */
export function closingQuote(text: string, open: number): number {
  for (let pos = open + 1; pos < text.length; pos++) {
    const code = text.charCodeAt(pos)
    if (code === BACKSLASH) pos++
    else if (code === QUOTE) return pos
  }
  return -1
}

/** What stands between the quotes at `open` and `close`, quoted pairs resolved. */
export function unquoted(text: string, open: number, close: number): string {
  const inner = text.slice(open + 1, close)
  return inner.indexOf('\\') < 0 ? inner : inner.replace(/\\([\s\S])/g, '$1')
}

/** Elements of a comma list, trimmed; commas in quotes and angle brackets do not separate. Empty elements are left out. */
export function splitList(value: string): string[] {
  if (value.indexOf(',') < 0) return value === '' ? [] : [value]
  const elements: string[] = []
  for (let pos = 0; pos <= value.length; ) {
    const end = elementEnd(value, pos)
    const element = trimmed(value, pos, end)
    if (element !== '') elements.push(element)
    pos = end + 1
  }
  return elements
}

/** Index of the comma that ends the element starting at `from`, or the length of `value`. */
export function elementEnd(value: string, from: number): number {
  let isInAngles = false
  for (let pos = from; pos < value.length; pos++) {
    const code = value.charCodeAt(pos)
    if (isInAngles) isInAngles = code !== GREATER
    else if (code === COMMA) return pos
    else if (code === LESS) isInAngles = true
    else if (code === QUOTE) {
      pos = closingQuote(value, pos)
      if (pos < 0) return value.length
    }
  }
  return value.length
}

export function malformed(header: string): never {
  throw new SipSyntaxError(400, `Malformed ${header} header`)
}

/** Keys are lower-case, values unquoted; undefined for a name without `=`. */
export type Params = ReadonlyMap<string, string | undefined>

/** Shared by all values without parameters; typed read-only, so nobody writes to it. */
export const NO_PARAMS: Params = new Map()

/** `;name=value` pairs from `from` to the end of `text`. A name may stand once (RFC 3261 7.3.1). */
export const readParams = (text: string, from: number, header: HeaderField['name']): Params => {
  const start = skipSpace(text, from)
  return start === text.length ? NO_PARAMS : readPairs(text, start, SEMICOLON, header)
}

/** Pairs separated by `separator`; the first pair is preceded by one if it is a semicolon. */
export function readPairs(text: string, from: number, separator: number, header: string): Params {
  const params = new Map<string, string | undefined>()
  let pos = from
  while (pos < text.length) {
    if (separator === SEMICOLON || params.size > 0) {
      if (text.charCodeAt(pos) !== separator) malformed(header)
      pos = skipSpace(text, pos + 1)
    }
    const nameEnd = skipIn(TOKEN, text, pos)
    if (nameEnd === pos) malformed(header)
    const name = text.slice(pos, nameEnd).toLowerCase()
    if (params.has(name)) malformed(header)
    pos = skipSpace(text, nameEnd)
    if (text.charCodeAt(pos) !== EQUALS) {
      params.set(name, undefined)
      continue
    }
    pos = skipSpace(text, pos + 1)
    const end = valueEnd(text, pos)
    if (end <= pos) malformed(header)
    params.set(name, text.charCodeAt(pos) === QUOTE ? unquoted(text, pos, end - 1) : text.slice(pos, end))
    pos = skipSpace(text, end)
  }
  return params
}

/** Index after the parameter value at `pos`; `pos` or less when there is none. */
function valueEnd(text: string, pos: number): number {
  return text.charCodeAt(pos) === QUOTE ? closingQuote(text, pos) + 1 : skipIn(PARAM_VALUE, text, pos)
}
