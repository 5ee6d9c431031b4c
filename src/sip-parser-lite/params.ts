import {
  closingQuote,
  EQUALS,
  lowerCase,
  malformed,
  QUOTE,
  SEMICOLON,
  skipIn,
  skipSpace,
  TOKEN,
  unquoted,
} from './chars.ts'

/** Keys are lower-case, values unquoted; undefined for a name without `=`. */
export type Params = ReadonlyMap<string, string | undefined>

/** Shared by all values without parameters; typed read-only, so nobody writes to it. */
export const NO_PARAMS: Params = new Map()

/** Visible characters that may stand in an unquoted value: everything that does not delimit one. */
const VALUE = new Uint8Array(256).fill(1, 0x21)
for (const delimiter of '",;<>\x7f') VALUE[delimiter.charCodeAt(0)] = 0

/** `;name=value` pairs that fill `text` between `from` and `to`. A name stands once (RFC 3261 7.3.1). */
export function readParams(bytes: Uint8Array, text: string, from: number, to: number, header: string): Params {
  const start = skipSpace(bytes, from, to)
  return start === to ? NO_PARAMS : readPairs(bytes, text, start, to, SEMICOLON, header)
}

/** Pairs separated by `separator`; a semicolon stands before the first pair too. */
export function readPairs(
  bytes: Uint8Array,
  text: string,
  from: number,
  to: number,
  separator: number,
  header: string,
): Params {
  const params = new Map<string, string | undefined>()
  let pos = from
  while (pos < to) {
    if (separator === SEMICOLON || pos > from) {
      if (bytes[pos] !== separator) malformed(header)
      pos = skipSpace(bytes, pos + 1, to)
    }
    const nameEnd = skipIn(TOKEN, bytes, pos, to)
    const name = lowerCase(bytes, text, pos, nameEnd)
    if (nameEnd === pos || params.has(name)) malformed(header)
    pos = skipSpace(bytes, nameEnd, to)
    if (pos === to || bytes[pos] !== EQUALS) {
      params.set(name, undefined)
      continue
    }
    pos = skipSpace(bytes, pos + 1, to)
    const end = valueEnd(bytes, pos, to)
    if (end <= pos) malformed(header)
    params.set(name, bytes[pos] === QUOTE ? unquoted(text, pos, end - 1) : text.slice(pos, end))
    pos = skipSpace(bytes, end, to)
  }
  return params
}

/** Index after the value at `pos`; `pos` or less when there is none. */
function valueEnd(bytes: Uint8Array, pos: number, to: number): number {
  if (pos === to) return pos
  return bytes[pos] === QUOTE ? closingQuote(bytes, pos, to) + 1 : skipIn(VALUE, bytes, pos, to)
}
