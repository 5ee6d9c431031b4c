import type { Endpoint } from '../base/flow.ts'

/**
 * RFC 8866, the part that a session description for messages needs. Text is latin1: one character is one byte as
 * received. Lines that nobody here reads (i, u, e, p, b, r, z, k) are dropped by the parser.
 */
export interface SdpAttribute {
  /** As received; compare in lower case. */
  readonly name: string
  /** Absent for a property attribute such as `a=sendonly`. */
  readonly value?: string
}

export interface SdpMedia {
  readonly media: string
  /** 0 to 65535; 0 refuses or withdraws the stream (RFC 3264 6, 8.2). */
  readonly port: number
  readonly protocol: string
  readonly formats: readonly string[]
  readonly connection?: string
  readonly attributes: readonly SdpAttribute[]
}

export interface Sdp {
  /** The six fields of `o=`. */
  readonly origin: string
  readonly name: string
  readonly connection?: string
  readonly timing: string
  readonly attributes: readonly SdpAttribute[]
  readonly media: readonly SdpMedia[]
}

/** What a peer sent as a session description is none; an offer deserves 488 (RFC 3261 13.3.1.3). */
export class SdpSyntaxError extends Error {}

/** A description for one message stream has under 1 kB; browsers reach 10 kB with audio and video. */
export const SDP_BYTES_MAX = 65_536
/** Twice what a browser writes for audio, video and data. */
export const SDP_LINES_MAX = 1000
/** A conference client offers a handful; each is answered by a line of its own. */
export const SDP_MEDIA_MAX = 32

interface Open {
  connection?: string
  attributes: SdpAttribute[]
}
type OpenMedia = Omit<SdpMedia, 'connection' | 'attributes'> & Open

/** Line ends may be CRLF or LF. Throws SdpSyntaxError. */
export function parseSdp(bytes: Buffer): Sdp {
  const lines = linesOf(bytes)
  const session = { origin: '', name: '-', timing: '0 0', attributes: [] as SdpAttribute[], media: [] as OpenMedia[] }
  let level: Open = session
  for (const line of lines.slice(1)) {
    const value = line.slice(2)
    if (line[1] !== '=') throw new SdpSyntaxError('a line is not of the form type=value')
    if (line[0] === 'm') {
      const media = readMedia(value)
      session.media.push(media)
      level = media
    } else if (line[0] === 'a') level.attributes.push(readAttribute(value))
    else if (line[0] === 'c') level.connection = value
    else if (line[0] === 'o') session.origin = value
    else if (line[0] === 's') session.name = value
    else if (line[0] === 't') session.timing = value
  }
  if (session.origin.split(' ').length !== 6) throw new SdpSyntaxError('o= must have six fields')
  if (session.media.length > SDP_MEDIA_MAX) throw new SdpSyntaxError('too many m= lines')
  return session
}

function linesOf(bytes: Buffer): string[] {
  if (bytes.length > SDP_BYTES_MAX) throw new SdpSyntaxError('session description too large')
  const lines = bytes.toString('latin1').split(/\r\n|\n/, SDP_LINES_MAX + 1)
  if (lines.length > SDP_LINES_MAX) throw new SdpSyntaxError('session description has too many lines')
  while (lines.at(-1) === '') lines.pop()
  if (lines[0] !== 'v=0') throw new SdpSyntaxError('session description must begin with v=0')
  return lines
}

function readMedia(value: string): OpenMedia {
  const [media, port, protocol, ...formats] = value.trim().split(/ +/)
  const match = /^(\d{1,5})(?:\/\d+)?$/.exec(port ?? '')
  if (!media || !protocol || !match || Number(match[1]) > 65535) throw new SdpSyntaxError('malformed m= line')
  return { media: media.toLowerCase(), port: Number(match[1]), protocol, formats, attributes: [] }
}

function readAttribute(value: string): SdpAttribute {
  const colon = value.indexOf(':')
  return colon < 0
    ? { name: value.trim() }
    : { name: value.slice(0, colon).trim(), value: value.slice(colon + 1).trim() }
}

export function encodeSdp(sdp: Sdp): Buffer {
  const lines = ['v=0', `o=${sdp.origin}`, `s=${sdp.name}`]
  if (sdp.connection) lines.push(`c=${sdp.connection}`)
  lines.push(`t=${sdp.timing}`, ...sdp.attributes.map(encodeAttribute))
  for (const { media, port, protocol, formats, connection, attributes } of sdp.media) {
    lines.push(`m=${[media, port, protocol, ...formats].join(' ')}`)
    if (connection) lines.push(`c=${connection}`)
    lines.push(...attributes.map(encodeAttribute))
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1')
}

/** A description of ours, version 1; `sessionId` is unique from this address. */
export function encodeOwnSdp({ address }: Endpoint, sessionId: string, media: readonly SdpMedia[]): Buffer {
  const connection = `IN ${address.includes(':') ? 'IP6' : 'IP4'} ${address}`
  return encodeSdp({
    origin: `- ${sessionId} 1 ${connection}`,
    name: '-',
    connection,
    timing: '0 0',
    attributes: [],
    media,
  })
}

const encodeAttribute = ({ name, value }: SdpAttribute): string =>
  value === undefined ? `a=${name}` : `a=${name}:${value}`

/**
 * The value of an attribute of this stream, else of the session,
 * else undefined. A property attribute gives the empty string.
 */
export function attribute(sdp: Sdp, media: SdpMedia, name: string): string | undefined {
  const found = findAttribute(media.attributes, name) ?? findAttribute(sdp.attributes, name)
  return found && (found.value ?? '')
}

/** `name` in lower case. */
export const findAttribute = (attributes: readonly SdpAttribute[], name: string): SdpAttribute | undefined =>
  attributes.find(each => each.name.toLowerCase() === name)
