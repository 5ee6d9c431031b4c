import { type Now, sipDate } from '../base/time.ts'
import { CPIM_TYPE, encodeImdn } from '../content/imdn.ts'
import { addLast } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { Notice } from '../store/verbs.ts'

/**
 * A notice as SIP MESSAGE (RFC 5438 8). All that makes it this one and no other follows from the notice alone, so that it is
 * recognised when it is sent again after a power cut.
 */
export function noticeRequest(
  now: Now,
  notice: Notice,
  { storeUri, hostname }: { storeUri: string; hostname: string },
): SipRequest {
  const { id, kind, why, at, sender, recipient, receipt } = notice
  // With the time, because ids begin again where a store does.
  const name = `${at.toString(36)}.${id}`
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  const body = encodeImdn({ id: `${kind}.${name}`, about: receipt, status: kind, why, at, recipientUri: recipient })
  const request: SipRequest = { kind: 'request', method: 'MESSAGE', uri: sender, headers: [], body }
  const headers: readonly [string, string][] = [
    // What is kept has to be a whole message, and one without a Via is none.
    ['Via', `SIP/2.0/UDP ${host};branch=z9hG4bK${name}`],
    ['Max-Forwards', '70'],
    ['From', `<${storeUri}>;tag=${name}`],
    ['To', `<${sender}>`],
    ['Call-ID', `${name}@${host}`],
    ['CSeq', '1 MESSAGE'],
    ['P-Asserted-Identity', `<${storeUri}>`],
    ['Date', sipDate(now.wall)],
    ['Subject', why],
    ['Content-Type', CPIM_TYPE],
  ]
  for (const [header, value] of headers) addLast(request, header, value)
  return request
}
