import { IM_FEATURE_TAG } from '../base/product.ts'
import { isMsrp, type MsrpMedia } from '../sdp/msrp-media.ts'
import { parseSdp, type Sdp, SdpSyntaxError } from '../sdp/sdp.ts'
import { offeredStream } from '../sdp/stream-answer.ts'
import { bodyOfType } from '../sip/body-of-type.ts'
import { hasFeature } from '../sip/contact-params.ts'
import { value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { type Params, parseContacts, parseParams } from '../sip-parser-lite/typed.ts'

/** An offer with the stream in it that would carry messages to us. */
export interface MessageOffer {
  readonly sdp: Sdp
  readonly media: MsrpMedia
  /** As received. */
  readonly bytes: Buffer
}

/** What an INVITE wants (DM-DEC-06; docs/protocol.md). */
export type InviteKind =
  /** One message, or several one after the other, that may be kept for later. */
  | { readonly kind: 'large message'; readonly offer: MessageOffer }
  /** It says that it is one, and its body offers no stream for it. */
  | { readonly kind: 'unusable large message'; readonly why: string }
  | { readonly kind: 'file transfer' | 'conversation' | 'not messages' }

const LARGE_MESSAGE = `${IM_FEATURE_TAG}.large-message`
/** IMS communication services and applications (RFC 6809, 3GPP TS 24.229 7.9): value lists, escaped as in a URI. */
const SERVICES = ['+g.3gpp.icsi-ref', '+g.3gpp.iari-ref']
const LARGE_MESSAGE_SERVICE = 'oma.cpm.largemsg'

/**
 * `isLenient`: a one-way stream of messages from a client that names nothing but instant messaging counts as a large message
 * (`deferral.lenient_large_messages`). Throws SipSyntaxError where a header that says what it is is malformed.
 */
export function inviteKind(request: SipRequest, isLenient: boolean): InviteKind {
  const [accepted, offered] = [acceptedFeatures(request), contactFeatures(request)]
  const isNamed = accepted.some(isLargeMessage)
  const offer = messageOffer(request)
  if (typeof offer === 'string')
    return isNamed ? { kind: 'unusable large message', why: offer } : { kind: 'not messages' }
  const { media, sdp } = offer
  const large: InviteKind = { kind: 'large message', offer }
  if (isNamed) return large
  if (media.isFileTransfer) return { kind: 'file transfer' }
  const isOneWay = media.direction === 'sendonly' && sdp.media.filter(isMsrp).length === 1
  // RFC 3840: a Contact says what its phone can do, in its conversations as well.
  const isMeant = offered.some(isLargeMessage) || (isLenient && namesNothingElse([...accepted, ...offered]))
  return isOneWay && isMeant ? large : { kind: 'conversation' }
}

/** RFC 3841: what the receiving client shall be able to do. */
const acceptedFeatures = (request: SipRequest): Params[] =>
  values(request, 'accept-contact').map(text => parseParams(text, 'Accept-Contact').params)

function contactFeatures(request: SipRequest): Params[] {
  const contacts = parseContacts(values(request, 'contact'))
  return contacts === '*' ? [] : contacts.map(({ params }) => params)
}

const isLargeMessage = (features: Params): boolean =>
  hasFeature(features, LARGE_MESSAGE) || servicesOf(features).includes(LARGE_MESSAGE_SERVICE)

const servicesOf = (features: Params): string =>
  SERVICES.map(name => features.get(name) ?? '')
    .join()
    .toLowerCase()

/** The tag of instant messaging, and neither a focus nor another service nor a part of the service. */
function namesNothingElse(features: readonly Params[]): boolean {
  const isElse = (each: Params): boolean =>
    each.has('isfocus') ||
    SERVICES.some(name => each.has(name)) ||
    [...each.keys()].some(name => name.startsWith(`${IM_FEATURE_TAG}.`))
  return features.some(each => hasFeature(each, IM_FEATURE_TAG)) && !features.some(isElse)
}

/** RFC 5621: the session description may be one part of several. Why there is no offer of messages, in plain words. */
export function messageOffer(request: SipRequest): MessageOffer | string {
  const type = value(request, 'content-type')
  if (type === undefined || request.body.length === 0) return 'the INVITE has no session description'
  const bytes = bodyOfType(request, 'application/sdp')
  if (!bytes) return 'the INVITE has a body that is no session description'
  try {
    const sdp = parseSdp(bytes)
    const media = offeredStream(sdp)
    return media ? { sdp, media, bytes } : 'the offer has no stream of messages'
  } catch (error) {
    if (error instanceof SdpSyntaxError) return 'the session description is malformed'
    throw error
  }
}
