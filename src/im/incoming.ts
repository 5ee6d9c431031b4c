import type { Identity } from '../sip/identity.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { callId, cseq, fromTag } from '../sip-parser-lite/typed.ts'
import type { MessageIdentity } from '../store/verbs.ts'
import type { Terms } from './terms.ts'

/** A MESSAGE on its way to a user of this domain. */
export interface Incoming {
  /** Ours to change: identity headers settled, our routes, credentials and what the network must strip taken out. */
  readonly request: SipRequest
  /** Address-of-record. */
  readonly recipient: string
  readonly sender: Identity
  readonly terms: Terms
  /** The core found the user absent before it came to us, so it is not sent back there. */
  readonly isFromCore: boolean
}

/** What a duplicate has in common with the message that it repeats (RFC 3261 8.2.2.2). */
export const messageIdentity = (request: SipRequest, recipient: string): MessageIdentity => ({
  recipient,
  callId: callId(request),
  cseq: cseq(request).seq,
  fromTag: fromTag(request) ?? '',
})
