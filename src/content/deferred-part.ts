import type { Entropy } from '../base/entropy.ts'
import type { Composed, Part } from './multipart.ts'
import { encodeMultipart } from './multipart.ts'

/**
 * DM-PSH-01, 02, 05: one stored MESSAGE as the body of one MSRP
 * message. `stored` is the request as `NewMessage.bytes` keeps it.
 */
export function deferredBody(stored: Buffer, form: 'message/sip' | 'message/sipfrag', entropy: Entropy): Composed {
  return encodeMultipart([deferredPart(stored, form)], entropy)
}

/**
 * message/sip is the whole request as it was kept; message/sipfrag leaves out Via, which would tell the
 * recipient the sender's network. No other byte changes (DM-PSH-03, 04, 07), and the body is a view of `stored`.
 */
export function deferredPart(stored: Buffer, form: 'message/sip' | 'message/sipfrag'): Part {
  const headEnd = stored.indexOf('\r\n\r\n', 0, 'latin1')
  if (headEnd < 0) return { contentType: form, body: [stored] }
  const body = stored.subarray(headEnd + 4)
  const head = stored.toString('latin1', 0, headEnd + 2)
  const sent = withLength(form === 'message/sip' ? head : withoutVia(head), body.length)
  if (sent === head) return { contentType: form, body: [stored] }
  return { contentType: form, body: [Buffer.from(`${sent}\r\n`, 'latin1'), body] }
}

/** A header goes with its continuation lines (RFC 3261 7.3.1). */
const withoutVia = (head: string): string =>
  head.replace(/\r\n(?:via|v)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*(?=\r\n)/gi, '')

/**
 * RFC 3261 20.14: a request that came by datagram may lack it,
 * and a reader of message/sip has no datagram to measure.
 */
const withLength = (head: string, length: number): string =>
  /\r\n(?:content-length|l)[ \t]*:/i.test(head) ? head : `${head}Content-Length: ${length}\r\n`
