import type { Entropy } from '../base/entropy.ts'
import type { WallTime } from '../base/time.ts'
import { encodeCpim } from '../content/cpim.ts'
import { deferredBody } from '../content/deferred-part.ts'
import { type Composed, lengthOf } from '../content/multipart.ts'
import type { PushForm } from '../sdp/accept.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'
import { parseNameAddr, parseParams, parseSipDate } from '../sip-parser-lite/typed.ts'
import type { StoredMessage } from '../store/verbs.ts'

/** One stored message as the body of one MSRP message, in the form that the client's answer allows (oma-im 2.3). */
export function pushBody(message: StoredMessage, form: PushForm, entropy: Entropy): Composed {
  if (form !== 'message/cpim') return deferredBody(message.bytes, form, entropy)
  const body = asCpim(parseMessage(message.bytes) as SipRequest, message.receivedAt)
  return { contentType: 'message/cpim', body, length: lengthOf(body) }
}

/** A message that was CPIM already goes as it is: its envelope is the sender's. */
function asCpim(request: SipRequest, receivedAt: WallTime): Buffer[] {
  const contentType = value(request, 'content-type') ?? 'text/plain'
  if (parseParams(contentType).value === 'message/cpim') return [request.body]
  const date = parseSipDate(value(request, 'date') ?? '') as WallTime | undefined
  const encoding = value(request, 'content-encoding')
  const contentHeaders: [string, string][] = [['Content-Type', contentType]]
  if (encoding !== undefined) contentHeaders.push(['Content-Encoding', encoding])
  return encodeCpim({
    from: parseNameAddr(value(request, 'from') ?? ''),
    to: parseNameAddr(value(request, 'to') ?? ''),
    dateTime: date ?? receivedAt,
    subject: value(request, 'subject'),
    contentHeaders,
    body: request.body,
  })
}
