import type { Now } from '../base/time.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'

/** Exactly one of onFailed, onAnswered and onCancelled comes, never within `relay` itself. */
export interface RelayEvents {
  /**
   * Nobody took the call: the best response (RFC 3261 16.7 step 6), ready to go to the caller, or `no answer` when somebody kept
   * silent until the limit or could not be reached. The INVITE is not answered yet: that is for the layer above to do.
   */
  onFailed(now: Now, answer: SipResponse | 'no answer'): void
  /** The first 2xx went to the caller. */
  onAnswered(now: Now): void
  /** The caller gave up; it has its 487. */
  onCancelled(now: Now): void
}
