import type { Flow } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import type { SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import type { Via } from '../../sip-parser-lite/typed.ts'

/** A request that waits for its answer, as its user sees it. */
export interface ServerTransaction {
  /** Unique among the transactions that exist. */
  readonly id: string
  readonly request: SipRequest
  /** Where the request came from. */
  readonly flow: Flow
  readonly isInvite: boolean
  readonly state: string
  /** Any number of provisional responses, then one final; what comes after that is dropped, further 2xx to an INVITE excepted. */
  respond(now: Now, response: SipResponse): void
  /** Set by the user: the INVITE was cancelled, answer 487. If it is not set the layer answers 487. */
  onCancel?: ((now: Now) => void) | undefined
  /** Set by the user: the response could not be sent. */
  onTransportError?: ((now: Now) => void) | undefined
  /** Set by the user: Timer H, a final response of 300 or more got no ACK. A 2xx is repeated and given up by the user (RFC 6026). */
  onAckTimeout?: ((now: Now) => void) | undefined
}

/** What a server machine needs of the layer. */
export interface ServerOwner {
  readonly timers: Timers
  encode(response: SipResponse): Buffer
  /** It has its final response. A 2xx that an INVITE gets again is none. */
  answered(machine: ServerMachine, status: number): void
  /** False if it could not be sent. */
  send(now: Now, machine: ServerMachine, bytes: Buffer): boolean
  sendTrying(now: Now, machine: ServerMachine): void
  /** A non-INVITE on an unreliable transport has its answer: only that is kept, until Timer J. */
  completed(now: Now, machine: ServerMachine, bytes: Buffer | undefined, status: number): void
  /** An INVITE got a final response of 300 or more and waits for the ACK. */
  refused(now: Now, machine: ServerMachine): void
  /** An INVITE got a 2xx, which its user repeats until the ACK; the machine only absorbs what comes again. */
  accepted(now: Now, machine: ServerMachine): void
  terminated(now: Now, machine: ServerMachine): void
  /** The user went against RFC 4320, or never answered. */
  suppressed(machine: ServerMachine, what: 'provisional' | '408' | 'unanswered'): void
}

export interface ServerMachine extends ServerTransaction {
  readonly via: Via
  /** RFC 3261 8.2.2.2: what a merged request has in common with this one; absent when the request had a To tag. */
  readonly mergeKey: string | undefined
  start(now: Now): void
  /** Ends it at once, to make room. */
  stop(now: Now): void
  /** The same request again. */
  retransmitted(now: Now): void
}

/** Where a request came from and under what it is known. */
export interface Arrival {
  readonly key: string
  readonly request: SipRequest
  readonly flow: Flow
  readonly via: Via
}
