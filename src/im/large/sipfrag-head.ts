import { type Now, sipDate } from '../../base/time.ts'
import { addLast, has } from '../../sip-parser-lite/access.ts'
import { encodeMessage } from '../../sip-parser-lite/encode.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'

/**
 * DM-STO-05 and the headers that DM-PSH-07 hands on: who wrote to whom, about what, when. Nothing of the session or of the way it came
 * (routes, Contact, SDP) reaches the receiver.
 */
const KEPT = new Set(['from', 'to', 'p-asserted-identity', 'subject', 'date', 'priority', 'call-id'])

/** `message/sipfrag` of an INVITE whose identity headers are settled: ends with CRLF, no empty line (RFC 3420 2). */
export function sipfragHead(invite: SipRequest, now: Now): Buffer {
  const kept: SipRequest = {
    ...invite,
    headers: invite.headers.filter(({ key }) => KEPT.has(key)),
    body: Buffer.alloc(0),
  }
  if (!has(kept, 'date')) addLast(kept, 'Date', sipDate(now.wall))
  const encoded = encodeMessage(kept)
  return encoded.subarray(0, encoded.length - NO_BODY.length)
}

/** What the encoder ends a message without a body with; a fragment speaks of no body. */
const NO_BODY = 'Content-Length: 0\r\n\r\n'
