import { boundaryOf, MultipartSyntaxError, parseMultipart, type ReceivedPart } from '../content/multipart.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams } from '../sip-parser-lite/typed.ts'
import { leniently } from './session-headers.ts'

const SDP_TYPE = 'application/sdp'

/**
 * RFC 3261 8.2.3, RFC 5621 3: whether an INVITE has more in its body than the session description, and does not say that it may be passed
 * over. A first message or a list of further recipients would be lost without a word by who reads the description alone.
 */
export function hasUnreadParts(request: SipRequest): boolean {
  const contentType = value(request, 'content-type') ?? ''
  const boundary = leniently(() => boundaryOf(contentType))
  // One of several alternatives is enough.
  if (boundary === undefined || /^multipart\/alternative\b/i.test(contentType)) return false
  const parts = partsOf(request.body, boundary)
  const description = parts.find(part => typeOf(part) === SDP_TYPE)
  return parts.some(part => part !== description && !isOptional(part))
}

function partsOf(body: Buffer, boundary: string): ReceivedPart[] {
  try {
    return parseMultipart(body, boundary)
  } catch (error) {
    if (error instanceof MultipartSyntaxError) return []
    throw error
  }
}

const headerOf = ({ headers }: ReceivedPart, name: string): string | undefined =>
  headers.find(([each]) => each === name)?.[1]

const typeOf = (part: ReceivedPart): string | undefined =>
  leniently(() => parseParams(headerOf(part, 'content-type') ?? 'text/plain').value)

/** RFC 3261 20.11, and RFC 5621 7: what nothing refers to is of no use to anybody. */
function isOptional(part: ReceivedPart): boolean {
  const disposition = leniently(() => parseParams(headerOf(part, 'content-disposition') ?? 'session'))
  return disposition?.value === 'by-reference' || disposition?.params.get('handling')?.toLowerCase() === 'optional'
}
