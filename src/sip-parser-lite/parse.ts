import { Buffer } from 'node:buffer'
import { CR, LF } from './chars.ts'
import { Head } from './head.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { type SipMessage, SipSyntaxError } from './message.ts'

export const HEAD_END = Buffer.from('\r\n\r\n')

/** Up to here it costs less to make text of the whole message than to look for the end of its headers first. */
const SMALL_BYTES = 4096

/**
 * One message that fills `bytes`: a datagram or a WebSocket frame. What is beyond its Content-Length is dropped (RFC
 * 3261 18.3); without Content-Length the body is the rest. The body shares memory with `bytes`. Throws SipSyntaxError;
 * status 0 means no answer: a response, an ACK, nothing at all, or nobody to send it to.
 */
export function parseMessage(bytes: Buffer, limits: Limits = DEFAULT_LIMITS): SipMessage {
  const start = afterLineEnds(bytes)
  if (start === bytes.length) throw new SipSyntaxError(0, 'Empty message')
  const own = start === 0 ? bytes : bytes.subarray(start)
  const head = readHead(own, limits)
  const from = head.end ?? own.length
  const length = head.contentLength ?? own.length - from
  if (length > limits.bodyBytesMax) head.note(513, 'Message Too Large', true)
  else if (from + length > own.length) head.note(400, 'Content-Length beyond the end of the message', true)
  const error = head.error()
  if (error) throw error
  head.message.body = own.subarray(from, from + length)
  return head.message
}

function readHead(bytes: Buffer, limits: Limits): Head {
  if (bytes.length <= SMALL_BYTES && bytes.length <= limits.headerBytesMax)
    return new Head(bytes, bytes.toString('latin1', 0, bytes.length), limits)
  const end = bytes.indexOf(HEAD_END)
  const to = end < 0 ? bytes.length : end + HEAD_END.length
  return new Head(bytes, bytes.toString('latin1', 0, Math.min(to, limits.headerBytesMax)), limits)
}

/** Index of the first byte that is no line end. */
function afterLineEnds(bytes: Buffer): number {
  let pos = 0
  while (pos < bytes.length && (bytes[pos] === CR || bytes[pos] === LF)) pos++
  return pos
}
