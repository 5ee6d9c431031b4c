import { ownText } from '../base/own-text.ts'
import { value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseParams, parseSeconds } from '../sip-parser-lite/typed.ts'
import { grantedExpires, readEvent } from './event-header.ts'
import type { PublicationPackage } from './publication-types.ts'
import { isRefusal, orRefusal, type Refusal } from './refusal.ts'

/** A PUBLISH as far as it can be read without knowing what is published. */
export interface AskedPublication {
  readonly package: PublicationPackage
  /** Granted; 0 removes. */
  readonly expiresS: number
  /** SIP-If-Match. */
  readonly etag: string | undefined
  /** Undefined for a refresh or a removal. */
  readonly content: { readonly contentType: string; readonly body: Buffer } | undefined
}

/** Longer Content-Types are not kept. */
const TYPE_LENGTH_MAX = 256

/** RFC 3903 6, steps 2, 3 and 5 as far as the request alone decides; who may publish is asked in between. */
export function readPublish(
  request: SipRequest,
  packages: ReadonlyMap<string, PublicationPackage>,
  authorise: (asked: PublicationPackage) => Refusal | undefined,
): AskedPublication | Refusal {
  return orRefusal(() => {
    const event = readEvent(request, packages)
    if (isRefusal(event)) return event
    const asked = event.served
    const forbidden = authorise(asked)
    if (forbidden) return forbidden
    const [etag, another] = values(request, 'sip-if-match')
    if (another !== undefined) return { status: 400, reason: 'More than one SIP-If-Match header' }
    const expires = value(request, 'expires')
    const expiresS = grantedExpires(expires === undefined ? undefined : parseSeconds(expires), asked)
    if (typeof expiresS !== 'number') return expiresS
    const isRemoval = expiresS === 0 && etag !== undefined
    if (isRemoval || (request.body.length === 0 && etag !== undefined))
      return { package: asked, expiresS, etag, content: undefined }
    const content = readContent(request, asked)
    return isRefusal(content) ? content : { package: asked, expiresS, etag, content }
  })
}

/** RFC 3903 4.3: what publishes anew has a body. */
function readContent(
  request: SipRequest,
  { accept, bodyBytesMax }: PublicationPackage,
): (AskedPublication['content'] & {}) | Refusal {
  const { body } = request
  if (body.length === 0) return { status: 400, reason: 'Nothing is published' }
  const contentType = value(request, 'content-type')
  const isType = contentType !== undefined && accept.includes(parseParams(contentType, 'Content-Type').value)
  const isPlain = values(request, 'content-encoding').every(encoding => encoding.toLowerCase() === 'identity')
  if (!isType || !isPlain || contentType.length > TYPE_LENGTH_MAX)
    return {
      status: 415,
      headers: [
        ['Accept', accept.join(', ')],
        ['Accept-Encoding', 'identity'],
      ],
    }
  if (body.length > bodyBytesMax) return { status: 413 }
  // What is kept holds on to nothing else of the message.
  return { contentType: ownText(contentType), body: Buffer.from(body) }
}
