import type { Entropy } from '../base/entropy.ts'
import { token } from '../base/entropy.ts'
import { parseParams } from '../sip-parser-lite/typed.ts'

/** A body part to be sent. Pieces are joined by whoever writes them to the wire, never here. */
export interface Part {
  readonly contentType: string
  /** Content-ID without its brackets, if it has one. */
  readonly contentId?: string
  readonly body: readonly Buffer[]
}

/** A body as pieces, with its type and its length in octets. */
export interface Composed {
  readonly contentType: string
  readonly body: readonly Buffer[]
  readonly length: number
}

/** A body part as received. */
export interface ReceivedPart {
  /** Lower-case name and unfolded value, in order; latin1. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** A view of the whole. */
  readonly body: Buffer
}

/** RFC 2046 5.1.1: one to seventy characters. */
const BOUNDARY_MAX = 70
/** A resource list beside a description and a first message makes three; a deferred message makes two. */
const PARTS_MAX = 100
/** As much as a whole SIP head may have; a part's has two or three lines. */
const PART_HEAD_BYTES_MAX = 16_384
/** Each is a fresh 100 bits, so that a second is already unheard of. */
const BOUNDARY_ATTEMPTS_MAX = 8

export class MultipartSyntaxError extends Error {}

/** RFC 2046 5.1.3: multipart/mixed with a boundary that occurs in none of the parts. Bodies are not copied. */
export function encodeMultipart(parts: readonly Part[], entropy: Entropy): Composed {
  return layOut(parts, freshBoundary(parts, entropy))
}

/** The layout with a boundary already chosen. */
export function layOut(parts: readonly Part[], boundary: string): Composed {
  const writer = new MultipartWriter(boundary)
  const body = [...writer.parts(parts), writer.close()]
  return { contentType: writer.contentType, body, length: lengthOf(body) }
}

/**
 * What stands around the bodies, in their order. The line break before each delimiter belongs to the delimiter (RFC 2046 5.1.1), and
 * nothing follows the last hyphen.
 */
export class MultipartWriter {
  readonly contentType: string
  readonly #boundary: string
  #isBegun = false

  constructor(boundary: string) {
    this.#boundary = boundary
    this.contentType = `multipart/mixed;boundary="${boundary}"`
  }

  /** With the delimiter before it and the empty line behind it. */
  head({ contentType, contentId }: Omit<Part, 'body'>): Buffer {
    const lineBreak = this.#isBegun ? '\r\n' : ''
    this.#isBegun = true
    const id = contentId === undefined ? '' : `Content-ID: <${contentId}>\r\n`
    return Buffer.from(`${lineBreak}--${this.#boundary}\r\nContent-Type: ${contentType}\r\n${id}\r\n`, 'latin1')
  }

  parts(parts: readonly Part[]): Buffer[] {
    return parts.flatMap(part => [this.head(part), ...part.body])
  }

  close(): Buffer {
    return Buffer.from(`\r\n--${this.#boundary}--`, 'latin1')
  }
}

export const lengthOf = (pieces: readonly Buffer[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)

/** Throws RangeError when every candidate occurs in the content, which takes a source of entropy that is none. */
export function freshBoundary(parts: readonly Part[], entropy: Entropy): string {
  for (let attempt = 0; attempt < BOUNDARY_ATTEMPTS_MAX; attempt++) {
    const boundary = token(entropy, 100)
    if (!parts.some(part => contains(part.body, boundary))) return boundary
  }
  throw new RangeError('no boundary that the content does not contain')
}

/** Whether the joined pieces contain this ASCII text, also across the seam of two of them. */
export function contains(pieces: readonly Buffer[], text: string): boolean {
  const keep = text.length - 1
  let tail: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    const seam = Buffer.concat([tail, piece.subarray(0, keep)])
    if (seam.includes(text, 0, 'latin1') || piece.includes(text, 0, 'latin1')) return true
    tail = piece.length >= keep ? piece.subarray(piece.length - keep) : seam.subarray(Math.max(0, seam.length - keep))
  }
  return false
}

