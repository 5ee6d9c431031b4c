import { headerKey } from '../sip-parser-lite/names.ts'

/** Longer than any that is taken over MSRP; what has no end by then is shown as it is. */
const HEAD_BYTES_MAX = 65_536
/** CRLF, seven hyphens, a transaction id of at most 32 characters, flag, CRLF (RFC 4975 9). */
const END_LINE_BYTES_MAX = 2 + 7 + 32 + 1 + 2

/** What is known of one SEND by its head. Text is latin1. */
export interface SendHead {
  readonly contentType?: string
  readonly messageId?: string
  /** Of the first octet of its body in the message, from 1; absent: it does not say. */
  readonly rangeStart?: number
}

type SendPiece =
  | { readonly kind: 'head'; readonly head: SendHead }
  | { readonly kind: 'body'; readonly bytes: Buffer }
  /** `flag`: `$` the message ends, `+` more of it comes, `#` it was broken off; absent: it was cut off in the middle. */
  | { readonly kind: 'end'; readonly flag?: string }

/** Takes the octets of SENDs as they were kept, piece by piece, and tells head and body apart. Never more than a head and a line in memory. */
export class SendReader {
  /** Undefined: it is over, and what comes is body. */
  #head: Buffer | undefined = Buffer.alloc(0)
  #endLine = ''
  /** May be the end-line, or a part of it. */
  #tail: Buffer = Buffer.alloc(0);

  /** `isEnd`: the request ends with these octets. */
  *push(bytes: Buffer, isEnd: boolean): Generator<SendPiece> {
    if (this.#head === undefined) yield* this.#body(bytes)
    else yield* this.#begin(Buffer.concat([this.#head, bytes]))
    if (isEnd) yield* this.end()
  }

  /** Nothing follows; also of what was cut off. */
  *end(): Generator<SendPiece> {
    const rest = this.#head
    if (rest?.length === 0) return
    if (rest) {
      yield this.#headIn(rest)
      this.#tail = rest.subarray(Math.max(0, this.#endLineIn(rest)))
    }
    const at = this.#endLineIn(this.#tail)
    const body = this.#tail.subarray(0, at < 0 ? this.#tail.length : Math.max(0, at - 2))
    if (body.length > 0) yield { kind: 'body', bytes: body }
    const flag = at < 0 ? '' : this.#tail.toString('latin1', at + this.#endLine.length, at + this.#endLine.length + 1)
    yield { kind: 'end', ...(flag !== '' && { flag }) }
    this.#head = Buffer.alloc(0)
    this.#tail = Buffer.alloc(0)
  }

  *#begin(bytes: Buffer): Generator<SendPiece> {
    const end = bytes.indexOf('\r\n\r\n')
    this.#head = end < 0 && bytes.length <= HEAD_BYTES_MAX ? bytes : undefined
    if (this.#head) return
    yield this.#headIn(bytes.subarray(0, Math.max(0, end)))
    yield* this.#body(bytes.subarray(end < 0 ? 0 : end + 4))
  }

  *#body(bytes: Buffer): Generator<SendPiece> {
    const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes])
    const until = Math.max(0, all.length - END_LINE_BYTES_MAX)
    if (until > 0) yield { kind: 'body', bytes: all.subarray(0, until) }
    this.#tail = all.subarray(until)
  }

  #headIn(bytes: Buffer): SendPiece {
    const [start = '', ...lines] = bytes.toString('latin1').split('\r\n')
    this.#endLine = `-------${/^MSRP ([\w.+%=-]{1,32}) /.exec(start)?.[1] ?? ''}`
    const fields = new Map<string, string>()
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon > 0) fields.set(headerKey(line.slice(0, colon)), line.slice(colon + 1).trim())
    }
    const contentType = fields.get('content-type')
    const messageId = fields.get('message-id')
    const range = /^(\d{1,15})-/.exec(fields.get('byte-range') ?? '')
    return {
      kind: 'head',
      head: {
        ...(contentType !== undefined && { contentType }),
        ...(messageId !== undefined && { messageId }),
        ...(range && { rangeStart: Number(range[1]) }),
      },
    }
  }

  #endLineIn(bytes: Buffer): number {
    return this.#endLine.length > 7 ? bytes.lastIndexOf(this.#endLine, undefined, 'latin1') : -1
  }
}
