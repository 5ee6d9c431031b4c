import type { MsrpMedia, Setup } from './msrp-media.ts'
import { isMsrp, readMsrp, takesMessages } from './msrp-media.ts'
import type { Sdp, SdpAttribute, SdpMedia } from './sdp.ts'
import { encodeSdp, parseSdp, SdpSyntaxError } from './sdp.ts'

/**
 * RFC 3264 8: our answer to another offer within a session, where nothing of ours moves: the same bytes when nothing
 * changes, else the next version. `ours` is the description that we sent last, `theirs` the one that we got last.
 * Undefined (488) when the offer is none, takes the stream away or holds it, or moves it to another path, which is a
 * new MSRP session. For streams that we only send on, or only receive on.
 */
export function answerAgain(ours: Buffer, theirs: Buffer, offer: Buffer): Buffer | undefined {
  try {
    const offered = parseSdp(offer)
    const before = messageMedia(parseSdp(theirs))
    const stream = messageMedia(offered)
    const mine = parseSdp(ours)
    const line = messageMedia(mine)
    if (!before || !stream || !line || stream.path.join(' ') !== before.path.join(' ')) return undefined
    if (stream.isSecure !== line.isSecure || !fits(line, stream)) return undefined
    return encodeAnswer(
      ours,
      mine,
      offered,
      answered(mine.media[line.index]!, line, stream, before.setup),
      stream.index,
    )
  } catch (error) {
    if (error instanceof SdpSyntaxError) return undefined
    throw error
  }
}

/** RFC 3264 6.1: what we do on our line the offerer still does the other half of. */
function fits(line: MsrpMedia, stream: MsrpMedia): boolean {
  if (line.direction !== 'recvonly') return takesMessages(stream)
  return stream.direction === 'sendonly' || stream.direction === 'sendrecv'
}

function messageMedia(sdp: Sdp): MsrpMedia | undefined {
  const index = sdp.media.findIndex(media => isMsrp(media) && media.port !== 0)
  return index < 0 ? undefined : readMsrp(sdp, index)
}

/** Every other stream that the offer names is refused in its place (RFC 3264 6). */
function encodeAnswer(ours: Buffer, mine: Sdp, offered: Sdp, line: SdpMedia, index: number): Buffer {
  const media = offered.media.map((each, at) => (at === index ? line : { ...each, port: 0, attributes: [] }))
  const same = encodeSdp({ ...mine, media })
  return same.equals(ours) ? ours : encodeSdp({ ...mine, origin: nextVersion(mine.origin), media })
}

function answered(ours: SdpMedia, line: MsrpMedia, stream: MsrpMedia, theirSetup: Setup | undefined): SdpMedia {
  const setup = answerSetup(stream.setup, line.setup, theirSetup)
  const attributes: SdpAttribute[] = []
  for (const each of ours.attributes) {
    if (each.name !== 'setup') attributes.push(each)
    else if (setup) attributes.push({ name: 'setup', value: setup })
  }
  return { ...ours, attributes }
}

/** RFC 4145 4.1; the connection that stands keeps its roles. */
function answerSetup(
  offered: Setup | undefined,
  ours: Setup | undefined,
  before: Setup | undefined,
): Setup | undefined {
  if (offered === undefined || offered === 'holdconn') return undefined
  if (offered === 'actpass' && (ours === 'active' || ours === 'passive')) return ours
  if (offered === 'actpass') return before === 'active' ? 'passive' : 'active'
  return offered === 'active' ? 'passive' : 'active'
}

function nextVersion(origin: string): string {
  const parts = origin.split(' ')
  parts[2] = String(BigInt(/^\d{1,19}$/.test(parts[2] ?? '') ? parts[2]! : '0') + 1n)
  return parts.join(' ')
}
