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
  // One of several alternatives is enough.
  if (/^multipart\/alternative\b/i.test(value(request, 'content-type') ?? '')) return false
  const parts = partsOf(request)
  const description = parts.find(part => typeOf(part) === SDP_TYPE)
  return parts.some(part => part !== description && !isOptional(part))
}

/** RFC 3261 20.11: whether a body without a session description may be passed over as a whole. */
export function isBodyOptional(request: SipRequest): boolean {
  if (mayBePassedOver(value(request, 'content-disposition'))) return true
  const parts = partsOf(request)
  return parts.length > 0 && parts.every(isOptional)
}

function partsOf(request: SipRequest): ReceivedPart[] {
  const boundary = leniently(() => boundaryOf(value(request, 'content-type') ?? ''))
  if (boundary === undefined) return []
  try {
    return parseMultipart(request.body, boundary)
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
const isOptional = (part: ReceivedPart): boolean => mayBePassedOver(headerOf(part, 'content-disposition'))

function mayBePassedOver(text = 'session'): boolean {
  const disposition = leniently(() => parseParams(text))
  return disposition?.value === 'by-reference' || disposition?.params.get('handling')?.toLowerCase() === 'optional'
}
