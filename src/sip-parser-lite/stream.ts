import { Buffer } from 'node:buffer'
import { CR, LF } from './chars.ts'
import { Head } from './head.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { type SipMessage, SipSyntaxError } from './message.ts'
import { HEAD_END } from './parse.ts'

/**
 * Messages out of a byte stream (RFC 3261 18.3, RFC 5626 4.4.1). Push what arrives, then call `next` until it gives
 * undefined. Holds at most one message of the limits and what was pushed since.
 */
export class SipStream {
  readonly #limits: Limits
  /** Bytes from #start to #end are not read yet; room behind #end is ours to append to. */
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  #isOwn = false
  /** Up to here there is no end of headers. */
  #searched = 0
  #head: Head | undefined
  /** Rest of the body of a message that was refused. */
  #skip = 0
  #isDead = false
  /** Octets of line ends that wait to be told from a keep-alive; no message has begun (RFC 3261 7.5). */
  #heldLineEnd = 0

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
  }

  /** Where the next message starts is not known any more: answer, then close the connection. */
  get isDead(): boolean {
    return this.#isDead
  }

  /** Part of a message is here and the rest is awaited. */
  get isWithinMessage(): boolean {
    return this.#end > this.#start + this.#heldLineEnd || this.#head !== undefined || this.#skip > 0
  }

  /** `bytes` must not be written to afterwards. */
  push(bytes: Buffer): void {
    if (this.#isDead) return
    const from = Math.min(this.#skip, bytes.length)
    this.#skip -= from
    if (from === bytes.length) return
    if (this.#start === this.#end) this.#adopt(bytes, from)
    else this.#append(bytes, from)
  }

  /**
   * `ping` is a keep-alive to be answered by CRLF; several in a row are given as one. Throws SipSyntaxError for a
   * message that is not SIP; unless `isDead`, the stream goes on behind it.
   */
  next(): SipMessage | 'ping' | undefined {
    if (this.#isDead) return undefined
    if (!this.#head) {
      if (this.#takeLineEnds()) return 'ping'
      if (!this.#takeHead()) return undefined
    }
    return this.#takeBody(this.#head!)
  }

  #adopt(bytes: Buffer, from: number): void {
    this.#bytes = bytes
    this.#start = from
    this.#searched = from
    this.#end = bytes.length
    this.#isOwn = false
  }

  /** Room doubles, so that a peer who sends single bytes costs no more than twice their copying. */
  #append(bytes: Buffer, from: number): void {
    const added = bytes.length - from
    if (!this.#isOwn || this.#end + added > this.#bytes.length) {
      const held = this.#end - this.#start
      const room = Buffer.allocUnsafe(Math.max(1024, 2 * (held + added)))
      this.#bytes.copy(room, 0, this.#start, this.#end)
      this.#bytes = room
      this.#searched -= this.#start
      this.#start = 0
      this.#end = held
      this.#isOwn = true
    }
    bytes.copy(this.#bytes, this.#end, from)
    this.#end += added
  }

  /** Drops line ends before a message; true if there was a keep-alive among them. */
  #takeLineEnds(): boolean {
    const from = this.#start
    let pos = from
    while (pos + 1 < this.#end && this.#bytes[pos] === CR && this.#bytes[pos + 1] === LF) pos += 2
    const isPing = pos - from >= HEAD_END.length
    // A single line end may be the first half of a keep-alive: it waits for what follows.
    const isHalf = !isPing && pos - from === 2 && isStartOfLineEnd(this.#bytes, pos, this.#end)
    this.#heldLineEnd = isHalf ? this.#end - from : 0
    if (!isHalf) this.#advance(pos)
    return isPing
  }

  #advance(to: number): void {
    this.#start = to
    this.#searched = Math.max(this.#searched, to)
    if (this.#start === this.#end) this.#adopt(Buffer.alloc(0), 0)
  }

  #takeHead(): boolean {
    const held = this.#bytes.subarray(this.#start, this.#end)
    if (held.length < HEAD_END.length) return false
    const max = this.#limits.headerBytesMax
    const end = held.indexOf(HEAD_END, this.#searched - this.#start)
    const size = end < 0 ? held.length : end + HEAD_END.length
    if (end < 0 && size < max) {
      this.#checkStartLine(held)
      this.#searched = this.#end - HEAD_END.length + 1
      return false
    }
    this.#head = new Head(held, held.toString('latin1', 0, Math.min(size, max)), this.#limits)
    this.#advance(this.#start + size)
    return true
  }

  /** A start line that does not end is not waited for. */
  #checkStartLine(held: Buffer): void {
    const max = this.#limits.startLineBytesMax + 2
    if (held.length < max || held.subarray(0, max).includes('\r\n')) return
    throw this.#die(new SipSyntaxError(0, 'Start line without end'))
  }

  #takeBody(head: Head): SipMessage | undefined {
    const length = head.contentLength
    if (length === undefined) head.note(400, 'Missing Content-Length header', true)
    else if (length > this.#limits.bodyBytesMax) head.note(513, 'Message Too Large', true)
    const error = head.error()
    if (error) throw this.#refuse(error, head)
    const end = this.#start + length!
    if (end > this.#end) return undefined
    const message = head.message
    // A copy: the rest of what was pushed must not live as long as the body does.
    message.body = Buffer.from(this.#bytes.subarray(this.#start, end))
    this.#head = undefined
    this.#advance(end)
    return message
  }

  #refuse(error: SipSyntaxError, head: Head): SipSyntaxError {
    if (!head.isFramed) return this.#die(error)
    this.#head = undefined
    const here = Math.min(head.contentLength!, this.#end - this.#start)
    this.#skip = head.contentLength! - here
    this.#advance(this.#start + here)
    return error
  }

  #die(error: SipSyntaxError): SipSyntaxError {
    this.#isDead = true
    this.#head = undefined
    this.#adopt(Buffer.alloc(0), 0)
    return error
  }
}

/** Nothing at all, or the first half of CRLF, stands from `pos` to `end`. */
function isStartOfLineEnd(bytes: Buffer, pos: number, end: number): boolean {
  return pos === end || (bytes[pos] === CR && pos + 1 === end)
}
