import { isToken, malformed, trimmed, unfold } from './chars.ts'
import type { Limits } from './limits.ts'
import { type HeaderField, type SipMessage, type SipRequest, SipSyntaxError } from './message.ts'
import { Field, knownName, SLOT, type Slot } from './names.ts'
import { cseqOf, fromOf, parseMaxForwards, toOf, viaOf } from './typed.ts'
import { parseUri } from './uri.ts'

interface Fault {
  readonly status: number
  readonly reason: string
  /** Where the message ends on a stream cannot be told any more. */
  readonly isFraming: boolean
}

const MANDATORY: readonly (readonly [Slot, string])[] = [
  [SLOT.via, 'Via'],
  [SLOT.from, 'From'],
  [SLOT.to, 'To'],
  [SLOT.callId, 'Call-ID'],
  [SLOT.cseq, 'CSeq'],
]

const NAMES_OF_SINGLES: Readonly<Record<number, string>> = {
  [SLOT.from]: 'From',
  [SLOT.to]: 'To',
  [SLOT.callId]: 'Call-ID',
  [SLOT.cseq]: 'CSeq',
  [SLOT.maxForwards]: 'Max-Forwards',
}

const NO_BODY = Buffer.alloc(0)

/**
 * Start line and headers of one message, without its body. Reading goes on after a fault, so that an answer can be made of
 * what else there is; the first fault is the one that counts.
 */
export class Head {
  readonly message: SipMessage
  contentLength: number | undefined
  #fault: Fault | undefined
  /** First field of each slot. */
  readonly #found: (HeaderField | undefined)[] = new Array(8).fill(undefined)

  /** `text` is start line and header lines, each with its CRLF. */
  constructor(text: string, limits: Limits, fault?: Fault) {
    this.#fault = fault
    const end = text.indexOf('\r\n')
    if (end > limits.startLineBytesMax) this.note(414, 'Request-URI Too Long', true)
    this.message = this.#readStartLine(text.slice(0, end))
    this.#readHeaders(text, end + 2, limits)
    if (!this.#fault) this.#check()
  }

  get isFramed(): boolean {
    return !this.#fault?.isFraming
  }

  note(status: number, reason: string, isFraming: boolean): void {
    this.#fault ??= { status, reason, isFraming }
  }

  /** What to throw, if anything. Responses and ACK get no answer: status 0. */
  error(): SipSyntaxError | undefined {
    const fault = this.#fault
    if (!fault) return undefined
    const request = this.message.kind === 'request' ? this.message : undefined
    const isAnswerable = request !== undefined && request.method !== 'ACK' && this.#found[SLOT.via] !== undefined
    return new SipSyntaxError(isAnswerable ? fault.status : 0, fault.reason, isAnswerable ? request : undefined)
  }

  #readStartLine(line: string): SipMessage {
    return /^SIP\//i.test(line) ? this.#readStatusLine(line) : this.#readRequestLine(line)
  }

