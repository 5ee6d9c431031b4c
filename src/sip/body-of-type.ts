import { boundaryOf, MultipartSyntaxError, parseMultipart } from '../content/multipart.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipMessage } from '../sip-parser-lite/message.ts'
import { parseParams } from '../sip-parser-lite/typed.ts'
import { leniently } from './session-headers.ts'

/** The body, or the first part of it, that is of this media type (RFC 5621). */
export function bodyOfType(message: SipMessage, mediaType: string): Buffer | undefined {
  const contentType = value(message, 'content-type')
  if (contentType === undefined || message.body.length === 0) return undefined
  const isWanted = (type: string): boolean => parseParams(type, 'Content-Type').value === mediaType
  if (isWanted(contentType)) return message.body
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) return undefined
  try {
    return parseMultipart(message.body, boundary).find(({ headers }) =>
      headers.some(([name, text]) => name === 'content-type' && isWanted(text)),
    )?.body
  } catch (error) {
    if (error instanceof MultipartSyntaxError) return undefined
    throw error
  }
}

/** The session description; one whose head is malformed says nothing. */
export const descriptionIn = (message: SipMessage): Buffer | undefined =>
  leniently(() => bodyOfType(message, 'application/sdp'))
