import { Buffer } from 'node:buffer'
import {
  bytesOf,
  CR,
  elementEnd,
  HTAB,
  isBlank,
  LF,
  malformed,
  parseDigits,
  SP,
  skipIn,
  skipSpace,
  TOKEN,
  unfold,
} from './chars.ts'
import type { Limits } from './limits.ts'
import { type SipMessage, type SipRequest, SipSyntaxError } from './message.ts'
import { exactName, Field, type KnownName, nameInAnyCase, SLOT, type Slot } from './names.ts'
import { parseMaxForwards, readCSeq, readNameAddr, readVia } from './typed.ts'
import { parseUriAt } from './uri.ts'

interface Fault {
  readonly status: number
  readonly reason: string
}

const NAMES: Readonly<Record<number, string>> = {
  [SLOT.via]: 'Via',
  [SLOT.from]: 'From',
  [SLOT.to]: 'To',
  [SLOT.callId]: 'Call-ID',
  [SLOT.cseq]: 'CSeq',
  [SLOT.maxForwards]: 'Max-Forwards',
}

const MANDATORY = (1 << SLOT.via) | (1 << SLOT.from) | (1 << SLOT.to) | (1 << SLOT.callId) | (1 << SLOT.cseq)

/** What may stand in a Request-URI of whatever scheme. */
const URI = new Uint8Array(256).fill(1, 0x21, 0x7f)
for (const character of '"<>\\^`{|}') URI[character.charCodeAt(0)] = 0
/** A Call-ID is visible characters; deployed ones go beyond RFC 3261's `word`. */
const VISIBLE = new Uint8Array(256).fill(1, 0x21, 0x7f)

const NO_BODY = Buffer.alloc(0)

/**
 * Start line and headers of one message, without its body. Reading goes on after a fault, so that an answer can be
 * made of what else there is; the first fault is the one that counts.
 */
export class Head {
  readonly message: SipMessage
  contentLength: number | undefined = undefined
  /** Index after the empty line; undefined if there is none before the end of what was given. */
  end: number | undefined = undefined
  /** The end of the message is beyond doubt, whatever else is wrong with it. */
  isFramed = true
  #fault: Fault | undefined = undefined
  readonly #bytes: Uint8Array
  /** The same as #bytes, at least as far as the headers go. */
  readonly #text: string
  readonly #to: number
  readonly #limits: Limits
  /** One bit for each slot that was seen. */
  #seen = 0
  #cseqMethod: string | undefined = undefined

  constructor(bytes: Uint8Array, text: string, limits: Limits) {
    this.#bytes = bytes
    this.#text = text
    this.#to = text.length
    this.#limits = limits
    const eol = text.indexOf('\r\n')
    const lineEnd = eol < 0 ? text.length : eol
    if (lineEnd > limits.startLineBytesMax) this.note(414, 'Request-URI Too Long', true)
    this.message = text.startsWith('SIP/') ? this.#readStatusLine(lineEnd) : this.#readStartLine(lineEnd)
    this.#readHeaders(lineEnd + 2)
    if (!this.#fault) this.#check()
  }

  /** `isFraming`: where the message ends on a stream cannot be told any more. */
  note(status: number, reason: string, isFraming: boolean): void {
    this.#fault ??= { status, reason }
    if (isFraming) this.isFramed = false
  }

  /** What to throw, if anything. Responses and ACK get no answer: status 0. */
  error(): SipSyntaxError | undefined {
    const fault = this.#fault
    if (!fault) return undefined
    const request = this.message.kind === 'request' ? this.message : undefined
    const isAnswerable = request !== undefined && request.method !== 'ACK' && (this.#seen & (1 << SLOT.via)) !== 0
    return new SipSyntaxError(isAnswerable ? fault.status : 0, fault.reason, isAnswerable ? request : undefined)
  }

  #readStatusLine(end: number): SipMessage {
    const match = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/i.exec(this.#text.slice(0, end))
    if (!match) this.note(400, 'Malformed Status-Line', true)
    return { kind: 'response', status: Number(match?.[1] ?? 0), reason: match?.[2] ?? '', headers: [], body: NO_BODY }
  }

  #readStartLine(end: number): SipMessage {
    const text = this.#text
    const bytes = this.#bytes
    if (/^sip\//i.test(text)) return this.#readStatusLine(end)
    const methodEnd = skipIn(TOKEN, bytes, 0, end)
    const uriEnd = text.lastIndexOf(' ', end - 1)
    const version =
      text.startsWith('SIP/2.0', uriEnd + 1) && uriEnd + 8 === end ? 'SIP/2.0' : text.slice(uriEnd + 1, end)
    const request = this.#request(
      text.slice(0, methodEnd),
      text.slice(Math.min(methodEnd + 1, end), Math.max(uriEnd, 0)),
    )
    if (methodEnd === 0 || bytes[methodEnd] !== SP || methodEnd === uriEnd)
      this.note(400, 'Malformed Request-Line', true)
    else if (version !== 'SIP/2.0' && version.toUpperCase() !== 'SIP/2.0') this.#noteVersion(version)
    else if (!isRequestUri(bytes, text, methodEnd + 1, uriEnd, request.uri))
      this.note(400, 'Malformed Request-URI', false)
    return request
  }

  #request(method: string, uri: string): SipRequest {
    return { kind: 'request', method, uri, headers: [], body: NO_BODY }
  }

