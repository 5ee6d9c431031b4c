import type { Now } from '../base/time.ts'
import type { MsrpStart } from './session.ts'

/**
 * How a session between two others passes through us (RFC 4976, without AUTH: both were told of us in SDP):
 *
 *   const relay = endpoint.relay({ caller: { transport: 'tcp' }, callee: { transport: 'tcp' } }, events)
 *   offer on its way to the callee:  a=path:  relay.pathFor('callee') + ' ' + the caller's own path
 *   answer on its way to the caller: a=path:  relay.pathFor('caller') + ' ' + the callee's own path
 *   relay.startLeg(now, 'caller', { remotePath: the caller's own path, role: what we do towards the caller })
 *   relay.startLeg(now, 'callee', { remotePath: the callee's own path, role: what we do towards the callee })
 *   relay.close(now) at BYE
 *
 * `sdp/relayed-path.ts` makes the descriptions and says the roles. Either may connect and send before its leg is started: what it sends
 * waits, bounded. A leg is started once; a peer that moves to another path has begun another MSRP session, hence another relay.
 */
export type RelaySide = 'caller' | 'callee'

interface RelayLegOptions {
  readonly transport?: 'tcp' | 'tls'
  /** The peer's a=fingerprint values, if they are known; else with `startLeg`. */
  readonly fingerprints?: readonly string[]
  /** Host of the path that it is given; numeric IPv6 without brackets. Absent: that of the endpoint. */
  readonly host?: string
}

export interface RelayOptions {
  readonly caller: RelayLegOptions
  readonly callee: RelayLegOptions
}

/** Octets of a SEND as it was received: start line, every header in order with its value, body, end-line. */
export interface CapturedPiece<From = RelaySide> {
  readonly from: From
  /** 1 to 65,536; the listener's to keep. */
  readonly bytes: Buffer
  /** The request ends with it. The pieces of one request follow each other, those of the two sides may alternate. */
  readonly isEnd: boolean
}

export interface RelayEvents {
  /**
   * Every SEND that is passed on and says something: not one that only binds or keeps alive. Nothing waits for the listener unless it holds. A
   * request whose connection breaks has no piece with `isEnd`; one with more octets than it said ends as abandoned (`#`).
   */
  onPiece?(now: Now, piece: CapturedPiece): void
  /** Over for any cause but our own `close`; once. */
  onClosed(now: Now, reason: string): void
}

export interface MsrpRelay {
  /** `ready` while both sides are connected; `closed` from the start where there may be no more of them. */
  readonly state: 'new' | 'ready' | 'closed'
  /** What `side` is given to reach us; unguessable. */
  pathFor(side: RelaySide): string
  startLeg(now: Now, side: RelaySide, options: MsrpStart): void
  /** The listener cannot take more for now: nothing is read from either side, but what was read before still comes. */
  hold(now: Now, isHeld: boolean): void
  /** Senders are told what was not answered, or waits for a side that never came, as failed; `onClosed` is not called. */
  close(now: Now): void
}
