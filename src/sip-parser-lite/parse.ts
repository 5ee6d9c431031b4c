import { Head } from './head.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { type SipMessage, SipSyntaxError } from './message.ts'

const HEAD_END = Buffer.from('\r\n\r\n')
const CR = 13
const LF = 10

/**
 * One message that fills `bytes`: a datagram or a WebSocket frame. What is beyond its Content-Length is dropped (RFC 3261
 * 18.3); without Content-Length the body is the rest. The body shares memory with `bytes`.
 * Throws SipSyntaxError; status 0 means no answer: a response, an ACK, nothing at all, or nobody to send it to.
 */
export function parseMessage(bytes: Buffer, limits: Limits = DEFAULT_LIMITS): SipMessage {
  const start = afterLineEnds(bytes)
  if (start === bytes.length) throw new SipSyntaxError(0, 'Empty message')
  const end = bytes.indexOf(HEAD_END, start)
  if (end < 0 || end - start > limits.headerBytesMax) throw brokenHead(bytes, start, end, limits)
  const head = new Head(bytes.latin1Slice(start, end + 2), limits)
  const bodyAt = end + HEAD_END.length
  const length = head.contentLength ?? bytes.length - bodyAt
  if (length > limits.bodyBytesMax) head.note(513, 'Message Too Large', true)
  if (bodyAt + length > bytes.length) head.note(400, 'Content-Length beyond the end of the message', true)
  const error = head.error()
  if (error) throw error
  head.message.body = bytes.subarray(bodyAt, bodyAt + length)
  return head.message
}

/** Index of the first byte that is no line end. */
export function afterLineEnds(bytes: Buffer): number {
  let pos = 0
  while (pos < bytes.length && (bytes[pos] === CR || bytes[pos] === LF)) pos++
  return pos
}

/** No end of headers, or one too far off: the error with what can be read of the lines that are whole. */
export function brokenHead(bytes: Buffer, start: number, end: number, limits: Limits): SipSyntaxError {
  const stop = Math.min(end < 0 ? bytes.length : end + 2, start + limits.headerBytesMax)
  const isTooLong = end >= 0 || bytes.length - start > limits.headerBytesMax
  const text = bytes.latin1Slice(start, stop)
  const lines = text.slice(0, text.lastIndexOf('\r\n') + 2)
  const fault = isTooLong
    ? { status: 513, reason: 'Headers too long', isFraming: true }
    : { status: 400, reason: 'Headers without end', isFraming: true }
  if (!lines.endsWith('\r\n')) return new SipSyntaxError(0, fault.reason)
  return new Head(lines, limits, fault).error() ?? new SipSyntaxError(0, fault.reason)
}