  #noteVersion(version: string): void {
    if (/^SIP\/\d+\.\d+$/i.test(version)) this.note(505, 'Version Not Supported', true)
    else this.note(400, 'Malformed Request-Line', true)
  }

  #readHeaders(from: number): void {
    const bytes = this.#bytes
    let pos = from
    for (let lines = 0; pos < this.#to; lines++) {
      if (bytes[pos] === CR && bytes[pos + 1] === LF && pos + 1 < this.#to) {
        this.end = pos + 2
        return
      }
      if (lines === this.#limits.headersMax) {
        this.note(513, 'Too many headers', true)
        return
      }
      pos = this.#readLine(pos)
    }
    const isTooLong = pos >= this.#limits.headerBytesMax
    this.note(isTooLong ? 513 : 400, isTooLong ? 'Headers too long' : 'Headers without end', true)
  }

  /** One header with its folded lines; gives the index after it. */
  #readLine(start: number): number {
    const end = this.#lineEnd(start)
    // What is cut off is not read: half a header is none.
    if (end < 0) return this.#to
    const colon = this.#text.indexOf(':', start)
    if (colon <= start || colon > end) this.note(400, 'Malformed header line', true)
    else if (end - colon > this.#limits.valueBytesMax) this.note(513, 'Header too long', true)
    else this.#addHeader(start, colon, end)
    return end + 2
  }

  /** Index of the CRLF that ends the header, behind its folded lines, or -1. A line end is CRLF and nothing else. */
  #lineEnd(from: number): number {
    const text = this.#text
    for (let pos = from; ; ) {
      const lf = text.indexOf('\n', pos)
      if (lf < 0) return -1
      const end = text.indexOf('\r', pos)
      const next = lf + 1 < this.#to ? this.#bytes[lf + 1] : 0
      if (end !== lf - 1) {
        this.note(400, 'Malformed line end', true)
        return -1
      }
      if (next !== SP && next !== HTAB) return end
      pos = lf + 1
    }
  }

  #addHeader(start: number, colon: number, end: number): void {
    const bytes = this.#bytes
    const name = exactName(bytes, this.#text, start, colon) ?? this.#unusualName(start, colon)
    if (!name) return
    let from = colon + 1
    let to = end
    while (from < to && isBlank(bytes[from])) from++
    while (to > from && isBlank(bytes[to - 1])) to--
    const value = this.#text.slice(from, to)
    const typed = name.slot === SLOT.other ? undefined : this.#place(name.slot, value, from, to)
    this.message.headers.push(new Field(name.spelling, name.key, value, this.#text, start, end, typed))
  }

  /** A name that no RFC has, or not so spelled. */
  #unusualName(start: number, colon: number): KnownName | undefined {
    const nameEnd = skipIn(TOKEN, this.#bytes, start, colon)
    if (nameEnd === start || skipSpace(this.#bytes, nameEnd, colon) < colon) {
      this.note(400, 'Malformed header name', true)
      return undefined
    }
    const spelling = this.#text.slice(start, nameEnd)
    const known = nameInAnyCase(spelling)
    return { spelling, key: known?.key ?? spelling.toLowerCase(), slot: known?.slot ?? SLOT.other }
  }

  /** Notes that the header was there and reads it now, where that costs least; gives what was read. */
  #place(slot: Slot, value: string, from: number, to: number): unknown {
    if (slot === SLOT.contentLength) {
      this.#readContentLength(value)
      return undefined
    }
    const isFirst = (this.#seen & (1 << slot)) === 0
    this.#seen |= 1 << slot
    if (!isFirst && slot !== SLOT.via) this.note(400, `Repeated ${NAMES[slot]} header`, false)
    if (!isFirst || this.#fault) return undefined
    try {
      const hasComma = value.indexOf(',') >= 0
      if (value.indexOf('\r') < 0) return this.#read(slot, this.#bytes, this.#text, from, to, hasComma)
      const text = unfold(value)
      return this.#read(slot, bytesOf(text), text, 0, text.length, hasComma)
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error
      this.note(error.status, error.message, false)
      return undefined
    }
  }

  #read(slot: Slot, bytes: Uint8Array, text: string, from: number, to: number, hasComma: boolean): unknown {
    switch (slot) {
      case SLOT.via:
        return readVia(bytes, text, from, hasComma ? elementEnd(bytes, from, to) : to)
      case SLOT.from:
        return readNameAddr(bytes, text, from, to, 'From')
      case SLOT.to:
        return readNameAddr(bytes, text, from, to, 'To')
      case SLOT.cseq: {
        const cseq = readCSeq(bytes, text, from, to)
        this.#cseqMethod = cseq.method
        return cseq
      }
      case SLOT.callId:
        return from < to && skipIn(VISIBLE, bytes, from, to) === to ? undefined : malformed('Call-ID')
      default:
        parseMaxForwards(text.slice(from, to))
        return undefined
    }
  }

  #readContentLength(value: string): void {
    const length = parseDigits(value)
    if (length === undefined) this.note(400, 'Malformed Content-Length header', true)
    else if (this.contentLength !== undefined && this.contentLength !== length)
      this.note(400, 'Repeated Content-Length header', true)
    this.contentLength ??= length
  }

  /** RFC 3261 8.1.1: the headers that every message has. The rest is checked by whoever reads it. */
  #check(): void {
    const missing = ~this.#seen & MANDATORY
    if (missing !== 0) this.note(400, `Missing ${NAMES[31 - Math.clz32(missing)]} header`, false)
    else if (this.message.kind === 'request' && this.message.method !== this.#cseqMethod)
      this.note(400, 'Malformed CSeq header', false)
  }
}

/** RFC 3261 19.1.1 forbids headers in a Request-URI. A scheme other than sip and sips is for the element to judge. */
function isRequestUri(bytes: Uint8Array, text: string, from: number, to: number, uri: string): boolean {
  if (skipIn(URI, bytes, from, to) < to) return false
  try {
    return parseUriAt(bytes, text, from, to, uri).headers === undefined
  } catch (error) {
    if (!(error instanceof SipSyntaxError)) throw error
    return false
  }
}
