import type { Flow } from '../../base/flow.ts'
import { DEFAULT_LIMITS } from '../../sip-parser-lite/limits.ts'

export interface FramedMessage {
  /** Latin1, up to the empty line. */
  readonly head: string
  /** As much of it as was kept. */
  readonly body: Buffer
  readonly bodyBytes: number
}

/** Streams in the middle of a message; more are only there where somebody sends pieces on purpose. */
const PARTIAL_MAX = 64
const HEAD_BYTES_MAX = DEFAULT_LIMITS.headerBytesMax
const BODY_KEPT_MAX = 2048

const NOTHING = Buffer.alloc(0)
const HEAD_END = '\r\n\r\n'
const START_LINE = /^(?:[\w.!%*+`'~-]+ \S+ SIP\/\d\.\d|SIP\/\d\.\d \d{3}(?: .*)?)\r?$/

/** What of a message is there: its head, or after that what its body lacks. */
interface Partial {
  head: Buffer
  whole?: { readonly text: string; readonly length: number; readonly kept: Buffer[]; keptBytes: number; left: number }
}

/**
 * Messages out of what passes, also such that the box refuses: a datagram and a WebSocket message are one each; a stream is cut by
 * Content-Length. Where looking on begins in the middle of a message it waits for the next that begins with a piece.
 */
export class CaptureFraming {
  readonly #partial = new Map<string, Partial>()

  messages(direction: 'in' | 'out', flow: Flow, bytes: Buffer): readonly FramedMessage[] {
    // What the box sends leaves message by message.
    if (direction === 'in' && (flow.transport === 'tcp' || flow.transport === 'tls'))
      return this.#stream(flow.id, bytes)
    return wholeMessage(bytes)
  }

  #stream(id: string, bytes: Buffer): readonly FramedMessage[] {
    const framed: FramedMessage[] = []
    for (let rest: Buffer | undefined = bytes; rest !== undefined; ) {
      const partial = this.#partial.get(id)
      this.#partial.delete(id)
      if (!partial?.whole) {
        rest = this.#head(id, withoutLineEnds(partial ? Buffer.concat([partial.head, rest]) : rest))
        continue
      }
      const { whole } = partial
      rest = takeBody(whole, rest)
      if (whole.left > 0) {
        this.#keep(id, partial)
        break
      }
      framed.push({ head: whole.text, body: Buffer.concat(whole.kept), bodyBytes: whole.length })
    }
    return framed
  }

  /** What is behind the head; undefined: it has not ended, or none begins here. */
  #head(id: string, held: Buffer): Buffer | undefined {
    if (!mayBegin(held)) return undefined
    const end = held.indexOf(HEAD_END)
    if (end < 0) {
      if (held.length <= HEAD_BYTES_MAX) this.#keep(id, { head: Buffer.from(held) })
      return undefined
    }
    const text = held.toString('latin1', 0, Math.min(end, HEAD_BYTES_MAX))
    const length = contentLength(text)
    this.#keep(id, { head: NOTHING, whole: { text, length, kept: [], keptBytes: 0, left: length } })
    return held.subarray(end + HEAD_END.length)
  }

  #keep(id: string, partial: Partial): void {
    for (const oldest of this.#partial.keys()) {
      if (this.#partial.size < PARTIAL_MAX) break
      this.#partial.delete(oldest)
    }
    this.#partial.set(id, partial)
  }
}

/** None: a keep-alive (RFC 5626 3.5), or nothing that is text. */
function wholeMessage(bytes: Buffer): readonly FramedMessage[] {
  const held = withoutLineEnds(bytes)
  // RFC 5389 6: STUN begins with two zero bits; text of SIP does not.
  if (held.length <= 4 || held[0]! < 0x20) return []
  const end = held.indexOf(HEAD_END)
  const bodyFrom = end < 0 ? held.length : end + HEAD_END.length
  const head = held.toString('latin1', 0, Math.min(end < 0 ? held.length : end, HEAD_BYTES_MAX))
  const body = Buffer.from(held.subarray(bodyFrom, bodyFrom + BODY_KEPT_MAX))
  return [{ head, body, bodyBytes: held.length - bodyFrom }]
}

/** What is behind the body. */
function takeBody(whole: NonNullable<Partial['whole']>, bytes: Buffer): Buffer {
  const taken = Math.min(whole.left, bytes.length)
  const kept = Math.min(taken, BODY_KEPT_MAX - whole.keptBytes)
  if (kept > 0) whole.kept.push(Buffer.from(bytes.subarray(0, kept)))
  whole.keptBytes += kept
  whole.left -= taken
  return bytes.subarray(taken)
}

function withoutLineEnds(bytes: Buffer): Buffer {
  let at = 0
  while (bytes[at] === 13 || bytes[at] === 10) at++
  return at === 0 ? bytes : bytes.subarray(at)
}

/** A line that is not there yet may become a start line. */
function mayBegin(held: Buffer): boolean {
  if (held.length === 0) return false
  const end = held.indexOf('\n')
  if (end >= 0) return START_LINE.test(held.toString('latin1', 0, end))
  return held.length <= DEFAULT_LIMITS.startLineBytesMax && /^[\w.!%*+`'~-]/.test(String.fromCharCode(held[0]!))
}

function contentLength(head: string): number {
  const [, digits = '0'] = /^(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*$/im.exec(head.replaceAll('\r', '')) ?? []
  return Number(digits)
}
