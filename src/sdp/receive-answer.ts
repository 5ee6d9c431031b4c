import type { Endpoint } from '../base/flow.ts'
import { isMsrp, type MsrpMedia, readMsrp, type Setup } from './msrp-media.ts'
import type { Sdp, SdpAttribute, SdpMedia } from './sdp.ts'
import { encodeSdp } from './sdp.ts'

export interface ReceiveAnswer {
  /** Where we take MSRP connections of that kind; the address also names us in o= and c=. */
  readonly endpoint: Endpoint
  /** Our MSRP URI. */
  readonly path: string
  /** Decimal digits, unique to this session from this address. */
  readonly sessionId: string
  /** RFC 8122; needed for a secure stream. */
  readonly fingerprint?: string
  /** Octets of a whole message that we take at most. */
  readonly maxSize: number
}

/** The stream that the offerer would send messages on: the first over MSRP that it has not withdrawn. */
export function offeredStream(offer: Sdp): MsrpMedia | undefined {
  const index = offer.media.findIndex(media => isMsrp(media) && media.port !== 0)
  return index < 0 ? undefined : readMsrp(offer, index)
}

/** Why nobody can send us messages on this stream, in plain words; undefined when somebody can. */
export function obstacleToReceiving(media: MsrpMedia): string | undefined {
  if (media.path.length === 0) return 'the offer has no a=path'
  if (media.direction === 'recvonly' || media.direction === 'inactive') return `the offer is ${media.direction}`
  return media.setup === 'holdconn' ? 'the offer is a=setup:holdconn' : undefined
}

/** RFC 4145 4.1, RFC 6135 4.2: we wait unless the offerer does; who says nothing connects (RFC 4975 8.5). */
export const answersSetup = (offered: Setup | undefined): 'active' | 'passive' =>
  offered === 'passive' ? 'active' : 'passive'

/** RFC 3264 6: the answer that takes messages on `media`, one of the streams of `offer`, and refuses the others. */
export function receiveAnswer(offer: Sdp, media: MsrpMedia, answer: ReceiveAnswer): Buffer {
  const { endpoint, sessionId } = answer
  const connection = `IN ${endpoint.address.includes(':') ? 'IP6' : 'IP4'} ${endpoint.address}`
  return encodeSdp({
    origin: `- ${sessionId} 1 ${connection}`,
    name: '-',
    connection,
    timing: '0 0',
    attributes: [],
    media: offer.media.map((each, index) => (index === media.index ? taken(each, media, answer) : refused(each))),
  })
}

const refused = ({ media, protocol, formats }: SdpMedia): SdpMedia => ({
  media,
  port: 0,
  protocol,
  formats,
  attributes: [],
})

/** An offerer that names no a=setup may not know it, so the answer has none either. */
function taken(offered: SdpMedia, { setup }: MsrpMedia, answer: ReceiveAnswer): SdpMedia {
  const attributes: SdpAttribute[] = [
    { name: 'recvonly' },
    { name: 'accept-types', value: '*' },
    { name: 'max-size', value: String(answer.maxSize) },
    { name: 'path', value: answer.path },
  ]
  if (setup !== undefined) attributes.push({ name: 'setup', value: answersSetup(setup) })
  if (answer.fingerprint) attributes.push({ name: 'fingerprint', value: answer.fingerprint })
  return { media: 'message', port: answer.endpoint.port, protocol: offered.protocol, formats: ['*'], attributes }
}
