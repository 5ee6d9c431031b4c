import type { Entropy } from '../../base/entropy.ts'
import type { WallTime } from '../../base/time.ts'
import { encodeCpim } from '../../content/cpim.ts'
import { deferredBody } from '../../content/deferred-part.ts'
import { type Composed, lengthOf } from '../../content/multipart.ts'
import type { PushForm } from '../../sdp/accept.ts'
import { value } from '../../sip-parser-lite/access.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { parseNameAddr, parseParams, parseSipDate } from '../../sip-parser-lite/typed.ts'
import type { StoredMessage } from '../../store/verbs.ts'
import { readStored } from './stored-request.ts'

/** One stored message as the body of one MSRP message. */
interface PushBody extends Composed {
  /** The media type inside, which the client has to take as well (RFC 4975 8.6). */
  readonly wraps: string
}

/** In the form that the client's answer allows (docs/protocol.md). */
export function pushBody(message: StoredMessage, form: PushForm, entropy: Entropy): PushBody | undefined {
  if (form !== 'message/cpim') return { ...deferredBody(message.bytes, form, entropy), wraps: form }
  const request = readStored(message.bytes)
  if (!request) return undefined
  const body = asCpim(request, message.receivedAt)
  const type = parseParams(value(request, 'content-type') ?? 'text/plain').value
  const wraps = type === 'message/cpim' ? innerTypeOf(request.body) : type
  return { contentType: 'message/cpim', body, length: lengthOf(body), wraps }
}

/** A message that was CPIM already goes as it is: its envelope is the sender's. */
function asCpim(request: SipRequest, receivedAt: WallTime): Buffer[] {
  const contentType = value(request, 'content-type') ?? 'text/plain'
  return parseParams(contentType).value === 'message/cpim' ? [request.body] : cpimEnvelope(request, receivedAt)
}

/** The request as message/cpim, its body last. */
export function cpimEnvelope(request: SipRequest, receivedAt: WallTime): Buffer[] {
  const contentType = value(request, 'content-type') ?? 'text/plain'
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

/** RFC 3862 2: the MIME headers of the content follow the first empty line; text/plain is what is meant without any. */
export function innerTypeOf(cpim: Buffer): string {
  const start = cpim.indexOf('\r\n\r\n', 0, 'latin1')
  const end = cpim.indexOf('\r\n\r\n', start + 4, 'latin1')
  const headers = start < 0 ? '' : cpim.toString('latin1', start, end < 0 ? start : end)
  const type = /^content-type[ \t]*:[ \t]*([^\s;]+)/im.exec(headers)?.[1]
  return type?.toLowerCase() ?? 'text/plain'
}
