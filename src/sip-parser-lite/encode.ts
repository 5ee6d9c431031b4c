import { Buffer } from 'node:buffer'
import type { HeaderField, SipMessage } from './message.ts'
import { Field, sendable } from './names.ts'

/**
 * The bytes of `message`. Fields go out as they came in, line for line. Content-Length is written once and right:
 * where it stood if it did, else last. No value can end its line, so none can add a header.
 */
export function encodeMessage(message: SipMessage): Buffer {
  const head = `${startLine(message)}\r\n${headerLines(message.headers, message.body.length)}\r\n`
  const bytes = Buffer.allocUnsafe(head.length + message.body.length)
  bytes.write(head, 0, 'latin1')
  if (message.body.length > 0) message.body.copy(bytes, head.length)
  return bytes
}

function startLine(message: SipMessage): string {
  const line =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`
  return sendable(line)
}

/** Lines that came in one after the other are cut out of their message in one piece. */
function headerLines(headers: readonly HeaderField[], bodyBytes: number): string {
  let text = ''
  let isLengthWritten = false
  for (let at = 0; at < headers.length; at++) {
    const field = headers[at]!
    if (field.key !== 'content-length') {
      const last = Field.lastOfRun(headers, at)
      text += `${Field.lines(field, headers[last]!)}\r\n`
      at = last
    } else if (!isLengthWritten) {
      text += isLength(field.value, bodyBytes) ? `${Field.lines(field, field)}\r\n` : `Content-Length: ${bodyBytes}\r\n`
      isLengthWritten = true
    }
  }
  return isLengthWritten ? text : `${text}Content-Length: ${bodyBytes}\r\n`
}

const isLength = (value: string, bytes: number): boolean => /^\d+$/.test(value) && Number(value) === bytes
