import type { Now } from '../base/time.ts'
import type { SipMessage, SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import type { Target } from './session-types.ts'

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

export type CallSide = 'caller' | 'callee'

/** Of a layer above that has a part in the media of a call, and so in its session descriptions. */
export interface RelayedMedia {
  /** The INVITE is about to go to one more target. Undefined: the media with that one are nobody's but the phones'. */
  branch(now: Now, to: Target): BranchMedia | undefined
}

/** What passes between the caller and whoever is at one target of the INVITE. */
export interface BranchMedia {
  /**
   * This message goes on from that side: the INVITE, responses to it but 100, and all that passes in the dialogs they make. It is a copy
   * whose body may be replaced; what comes again has to become the same again. `tag`: the callee's, which tells dialogs from each other;
   * absent before there is one. `request`: what a response is to.
   */
  pass(now: Now, message: SipMessage, from: CallSide, tag: string | undefined, request?: SipRequest): void
  /** Whether a 2xx to the INVITE that makes that dialog may go on: one for whose media there is no way is hung up on here. */
  takes(tag: string): boolean
  /** Nothing passes in that dialog any more: its BYE was answered, or it was not heard of for too long. */
  ended(now: Now, tag: string, why: 'bye' | 'silence'): void
  /** Nobody there took the call, or somebody else was faster. */
  failed(now: Now): void
}
