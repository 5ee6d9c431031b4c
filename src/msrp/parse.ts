import type { ContinuationFlag, MsrpHead } from './frame.ts'
import { HeadBuilder } from './head.ts'
import { MSRP_LIMITS, type MsrpLimits } from './limits.ts'

/** A frame is one head, any number of body slices, one end. */
type MsrpEvent =
  | { readonly kind: 'head'; readonly head: MsrpHead }
  /** Part of what was pushed, not a copy: keep it or copy it, never write to it. */
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'end'; readonly flag: ContinuationFlag }

type Malformed = 'start line' | 'head too long' | 'too many headers' | 'bare line feed' | 'path'

/** The framing is lost: nothing after it can be understood, the connection has to go. */
export class MsrpSyntaxError extends Error {
  readonly why: Malformed
  /** What a 400 can be built from, if that much was understood. */
  readonly partial: MsrpHead | undefined
  constructor(why: Malformed, partial?: MsrpHead) {
    super(why)
    this.why = why
    this.partial = partial
  }
}

const EMPTY = Buffer.alloc(0)
const START = Buffer.from('MSRP ', 'latin1')
const CR = 13
const LF = 10
/** Spare room when a partial line is kept; at most doubles what is kept, so that octet by octet stays linear. */
const SPARE_MAX = 16 * 1024

/** Heads are decoded in pieces of this size: few are longer, and little of a body is decoded in vain. */
const DECODED_BYTES = 512

/**
 * RFC 4975 9, from any chunking of the bytes. Holds back at most one head line or one possible end-line; bodies pass
 * through without a bound. After a throw it is dead.
 */
export class MsrpParser {
  readonly #limits: MsrpLimits
  #state: 'start' | 'headers' | 'body' | 'end' = 'start'
  /** Where `#bytes` may grow; what was pushed itself has no spare room and is never written to. */
  #room: Buffer = EMPTY
  #bytes: Buffer = EMPTY
  #position = 0
  /** No line feed between `#position` and here. */
  #scanned = 0
  /** Body octets before this are handed on, or are the blank line. */
  #bodyFrom = 0
  /** Of the present bytes, from `#textFrom` on. */
  #text = ''
  #textFrom = 0
  #headBytes = 0
  #builder: HeadBuilder | undefined
  #marker: Buffer = EMPTY
  #flag: ContinuationFlag = '$'

  constructor(limits: MsrpLimits = MSRP_LIMITS) {
    this.#limits = limits
  }

  /** A frame has begun and not ended. */
  get isMidFrame(): boolean {
    return this.#state !== 'start' || this.#position < this.#bytes.length
  }