  #readStatusLine(line: string): SipMessage {
    const match = /^SIP\/2\.0 ([1-6]\d\d)(?: (.*))?$/i.exec(line)
    if (!match) this.note(400, 'Malformed Status-Line', true)
    return { kind: 'response', status: Number(match?.[1] ?? 0), reason: match?.[2] ?? '', headers: [], body: NO_BODY }
  }

  #readRequestLine(line: string): SipRequest {
    const methodEnd = line.indexOf(' ')
    const uriEnd = line.lastIndexOf(' ')
    const method = methodEnd < 0 ? line : line.slice(0, methodEnd)
    const uri = line.slice(methodEnd + 1, uriEnd)
    const version = line.slice(uriEnd + 1)
    if (!isToken(method) || methodEnd === uriEnd) this.note(400, 'Malformed Request-Line', true)
    else if (version !== 'SIP/2.0' && !/^SIP\/2\.0$/i.test(version)) this.#noteVersion(version)
    else if (!isRequestUri(uri)) this.note(400, 'Malformed Request-URI', false)
    return { kind: 'request', method, uri, headers: [], body: NO_BODY }
  }

  #noteVersion(version: string): void {
    if (/^SIP\/\d+\.\d+$/i.test(version)) this.note(505, 'Version Not Supported', true)
    else this.note(400, 'Malformed Request-Line', true)
  }

  #readHeaders(text: string, from: number, limits: Limits): void {
    const headers = this.message.headers
    for (let pos = from; pos < text.length; ) {
      if (headers.length === limits.headersMax) {
        this.note(513, 'Too many headers', true)
        return
      }
      const end = this.#lineEnd(text, pos)
      const colon = text.indexOf(':', pos)
      if (colon < 0 || colon > end) this.note(400, 'Malformed header line', true)
      else if (end - colon > limits.valueBytesMax) this.note(513, 'Header too long', true)
      else this.#addHeader(text, pos, colon, end)
      pos = end + 2
    }
  }

  /** Index of the CRLF that ends the header at `from`, behind its folded lines. A line end is CRLF and nothing else. */
  #lineEnd(text: string, from: number): number {
    for (let pos = from; ; ) {
      const end = text.indexOf('\r', pos)
      if (text.indexOf('\n', pos) !== end + 1) {
        this.note(400, 'Malformed line end', true)
        return text.indexOf('\r\n', pos)
      }
      const next = text.charCodeAt(end + 2)
      if (next !== 0x20 && next !== 0x09) return end
      pos = end + 2
    }
  }

  #addHeader(text: string, start: number, colon: number, end: number): void {
    const exact = text.slice(start, colon)
    const direct = knownName(exact)
    const name = direct ? exact : trimmedEnd(exact)
    const known = direct ?? knownName(name)
    if (!known && !isToken(name)) {
      this.note(400, 'Malformed header name', true)
      return
    }
    const key = known ? known.key : name.toLowerCase()
    const field = new Field(name, key, trimmed(text, colon + 1, end), text.slice(start, end))
    this.message.headers.push(field)
    if (known && known.slot !== SLOT.other) this.#place(field, known.slot)
  }

  #place(field: HeaderField, slot: Slot): void {
    if (slot === SLOT.contentLength) this.#readContentLength(field.value)
    else if (this.#found[slot] === undefined) this.#found[slot] = field
    else if (slot !== SLOT.via) this.note(400, `Repeated ${NAMES_OF_SINGLES[slot]} header`, false)
  }

  #readContentLength(value: string): void {
    const length = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (Number.isNaN(length)) this.note(400, 'Malformed Content-Length header', true)
    else if (this.contentLength !== undefined && this.contentLength !== length)
      this.note(400, 'Repeated Content-Length header', true)
    this.contentLength ??= length
  }

  /** RFC 3261 8.1.1: the headers that every message has. The rest is checked by whoever reads it. */
  #check(): void {
    const found = this.#found
    for (const [slot, name] of MANDATORY) if (!found[slot]) this.note(400, `Missing ${name} header`, false)
    if (this.#fault) return
    try {
      viaOf(found[SLOT.via]!)
      fromOf(found[SLOT.from]!)
      toOf(found[SLOT.to]!)
      if (!/^[!-~]+$/.test(unfold(found[SLOT.callId]!.value))) malformed('Call-ID')
      const { method } = cseqOf(found[SLOT.cseq]!)
      if (this.message.kind === 'request' && this.message.method !== method) malformed('CSeq')
      if (found[SLOT.maxForwards]) parseMaxForwards(found[SLOT.maxForwards].value)
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error
      this.note(error.status, error.message, false)
    }
  }
}

function trimmedEnd(name: string): string {
  return trimmed(name, 0, name.length)
}

/** A URI of any scheme by its characters; RFC 3261 19.1.1 forbids headers in a Request-URI. */
function isRequestUri(uri: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:[!#-;=?-[\]_a-z~]+$/i.test(uri)) return false
  if (!uri.includes('?')) return true
  try {
    return parseUri(uri).headers === undefined
  } catch {
    return false
  }
}
