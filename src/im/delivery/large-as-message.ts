import { DEFAULT_LIMITS } from '../../sip-parser-lite/limits.ts'
import type { StoredMessage } from '../../store/verbs.ts'

/** Above this nobody's parser takes a SIP MESSAGE, ours neither. */
export const MESSAGE_BODY_MAX = DEFAULT_LIMITS.bodyBytesMax

/**
 * A stored large message as if it had come as SIP MESSAGE, for clients that take nothing else: From, To, Call-ID and Date are the INVITE's.
 * Several may have come in one call, so each has a CSeq of its own, the same each time it is pushed (DM-PSH-04).
 */
export function asStoredMessage(message: StoredMessage, contentType: string, body: Buffer): Buffer {
  const head = message.bytes.toString('latin1')
  const uri = head.slice(head.indexOf(' ') + 1, head.indexOf(' SIP/2.0\r\n'))
  const headers = head.slice(head.indexOf('\r\n') + 2)
  const lines = [
    `MESSAGE ${uri} SIP/2.0`,
    // A whole message has one; the push puts its own in its place.
    'Via: SIP/2.0/TCP stored.invalid;branch=z9hG4bKstored',
    `${headers}CSeq: ${message.seq % 2 ** 31} MESSAGE`,
    `Content-Type: ${contentType}`,
    `Content-Length: ${body.length}`,
    '',
    '',
  ]
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body])
}
