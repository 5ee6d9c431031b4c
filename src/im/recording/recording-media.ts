import type { Endpoint, Flow } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import { CapturingReceiver } from '../../msrp/capture.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { CapturedPiece } from '../../msrp/relay-types.ts'
import type { MsrpSession } from '../../msrp/session.ts'
import { parseMsrpUri } from '../../msrp/uri.ts'
import { usableFingerprints } from '../../sdp/fingerprint.ts'
import { type MsrpMedia, readAnswer } from '../../sdp/msrp-media.ts'
import { descriptionIn } from '../../sip/body-of-type.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import type { Hop } from '../../sip/transport.ts'
import type { SipResponse } from '../../sip-parser-lite/message.ts'
import type { Safe } from '../history/history-recorder.ts'
import { addressed } from '../msrp-address.ts'
import type { OwnAddresses } from '../own-addresses.ts'

interface MediaParts {
  readonly msrp: MsrpEndpoint
  readonly own: OwnAddresses
  readonly localFingerprint?: () => string
}

/** An MSRP session of ours that can be offered. */
export interface OfferedMedia {
  readonly msrp: MsrpSession
  /** The record cannot take more for now; beside what is held for SENDs without an answer. */
  hold(now: Now, isHeld: boolean): void
  readonly endpoint: Endpoint
  readonly fingerprint?: string
}

/** The answer to it. */
export interface AgreedMedia {
  readonly media: MsrpMedia
  /** Ours. */
  readonly role: 'active' | 'passive'
}

interface MediaEvents {
  /** `safe` with false: the SEND is never answered, as nobody has it. */
  onPiece(now: Now, piece: Pick<CapturedPiece, 'bytes' | 'isEnd'>, safe: Safe): void
  /** Connected: from now on nothing is missed. */
  onReady(now: Now): void
  onClosed(now: Now, reason: string): void
}

/** HIS-INV-10: every SEND as it comes, answered when it is on flash. Undefined: there is no MSRP that this peer could reach. */
export function openMedia(to: Flow | Hop, parts: MediaParts, events: MediaEvents): OfferedMedia | undefined {
  const { msrp, own, localFingerprint } = parts
  const transport = own.msrpTransport(to)
  const endpoint = own.msrpEndpoint(to, transport)
  if (!endpoint || (transport === 'tls' && !localFingerprint)) return undefined
  const holding = { record: false, answers: false }
  const settle = (now: Now): void => session.hold(now, holding.record || holding.answers)
  const receiver = new CapturingReceiver({
    onPiece: (now, piece, safe) =>
      events.onPiece(now, piece, (then, isKept) => {
        if (isKept) safe(then)
      }),
    onHold: (now, isHeld) => {
      holding.answers = isHeld
      settle(now)
    },
  })
  const session: MsrpSession = msrp.open(
    { onReady: now => events.onReady(now), onClosed: (now, reason) => events.onClosed(now, reason) },
    { receiver, transport, host: endpoint.address },
  )
  const hold = (now: Now, isHeld: boolean): void => {
    holding.record = isHeld
    settle(now)
  }
  return { msrp: session, hold, endpoint, ...(transport === 'tls' && { fingerprint: localFingerprint!() }) }
}

/** Why nothing can be recorded by that answer, in plain words. */
export function readMedia(response: SipResponse): AgreedMedia | string {
  const body = descriptionIn(response)
  if (!body) return 'No Session Description in the Answer'
  const answer = readAnswer(body, 'recvonly')
  if (answer.kind === 'refused') return `Answer Unusable: ${answer.why}`
  const { media, connects } = answer
  if (!media.path.every(parseMsrpUri)) return 'Answer Unusable: a=path is none of MSRP'
  // RFC 4975 14.4: nothing else says whose certificate it has to be.
  if (media.isSecure && !usableFingerprints(media.fingerprints)) return 'TLS without a Usable a=fingerprint'
  return { media, role: connects === 'answerer' ? 'passive' : 'active' }
}

/** Both descriptions are known. */
export function connectMedia(
  now: Now,
  msrp: MsrpSession,
  { media, role }: AgreedMedia,
  resolver: Resolver,
  lost: (now: Now) => void,
): void {
  const fingerprints = media.isSecure ? usableFingerprints(media.fingerprints) : undefined
  const start = { remotePath: media.path, role, ...(fingerprints && { fingerprints }) }
  addressed(now, resolver, start, (then, found) => {
    if (found) msrp.start(then, found)
    else lost(then)
  })
}
