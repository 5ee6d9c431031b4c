import type { Endpoint, Transport } from '../base/flow.ts'
import type { Now, WallTime } from '../base/time.ts'

/** RFC 3261 10.3: one contact of an address-of-record, with the flow it was registered over (RFC 5626). */
export interface Binding {
  /** Contact URI as registered, latin1. */
  readonly contact: string
  /** Contact header parameters as registered, feature tags included, e.g. `;q=0.7;+g.oma.sip-im`. */
  readonly params: string
  /** `+sip.instance` without quotes; with `regId` it is the binding's key instead of the contact (RFC 5626 6). */
  readonly instance?: string
  readonly regId?: number
  /** Thousandths, 0 to 1000; 1000 when absent. */
  readonly q: number
  readonly callId: string
  readonly cseq: number
  /** When it was registered or last refreshed. */
  readonly registeredAt: WallTime
  readonly expiresAt: WallTime
  /** RFC 3327 Path values, first hop first. */
  readonly path: readonly string[]
  /** Where the REGISTER came from. A stream flow is good only for as long as the process that accepted it. */
  readonly flow: {
    readonly id: string
    readonly transport: Transport
    readonly local: Endpoint
    readonly remote: Endpoint
  }
  /** On another host than the one that registered it (docs/protocol.md): the flow does not lead there. */
  readonly isElsewhere?: true
  readonly userAgent?: string
  /** `+g.oma.sip-im` was among the contact's parameters, in any spelling (DM-DLV-01). */
  readonly isInstantMessaging: boolean
}

/** Without a clock to be trusted nothing has expired. */
export const currentBindings = (bindings: readonly Binding[], now: Now): readonly Binding[] =>
  now.isWallTrusted ? bindings.filter(binding => binding.expiresAt > now.wall) : bindings
