import { IM_FEATURE_TAG } from '../base/product.ts'
import { boundaryOf, MultipartSyntaxError, parseMultipart } from '../content/multipart.ts'
import { value, values } from '../sip-parser-lite/access.ts'
import { type SipMessage, type SipRequest, SipSyntaxError } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'
import { fromAddress, type NameAddr, parseNameAddr, parseParams, toAddress } from '../sip-parser-lite/typed.ts'
import { addressOfRecord } from '../sip-parser-lite/uri.ts'
import { contactParams, hasFeature } from './contact-params.ts'
import { orRefusal, type Refusal } from './refusal.ts'
import {
  type AskedContact,
  identityOf,
  type RegisterAsk,
  type RegisterLimits,
  secondsOf,
  uriIn,
} from './register-ask.ts'
import { withoutHeaders } from './request-uri.ts'

/**
 * A SIP/IP core tells application servers of registrations by a REGISTER of its own (3GPP TS 24.229 5.4.1.7): From and
 * Contact are the core, To is the user, and the client's own REGISTER is in the body at most.
 */

/** Whether somebody else registers this user: From names another than To. */
export function isThirdParty(request: SipRequest): boolean {
  return keyOf(fromAddress(request).uri) !== keyOf(toAddress(request).uri)
}

const keyOf = (uri: string): string => (/^sips?:/i.test(uri) ? addressOfRecord(uri) : uri.toLowerCase())

/** docs/protocol.md: the user is reached by their public identity, through the core that registered them. */
export function readThirdParty(request: SipRequest, limits: RegisterLimits): RegisterAsk | Refusal {
  return orRefusal(() => {
    const to = toAddress(request)
    const contactText = values(request, 'contact')[0]
    const core = contactText === undefined ? fromAddress(request) : parseNameAddr(contactText, 'Contact')
    const expires = core.params.get('expires') ?? value(request, 'expires')
    const contact: AskedContact = {
      uri: to.uri,
      parsed: uriIn('To', to.uri),
      params: contactText === undefined ? '' : contactParams(contactText),
      q: 1000,
      // The core decides how long its clients are registered; below our minimum it is not refused.
      expiresS: Math.min(secondsOf(expires, limits.defaultExpiresS), limits.maxExpiresS),
      isInstantMessaging: hasFeature(core.params, IM_FEATURE_TAG) || embeddedHasFeature(request),
    }
    const path = [routeOf(core)]
    return {
      ...identityOf(request),
      removesAll: false,
      contacts: [contact],
      path,
      returnsPath: false,
      isOutbound: false,
    }
  })
}

/** Loose routing is what every core does; one that does not say so in its Contact still means it (RFC 3261 16.12). */
function routeOf(core: NameAddr): string {
  const uri = withoutHeaders(core.uri)
  return uriIn('Contact', uri).params.has('lr') ? `<${uri}>` : `<${uri};lr>`
}

/**
 * The client's own contacts in a `message/sip` body, alone or as part of a multipart, tell whether it does instant
 * messaging.
 */
function embeddedHasFeature(request: SipRequest): boolean {
  return embeddedMessages(request).some(message => {
    try {
      return values(message, 'contact').some(
        contact => contact.trim() !== '*' && hasFeature(parseNameAddr(contact).params, IM_FEATURE_TAG),
      )
    } catch (error) {
      return isMalformed(error, false)
    }
  })
}

function embeddedMessages(request: SipRequest): SipMessage[] {
  const contentType = value(request, 'content-type')
  if (contentType === undefined || request.body.length === 0) return []
  const messages: SipMessage[] = []
  for (const [type, body] of partsOf(contentType, request.body)) {
    try {
      if (parseParams(type).value === 'message/sip') messages.push(parseMessage(body))
    } catch (error) {
      isMalformed(error, undefined)
    }
  }
  return messages
}

function partsOf(contentType: string, body: Buffer): [string, Buffer][] {
  try {
    const boundary = boundaryOf(contentType)
    if (boundary === undefined) return [[contentType, body]]
    return parseMultipart(body, boundary).map(part => [typeOf(part.headers), part.body])
  } catch (error) {
    return isMalformed(error, [])
  }
}

const typeOf = (headers: readonly (readonly [string, string])[]): string =>
  headers.find(([name]) => name === 'content-type')?.[1] ?? 'text/plain'

/** What is enclosed is a hint: one that cannot be read is as good as none. */
function isMalformed<T>(error: unknown, otherwise: T): T {
  if (error instanceof SipSyntaxError || error instanceof MultipartSyntaxError) return otherwise
  throw error
}