/**
 * The parts between preamble and epilogue; a nested multipart stays as it is. A missing close delimiter is forgiven,
 * since the transport has already said where the body ends. Throws MultipartSyntaxError.
 */
export function parseMultipart(body: Buffer, boundary: string): ReceivedPart[] {
  if (boundary.length === 0 || boundary.length > BOUNDARY_MAX)
    throw new MultipartSyntaxError('boundary must have 1 to 70 characters')
  const parts: ReceivedPart[] = []
  let at = nextDelimiter(body, boundary, 0)
  if (!at) throw new MultipartSyntaxError('boundary does not occur in the body')
  while (at && !at.isLast) {
    if (parts.length === PARTS_MAX) throw new MultipartSyntaxError('too many body parts')
    const next = nextDelimiter(body, boundary, at.end)
    parts.push(readPart(body.subarray(at.end, next ? Math.max(at.end, next.start) : body.length)))
    at = next
  }
  return parts
}

interface Delimiter {
  /** Where the line break that belongs to it starts. */
  start: number
  /** After its own line break. */
  end: number
  isLast: boolean
}

function nextDelimiter(body: Buffer, boundary: string, from: number): Delimiter | undefined {
  const dashes = `--${boundary}`
  for (let at = body.indexOf(dashes, from, 'latin1'); at >= 0; at = body.indexOf(dashes, at + 1, 'latin1')) {
    const found = delimiterAt(body, at, at + dashes.length)
    if (found) return found
  }
  return undefined
}

/** RFC 2046 5.1.1: at the start of a line, followed by nothing but padding, or by `--` when it closes. */
function delimiterAt(body: Buffer, at: number, afterBoundary: number): Delimiter | undefined {
  if (at > 0 && body[at - 1] !== 0x0a) return undefined
  const start = at === 0 ? 0 : body[at - 2] === 0x0d ? at - 2 : at - 1
  const isLast = body[afterBoundary] === 0x2d && body[afterBoundary + 1] === 0x2d
  let end = isLast ? afterBoundary + 2 : afterBoundary
  while (body[end] === 0x20 || body[end] === 0x09) end++
  if (body[end] === 0x0d && body[end + 1] === 0x0a) return { start, end: end + 2, isLast }
  if (body[end] === 0x0a) return { start, end: end + 1, isLast }
  return isLast && end === body.length ? { start, end, isLast } : undefined
}

/** A part may begin with the blank line at once: then it has no headers and is text/plain (RFC 2046 5.1). */
function readPart(bytes: Buffer): ReceivedPart {
  const { head, body } = splitHead(bytes)
  const headers: [string, string][] = []
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon < 1) throw new MultipartSyntaxError('malformed header in a body part')
    headers.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()])
  }
  return { headers, body }
}

/** Head with its last line break, and what comes after the blank line; all head when there is none. */
function splitHead(bytes: Buffer): { head: string; body: Buffer } {
  const blank = /^\r?\n|\r?\n\r?\n/.exec(bytes.toString('latin1', 0, Math.min(bytes.length, PART_HEAD_BYTES_MAX)))
  if (blank)
    return { head: bytes.toString('latin1', 0, blank.index), body: bytes.subarray(blank.index + blank[0].length) }
  if (bytes.length >= PART_HEAD_BYTES_MAX) throw new MultipartSyntaxError('headers of a body part are too long')
  return { head: bytes.toString('latin1'), body: bytes.subarray(bytes.length) }
}

/**
 * The boundary parameter of a multipart Content-Type value; undefined
 * when it is no multipart or has none. Throws SipSyntaxError.
 */
export function boundaryOf(contentType: string): string | undefined {
  const { value, params } = parseParams(contentType, 'Content-Type')
  return value.startsWith('multipart/') ? params.get('boundary') : undefined
}
