import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'

/** An INVITE of alice's to bob, as it is read from the wire; `headers` beside what each has. */
export function readInvite(headers: readonly string[], body: string): SipRequest {
  const lines = [
    'INVITE sip:bob@example.org SIP/2.0',
    'Via: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK1',
    'From: <sip:alice@example.org>;tag=1',
    'To: <sip:bob@example.org>',
    'Call-ID: c',
    'CSeq: 1 INVITE',
    ...headers,
    `Content-Length: ${body.length}`,
    '',
    body,
  ]
  return parseMessage(Buffer.from(lines.join('\r\n'), 'latin1')) as SipRequest
}
