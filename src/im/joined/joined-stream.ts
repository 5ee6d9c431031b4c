import type { Endpoint } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { CapturedPiece, MsrpRelay } from '../../msrp/relay-types.ts'
import { parseMsrpUri } from '../../msrp/uri.ts'
import { usableFingerprints } from '../../sdp/fingerprint.ts'
import { isMsrp, type MsrpMedia, obstacleInPath, readMsrp, whoConnects } from '../../sdp/msrp-media.ts'
import { relayedPath } from '../../sdp/relayed-path.ts'
import { parseSdp, SdpSyntaxError } from '../../sdp/sdp.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import type { CallSide } from '../../sip/relay-types.ts'
import type { Target } from '../../sip/session-types.ts'
import { addressed } from '../msrp-address.ts'
import type { OwnAddresses } from '../own-addresses.ts'

export interface StreamContext {
  readonly msrp: MsrpEndpoint
  readonly own: OwnAddresses
  readonly resolver: Resolver
  /** Of our MSRP over TLS, if there is one. */
  readonly localFingerprint?: () => string
}

/** Where the signalling of each side comes from and goes to. */
export type Sides = Readonly<Record<CallSide, Target>>

interface StreamEvents {
  onPiece(now: Now, piece: CapturedPiece): void
  onClosed(now: Now, reason: string): void
}

/** The one stream of messages in this description that is not refused. Why there is none to be joined, in plain words. */
export function streamIn(body: Buffer): MsrpMedia | string | undefined {
  const sdp = understood(() => parseSdp(body))
  if (!sdp) return undefined
  const open = sdp.media.flatMap((media, index) => (isMsrp(media) && media.port !== 0 ? [index] : []))
  const [index] = open
  if (index === undefined) return undefined
  return open.length > 1 ? 'several streams of messages' : readMsrp(sdp, index)
}

function understood<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof SdpSyntaxError) return undefined
    throw error
  }
}

/** One MSRP session of two others, which comes through the box from its offer on. */
export class JoinedStream {
  readonly #context: StreamContext
  readonly #relay: MsrpRelay
  readonly #endpoints: Readonly<Record<CallSide, Endpoint>>
  readonly #isSecure: boolean
  readonly #media = new Map<CallSide, MsrpMedia>()
  #isStarted = false
  #isClosed = false

  private constructor(
    context: StreamContext,
    relay: MsrpRelay,
    endpoints: Readonly<Record<CallSide, Endpoint>>,
    isSecure: boolean,
  ) {
    this.#context = context
    this.#endpoints = endpoints
    this.#isSecure = isSecure
    this.#relay = relay
  }

  /** For an offer with this stream. A text says why it cannot be joined. */
  static open(context: StreamContext, sides: Sides, offered: MsrpMedia, events: StreamEvents): JoinedStream | string {
    const { isSecure, path, fingerprints } = offered
    const transport = isSecure ? 'tls' : 'tcp'
    const obstacle = obstacleInPath(offered)
    if (obstacle !== undefined) return obstacle
    if (parseMsrpUri(path[0]!)?.transport !== 'tcp') return 'MSRP over something else than TCP'
    const [caller, callee] = [sides.caller, sides.callee].map(to => context.own.msrpEndpoint(to, transport))
    if (!caller || !callee) return `no MSRP listener for ${transport} here`
    if (isSecure && !(context.localFingerprint && usableFingerprints(fingerprints))) return 'TLS without a fingerprint'
    const legs = { caller: { transport, host: caller.address }, callee: { transport, host: callee.address } } as const
    const relay = context.msrp.relay(legs, events)
    return relay ? new JoinedStream(context, relay, { caller, callee }, isSecure) : 'too many MSRP sessions'
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#relay.state === 'closed'
  }

  /** Whether this side has said the same before, so that the other one may be told the same again. */
  isAsBefore(from: CallSide, { path }: MsrpMedia): boolean {
    return this.#media.get(from)?.path.join(' ') === path.join(' ')
  }

  /** The description as the other side shall have it, noted until there is another one; undefined when it cannot be changed. */
  describe(from: CallSide, media: MsrpMedia, body: Buffer): Buffer | undefined {
    const to = otherSide(from)
    const { localFingerprint } = this.#context
    const changed = understood(() =>
      relayedPath(body, media.index, {
        path: this.#relay.pathFor(to),
        endpoint: this.#endpoints[to],
        ...(this.#isSecure && localFingerprint && { fingerprint: localFingerprint() }),
      }),
    )
    if (changed) this.#media.set(from, media)
    return changed
  }

  /** Both have said where they are; `answerer` decided who connects (RFC 6135 4.2). */
  start(now: Now, answerer: CallSide): void {
    const answered = this.#media.get(answerer)
    if (!answered || this.#isStarted) return
    this.#isStarted = true
    const isToAnswerer = whoConnects(answered.setup) === 'offerer'
    this.#startLeg(now, answerer, isToAnswerer ? 'active' : 'passive')
    this.#startLeg(now, otherSide(answerer), isToAnswerer ? 'passive' : 'active')
  }

  hold(now: Now, isHeld: boolean): void {
    this.#relay.hold(now, isHeld)
  }

  close(now: Now): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#relay.close(now)
  }

  #startLeg(now: Now, side: CallSide, role: 'active' | 'passive'): void {
    const { path: remotePath, fingerprints } = this.#media.get(side)!
    const usable = this.#isSecure ? usableFingerprints(fingerprints) : undefined
    const start = { remotePath, role, ...(usable && { fingerprints: usable }) }
    addressed(now, this.#context.resolver, start, (then, found) => {
      // Without an address the leg fails by itself, as one whose peer is not there.
      if (!this.isClosed) this.#relay.startLeg(then, side, found ?? start)
    })
  }
}

export const otherSide = (side: CallSide): CallSide => (side === 'caller' ? 'callee' : 'caller')