  push(bytes: Buffer): void {
    this.#text = ''
    this.#textFrom = 0
    const kept = this.#bytes.length - this.#position
    if (kept === 0) {
      this.#room = this.#bytes = bytes
      this.#position = this.#scanned = this.#bodyFrom = 0
      return
    }
    if (this.#room.length - this.#bytes.length < bytes.length) this.#makeRoom(kept, bytes.length)
    const end = this.#bytes.length
    bytes.copy(this.#room, end)
    this.#bytes = this.#room.subarray(0, end + bytes.length)
  }

  /** Undefined: push more. @throws MsrpSyntaxError */
  next(): MsrpEvent | undefined {
    if (this.#state === 'body') return this.#nextBody()
    if (this.#state === 'end') return this.#end(this.#flag)
    return this.#nextHead()
  }

  #makeRoom(kept: number, more: number): void {
    const needed = kept + more
    const room = Buffer.allocUnsafe(needed + Math.min(needed, SPARE_MAX))
    this.#bytes.copy(room, 0, this.#position)
    this.#room = room
    this.#bytes = room.subarray(0, kept)
    this.#scanned -= this.#position
    this.#bodyFrom -= this.#position
    this.#position = 0
  }

  #nextHead(): MsrpEvent | undefined {
    for (;;) {
      const line = this.#nextLine()
      if (line === undefined) return this.#partialLine()
      const head = this.#state === 'start' ? this.#startLine(line) : this.#headerLine(line)
      if (head) return { kind: 'head', head }
    }
  }

  /** Without its line break; undefined when that is not there yet. */
  #nextLine(): string | undefined {
    let start = this.#position - this.#textFrom
    let feed = this.#text.indexOf('\n', start)
    if (feed < 0) {
      const end = this.#decodable()
      if (end === undefined) return undefined
      this.#text = this.#bytes.toString('latin1', this.#position, end)
      this.#textFrom = this.#position
      start = 0
      feed = this.#text.indexOf('\n')
    }
    if (feed === start || this.#text.charCodeAt(feed - 1) !== CR) {
      // As it would be told had the line come octet by octet.
      const isForeign = this.#state === 'start' && !this.#text.startsWith('MSRP ', start)
      throw this.#lost(isForeign ? 'start line' : 'bare line feed')
    }
    this.#headBytes += feed + 1 - start
    if (this.#headBytes > this.#limits.headBytes) throw this.#lost('head too long')
    this.#position = this.#scanned = this.#textFrom + feed + 1
    return this.#text.slice(start, feed - 1)
  }

  /** How far to decode, so that there is a line: most heads are decoded at one go. */
  #decodable(): number | undefined {
    const feed = this.#bytes.indexOf(LF, this.#scanned)
    return feed < 0 ? undefined : Math.min(this.#bytes.length, Math.max(feed + 1, this.#position + DECODED_BYTES))
  }

  #partialLine(): undefined {
    const length = this.#bytes.length - this.#position
    this.#scanned = this.#bytes.length
    if (this.#headBytes + length > this.#limits.headBytes) throw this.#lost('head too long')
    if (this.#state !== 'start' || length === 0 || this.#bytes[this.#position] === CR) return
    const compared = Math.min(length, START.length)
    if (START.compare(this.#bytes, this.#position, this.#position + compared, 0, compared) !== 0)
      throw this.#lost('start line')
  }

  #startLine(line: string): undefined {
    if (line === '') {
      // An empty line between frames keeps some NAT awake.
      this.#headBytes = 0
      return
    }
    this.#builder = HeadBuilder.start(line)
    if (!this.#builder) throw this.#lost('start line')
    this.#marker = Buffer.from(`\r\n-------${this.#builder.transactionId}`, 'latin1')
    this.#state = 'headers'
  }

  #headerLine(line: string): MsrpHead | undefined {
    const builder = this.#builder!
    if (line === '') {
      // The blank line may also be the line break before the end-line of an empty body.
      this.#bodyFrom = this.#position
      this.#position -= 2
      this.#state = 'body'
      return this.#finish(builder)
    }
    if (line.startsWith('-------')) {
      const flag = builder.flagOf(line)
      if (flag) {
        this.#flag = flag
        this.#state = 'end'
        return this.#finish(builder)
      }
    }
    if (builder.headers >= this.#limits.headers) throw this.#lost('too many headers')
    builder.add(line)
    return undefined
  }

  #finish(builder: HeadBuilder): MsrpHead {
    const head = builder.finish(this.#state === 'body')
    if (!head) throw this.#lost('path')
    return head
  }

  #nextBody(): MsrpEvent | undefined {
    const bytes = this.#bytes
    const marker = this.#marker
    for (let from = this.#position; ; ) {
      const found = bytes.indexOf(marker, from)
      if (found < 0) return this.#bodyUpTo(this.#possibleMarker(Math.max(from, bytes.length - marker.length + 1)))
      const after = found + marker.length
      if (!couldEnd(bytes, after)) {
        from = found + 1
        continue
      }
      const body = this.#bodyUpTo(found)
      if (body || after + 3 > bytes.length) return body
      this.#position = this.#scanned = after + 3
      return this.#end(String.fromCharCode(bytes[after]!) as ContinuationFlag)
    }
  }

  /** Start of the tail that may turn out to be the marker; the end when there is none. */
  #possibleMarker(from: number): number {
    const { length } = this.#bytes
    for (let at = this.#bytes.indexOf(CR, from); at >= 0; at = this.#bytes.indexOf(CR, at + 1))
      if (this.#bytes.compare(this.#marker, 0, length - at, at, length) === 0) return at
    return length
  }

  #bodyUpTo(end: number): MsrpEvent | undefined {
    const start = this.#bodyFrom
    this.#position = end
    if (end <= start) return undefined
    this.#bodyFrom = end
    return { kind: 'body', bytes: this.#bytes.subarray(start, end) }
  }

  #end(flag: ContinuationFlag): MsrpEvent {
    this.#state = 'start'
    this.#headBytes = 0
    this.#builder = undefined
    return { kind: 'end', flag }
  }

  #lost(why: Malformed): MsrpSyntaxError {
    return new MsrpSyntaxError(why, this.#builder?.finish(false))
  }
}

/** Whether flag and line break follow, as far as they are there. Without them it only looks like an end-line. */
const couldEnd = (bytes: Buffer, at: number): boolean => {
  const flag = bytes[at]
  if (flag === undefined) return true
  if (flag !== 0x24 && flag !== 0x2b && flag !== 0x23) return false
  return (bytes[at + 1] ?? CR) === CR && (bytes[at + 2] ?? LF) === LF
}
