import type { Sdp, SdpAttribute, SdpMedia } from './sdp.ts'
import { attribute, findAttribute, parseSdp, SdpSyntaxError } from './sdp.ts'

type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'
export type Setup = 'active' | 'passive' | 'actpass' | 'holdconn'

const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive']
const SETUPS: readonly string[] = ['active', 'passive', 'actpass', 'holdconn'] satisfies Setup[]

/** RFC 4975 8: what an `m=message` line over MSRP says. */
export interface MsrpMedia {
  /** Which m= line of the description it is, from 0. */
  readonly index: number
  /** 0 to 65535; 0 is refused. */
  readonly port: number
  /** TCP/TLS/MSRP. */
  readonly isSecure: boolean
  /** MSRP URIs as written, first hop first; empty when there was none. */
  readonly path: readonly string[]
  /** Media types as written. */
  readonly acceptTypes: readonly string[]
  readonly acceptWrappedTypes: readonly string[]
  /** Octets of a whole message that the peer would like to see at most. */
  readonly maxSize?: number
  /** `sendrecv` when nothing is said (RFC 8866 6.7). */
  readonly direction: Direction
  readonly setup?: Setup
  /** `a=fingerprint` values as written (RFC 8122). */
  readonly fingerprints: readonly string[]
  /** RFC 5547: the stream carries a file. */
  readonly isFileTransfer: boolean
}

/** The first stream of messages over MSRP, refused or not. */
export function msrpMedia(sdp: Sdp): MsrpMedia | undefined {
  const index = sdp.media.findIndex(isMsrp)
  return index < 0 ? undefined : readMsrp(sdp, index)
}

export const isMsrp = (media: SdpMedia): boolean =>
  media.media === 'message' && /^TCP\/(TLS\/)?MSRP$/i.test(media.protocol)

/** Reads the line at `index`, which must satisfy `isMsrp`. */
export function readMsrp(sdp: Sdp, index: number): MsrpMedia {
  const media = sdp.media[index]!
  const setup = attribute(sdp, media, 'setup')?.toLowerCase()
  const maxSize = attribute(sdp, media, 'max-size') ?? attribute(sdp, media, 'maxsize')
  return {
    index,
    port: media.port,
    isSecure: /TLS/i.test(media.protocol),
    path: words(attribute(sdp, media, 'path')),
    acceptTypes: words(attribute(sdp, media, 'accept-types')),
    acceptWrappedTypes: words(attribute(sdp, media, 'accept-wrapped-types')),
    ...(maxSize && /^\d{1,15}$/.test(maxSize) && { maxSize: Number(maxSize) }),
    direction: directionIn(media.attributes) ?? directionIn(sdp.attributes) ?? 'sendrecv',
    ...(setup && SETUPS.includes(setup) && { setup: setup as Setup }),
    fingerprints: fingerprints(media.attributes) ?? fingerprints(sdp.attributes) ?? [],
    isFileTransfer: findAttribute(media.attributes, 'file-selector') !== undefined,
  }
}

const words = (value: string | undefined): string[] => value?.split(/\s+/).filter(Boolean) ?? []

const directionIn = (attributes: readonly SdpAttribute[]): Direction | undefined =>
  DIRECTIONS.find(direction => findAttribute(attributes, direction))

function fingerprints(attributes: readonly SdpAttribute[]): string[] | undefined {
  const all = attributes.filter(each => each.name.toLowerCase() === 'fingerprint').map(each => each.value ?? '')
  return all.length > 0 ? all : undefined
}

type MsrpAnswer =
  | { readonly kind: 'accepted'; readonly media: MsrpMedia; readonly connects: 'offerer' | 'answerer' }
  | { readonly kind: 'refused'; readonly why: string }

/** Reads the answer to our offer to send, or to be sent to: a stream on which that can be done, or why there is none. Throws nothing. */
export function readAnswer(body: Buffer, offered: 'sendonly' | 'recvonly' = 'sendonly'): MsrpAnswer {
  const media = mediaOf(body)
  if (typeof media === 'string') return refused(media)
  if (media.port === 0) return refused('port 0')
  if (media.path.length === 0) return refused('answer without a=path')
  // RFC 3264 6.1: what mirrors the offer, or leaves more open than was asked for.
  if (media.direction === offered || media.direction === 'inactive') return refused(`answer is ${media.direction}`)
  if (media.setup === 'holdconn') return refused('a=setup:holdconn')
  return { kind: 'accepted', media, connects: whoConnects(media.setup) }
}

/** RFC 4975 6: enough of it to tell a path from something else. */
const MSRP_URI = /^msrps?:\/\/[^\s/;]+(?:\/[^\s;]+)?;[a-z0-9]+(?:;\S*)?$/i

/** RFC 4975 8: why nobody is reached by the path of this offer, in plain words. */
export function obstacleInPath({ path }: MsrpMedia): string | undefined {
  if (path.length === 0) return 'the offer has no a=path'
  return path.every(uri => MSRP_URI.test(uri)) ? undefined : 'the offer has an a=path that is none of MSRP'
}

/** RFC 3264 5.1. */
export const takesMessages = (media: MsrpMedia): boolean =>
  media.direction === 'recvonly' || media.direction === 'sendrecv'

const refused = (why: string): MsrpAnswer => ({ kind: 'refused', why })

function mediaOf(body: Buffer): MsrpMedia | string {
  try {
    return msrpMedia(parseSdp(body)) ?? 'answer without m=message over MSRP'
  } catch (error) {
    if (error instanceof SdpSyntaxError) return error.message
    throw error
  }
}

/** RFC 6135 4.2 and RFC 4975 8.5: by the answer's a=setup; an answer without it leaves connecting to the offerer. */
export const whoConnects = (answered: Setup | undefined): 'offerer' | 'answerer' =>
  answered === 'active' ? 'answerer' : 'offerer'
