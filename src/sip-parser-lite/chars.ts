import { Buffer } from 'node:buffer'
import { SipSyntaxError } from './message.ts'

/**
 * Scanners over bytes from `from` to before `to`. The text of the same bytes is only cut, never scanned: a byte costs
 * a fifth of a character of a sliced string. Each looks at a byte at most once, so hostile input costs linear time.
 */

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const QUOTE = 0x22
export const COMMA = 0x2c
export const SLASH = 0x2f
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const LESS = 0x3c
export const EQUALS = 0x3d
export const GREATER = 0x3e
const BACKSLASH = 0x5c

export const ALPHANUMERIC = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** One flag per byte value. */
export function charSet(characters: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const character of characters) set[character.charCodeAt(0)] = 1
  return set
}

/** RFC 3261 25.1 token. */
export const TOKEN = charSet(`${ALPHANUMERIC}-.!%*_+\`'~`)

export function skipIn(set: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  let pos = from
  while (pos < to && set[bytes[pos]!] === 1) pos++
  return pos
}

export function skipSpace(bytes: Uint8Array, from: number, to: number): number {
  let pos = from
  while (pos < to && (bytes[pos] === SP || bytes[pos] === HTAB)) pos++
  return pos
}

/** White space and the line ends of folding. */
export const isBlank = (byte: number | undefined): boolean => byte === SP || byte === HTAB || byte === CR || byte === LF

/** The number that decimal digits and nothing else make, however many: beyond 2^53 it is near enough to be refused. */
export function parseDigits(text: string): number | undefined {
  let number = 0
  for (let pos = 0; pos < text.length; pos++) {
    const digit = text.charCodeAt(pos) - 48
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return text.length > 0 ? number : undefined
}

export function isToken(text: string): boolean {
  return text.length > 0 && /^[\w\-.!%*+`'~]+$/.test(text)
}

/** RFC 3261 7.3.1: a folded line counts as a single space. */
export const unfold = (value: string): string =>
  value.indexOf('\r') < 0 ? value : value.replace(/\r\n[ \t]+/g, ' ').trim()

/** Index of the quote that closes the one at `open`, or -1. */
export function closingQuote(bytes: Uint8Array, open: number, to: number): number {
  for (let pos = open + 1; pos < to; pos++) {
    const byte = bytes[pos]
    if (byte === BACKSLASH) pos++
    else if (byte === QUOTE) return pos
  }
  return -1
}

/** What stands between the quotes at `open` and `close`, quoted pairs resolved. */
export function unquoted(text: string, open: number, close: number): string {
  const inner = text.slice(open + 1, close)
  return inner.indexOf('\\') < 0 ? inner : inner.replace(/\\([\s\S])/g, '$1')
}

/** `text` between the two in lower case; most of it already is. */
export function lowerCase(bytes: Uint8Array, text: string, from: number, to: number): string {
  let hasUpper = false
  for (let pos = from; pos < to; pos++) if (bytes[pos]! >= 0x41 && bytes[pos]! <= 0x5a) hasUpper = true
  const part = text.slice(from, to)
  return hasUpper ? part.toLowerCase() : part
}

/** Longest text that is scanned in place; what is longer gets bytes of its own. */
const SCRATCH_BYTES = 16384
const scratch = Buffer.alloc(SCRATCH_BYTES)

/** The bytes of latin1 `text`; good until the next call. */
export function bytesOf(text: string): Uint8Array {
  if (text.length > SCRATCH_BYTES) return Buffer.from(text, 'latin1')
  scratch.write(text, 0, 'latin1')
  return scratch
}

/** The bytes of ASCII `text`; undefined if it is not ASCII or longer than 5461; good until the next call. */
export function asciiBytesOf(text: string): Uint8Array | undefined {
  // A character beyond ASCII takes two or three bytes of UTF-8 and so betrays itself.
  if (text.length > SCRATCH_BYTES / 3) return undefined
  return scratch.write(text, 0, 'utf8') === text.length ? scratch : undefined
}

/**
 * Elements of a comma list, trimmed; commas in quotes and angle brackets do not separate. Empty elements are left out.
 */
export function splitList(value: string): string[] {
  if (value.indexOf(',') < 0) return value === '' ? [] : [value]
  const bytes = bytesOf(value)
  const elements: string[] = []
  for (let pos = 0; pos <= value.length; ) {
    const end = elementEnd(bytes, pos, value.length)
    const element = value.slice(pos, end).trim()
    if (element !== '') elements.push(element)
    pos = end + 1
  }
  return elements
}

/** Index of the comma that ends the element starting at `from`, or `to`. */
export function elementEnd(bytes: Uint8Array, from: number, to: number): number {
  let isInAngles = false
  for (let pos = from; pos < to; pos++) {
    const byte = bytes[pos]
    if (isInAngles) isInAngles = byte !== GREATER
    else if (byte === COMMA) return pos
    else if (byte === LESS) isInAngles = true
    else if (byte === QUOTE) {
      pos = closingQuote(bytes, pos, to)
      if (pos < 0) return to
    }
  }
  return to
}

export function malformed(header: string): never {
  throw new SipSyntaxError(400, `Malformed ${header} header`)
}
