import type { Now } from '../base/time.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { Refusal } from './refusal.ts'

/** What may be asked for by the method parameter of Refer-To; without one it is INVITE (RFC 3515 2.1). */
export type ReferredMethod = 'INVITE' | 'BYE'

/**
 * A REFER with nothing against it (RFC 3515, RFC 4488). It waits for exactly one of `accept` and `refuse`, now or later, of which the
 * first counts.
 */
export interface Referral {
  /** Unguessable and unique over restarts. */
  readonly id: string
  readonly request: SipRequest
  /** Address-of-record of whoever asks, as admitted. */
  readonly initiator: string
  /** HIS-REF-07: the SIP URI in Refer-To as it was spelled, less its method parameter and header fields; at most 1024 characters. */
  readonly referTo: string
  readonly method: ReferredMethod
  /** HIS-REF-03: URI of the Contact, the IM Session Identity, and the methods of Allow in upper case; none if it did not say. */
  readonly contact: string
  readonly allow: readonly string[]
  /** Whether its sender wants to hear of progress (HIS-REF-10, RFC 4488 4). */
  readonly isWatched: boolean
  /**
   * HIS-REF-09: answers 202, and tells of `100 Trying` if that is wanted. `begin` is called when the 202 has gone out: not before is
   * anything done about it. It is not called where there is no room for one more; the REFER was refused then.
   */
  accept(now: Now, begin: (now: Now) => void): void
  refuse(now: Now, refusal: Refusal): void
  /**
   * HIS-REF-10: how the request that was sent for it stands, as its latest response says. From 200 on it is the last word, and what
   * comes later is not told. Nothing happens where nobody listens (any more).
   */
  progress(now: Now, status: number, reason: string): void
}

/** What is done about REFERs, by whoever is referred. Called once for each. */
export type ReferralTaker = (now: Now, referral: Referral) => void
