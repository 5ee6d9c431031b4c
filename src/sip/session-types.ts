import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Flow, Transport } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'

/** Where a request goes: over a flow that exists, or to an address. */
export type Target = Flow | { readonly transport: Transport; readonly address: string; readonly port: number }

/** What a session needs of the transaction layer. */
interface SessionLayer {
  /** Events come later, never from within this call. */
  request(now: Now, request: SipRequest, to: Target, events: RequestEvents): SentRequest
  send(now: Now, request: SipRequest, to: Target): void
}

export interface RequestEvents {
  onResponse(now: Now, response: SipResponse): void
  onTimeout(now: Now): void
  onTransportError(now: Now, reason: string): void
}

export interface SentRequest {
  cancel(now: Now): void
  abandon(): void
}

export interface ReceivedRequest {
  respond(now: Now, response: SipResponse): void
}

/** What all sessions of an appliance share. */
export interface SessionContext {
  readonly timers: Timers
  readonly entropy: Entropy
  readonly layer: SessionLayer
  readonly counters: Counters
  readonly log: Log
  /** User-Agent of requests and Server of responses. */
  readonly userAgent: string
  /**
   * RFC 3263 for a request of a dialog whose route set or remote target leads elsewhere than its INVITE went.
   * `undefined` when there is no address. Without it every request of a dialog goes where its INVITE went.
   */
  locate?(now: Now, uri: string, done: (now: Now, target: Target | undefined) => void): void
  /** Whether what is sent on that flow can still arrive. Without it every flow is taken to be alive. */
  isAlive?(flow: Flow): boolean
}

/** A first request of ours, which makes a dialog. */
export interface OwnRequestOptions {
  readonly requestUri: string
  /** To and From values without tags, e.g. `<sip:bob@example.org>`. */
  readonly to: string
  readonly from: string
  /** Our Contact value towards this target, e.g. `<sip:im@192.0.2.10:5060>;+g.oma.sip-im;automata`. */
  readonly contact: string
  /** Route values, first hop first. */
  readonly routes?: readonly string[]
  /** A flow is kept for the whole dialog where no route set leads elsewhere: a peer behind a NAT is reachable by nothing else. */
  readonly target: Target
  /** Whatever else it carries. In an INVITE Allow, Supported and User-Agent here stand in place of ours. */
  readonly headers?: readonly (readonly [name: string, value: string])[]
}

export interface InviteOptions extends OwnRequestOptions {
  readonly body: Buffer
  readonly contentType: string
  /** The session description alone, where `body` has it as one part of several: for a peer that answers 415, and for refreshes. */
  readonly plain?: { readonly contentType: string; readonly body: Buffer }
  /** Seconds without a final answer after which the INVITE is cancelled. */
  readonly ringLimitS: number
  /** RFC 4028: seconds, at least 90; 0 for no session timer. */
  readonly sessionExpiresS: number
}

/**
 * Why a confirmed session ended. `bye`: the peer's BYE. `local`: ours, answered or given up. `timer`: it was not
 * refreshed in time. `gone`: the peer knows the dialog no more, or does not answer. `transport`: it cannot be
 * reached. `refused`: an INVITE to us was answered with a failure after all, there was never a session.
 */
export type EndReason = 'bye' | 'local' | 'timer' | 'gone' | 'transport' | 'refused'

/** First any onProgress, then either onRefused, or onAnswered and, once, onEnded. */
export interface SessionEvents {
  onProgress?(now: Now, response: SipResponse): void
  /** The 2xx is acknowledged already. */
  onAnswered(now: Now, response: SipResponse): void
  /**
   * The final answer of 300 or more; 408 when there was none, 487 when
   * we gave up, 503 when it could not be sent (RFC 3261 8.1.3.1).
   */
  onRefused(now: Now, status: number, reason: string, response: SipResponse | undefined): void
  /** The peer's, in the confirmed session; onEnded follows. */
  onBye?(now: Now, request: SipRequest): void
  onEnded(now: Now, why: EndReason): void
}

/** What we answer to an INVITE that we accept. */
export interface AcceptOptions {
  /** Our Contact value towards the caller, e.g. `<sip:im@192.0.2.10:5060>;automata`. */
  readonly contact: string
  /** Our SDP. */
  readonly body: Buffer
  readonly contentType: string
  /** Whatever else the 200 carries. Allow, Supported and Server here stand in place of ours. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The caller's SDP where it is not the whole body of the INVITE. */
  readonly remoteSdp?: Buffer
}

/** Each at most once; none but `onAnswer` within `accept` itself. */
export interface AcceptEvents {
  /** The 200, as it goes out. */
  onAnswer?(now: Now, response: SipResponse): void
  /** The ACK is here. */
  onConfirmed(now: Now): void
  /** The peer's, or ours; onEnded follows. */
  onBye?(now: Now, request: SipRequest): void
  onEnded(now: Now, why: EndReason): void
}
