import type { Now } from '../base/time.ts'
import type { Referral } from '../sip/referral-types.ts'

/** What REFER to the history function is for: it decides on each (HIS-REF-06..10), and carries out what it accepts. */
export interface ReferredFunction {
  /** One REFER to the function by a user of ours, with nothing against it so far. Exactly one of `accept` and `refuse` is called on it. */
  refer(now: Now, referral: Referral): void
}
