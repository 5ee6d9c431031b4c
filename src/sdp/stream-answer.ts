import type { Endpoint } from '../base/flow.ts'
import { isMsrp, type MsrpMedia, readMsrp, type Setup } from './msrp-media.ts'
import type { Sdp, SdpAttribute, SdpMedia } from './sdp.ts'
import { encodeOwnSdp } from './sdp.ts'

/** Our side of one stream of an offer. */
export interface StreamAnswer {
  /** Where we take MSRP connections of that kind; the address also names us in o= and c=. */
  readonly endpoint: Endpoint
  /** Our MSRP URI. */
  readonly path: string
  /** Decimal digits, unique to this session from this address. */
  readonly sessionId: string
  /** RFC 8122; needed for a secure stream. */
  readonly fingerprint?: string
}

/** The stream that messages would go over: the first over MSRP that the offerer has not withdrawn. */
export function offeredStream(offer: Sdp): MsrpMedia | undefined {
  const index = offer.media.findIndex(media => isMsrp(media) && media.port !== 0)
  return index < 0 ? undefined : readMsrp(offer, index)
}

/** RFC 4145 4.1, RFC 6135 4.2: we wait unless the offerer does; who says nothing connects (RFC 4975 8.5). */
export const answersSetup = (offered: Setup | undefined): 'active' | 'passive' =>
  offered === 'passive' ? 'active' : 'passive'

/** RFC 3264 6: takes `media`, one of the streams of `offer`, with these attributes, and refuses the others. */
export function streamAnswer(
  offer: Sdp,
  media: MsrpMedia,
  answer: StreamAnswer,
  attributes: readonly SdpAttribute[],
): Buffer {
  const { endpoint, sessionId } = answer
  const taken = (offered: SdpMedia): SdpMedia => ({
    media: 'message',
    port: endpoint.port,
    protocol: offered.protocol,
    formats: ['*'],
    attributes: [...attributes, ...placeOf(media, answer)],
  })
  const streams = offer.media.map((each, index) => (index === media.index ? taken(each) : refused(each)))
  return encodeOwnSdp(endpoint, sessionId, streams)
}

const refused = ({ media, protocol, formats }: SdpMedia): SdpMedia => ({
  media,
  port: 0,
  protocol,
  formats,
  attributes: [],
})

/** An offerer that names no a=setup may not know it, so the answer has none either. */
function placeOf({ setup }: MsrpMedia, { path, fingerprint }: StreamAnswer): SdpAttribute[] {
  const attributes: SdpAttribute[] = [{ name: 'path', value: path }]
  if (setup !== undefined) attributes.push({ name: 'setup', value: answersSetup(setup) })
  if (fingerprint) attributes.push({ name: 'fingerprint', value: fingerprint })
  return attributes
}
