import type { SipRequest } from '../sip-parser-lite/message.ts'
import { callId, cseq, fromTag } from '../sip-parser-lite/typed.ts'
import type { MessageIdentity } from '../store/verbs.ts'
import type { HistoryMaker, Said } from './history/history-desk.ts'
import type { Terms } from './terms.ts'

/** Who it is from, as far as is known. */
export interface Sender {
  /** Asserted URI, else the From URI; `anonymous` where privacy was asked for (DM-STO-04). */
  readonly name: string
  /** By digest, or by a trusted peer. */
  readonly isProven: boolean
}

/** A MESSAGE on its way to a user of this domain. */
export interface Incoming {
  /** Ours to change: identity headers settled, our routes, credentials and what the network must strip taken out. */
  readonly request: SipRequest
  /** Address-of-record. */
  readonly recipient: string
  readonly sender: Sender
  readonly terms: Terms
  /** The core found the user absent before it came to us, so it is not sent back there. */
  readonly isFromCore: boolean
  /** The box's own word to a sender, which no limit for senders is for. */
  readonly isOwn?: true
  /** For histories; absent where it goes into none. */
  readonly said?: Said
  /** Somebody wants it in their history. */
  readonly history?: HistoryMaker
}

type Arrived = Pick<Incoming, 'request' | 'recipient' | 'sender'>

/** What a duplicate has in common with the message that it repeats (RFC 3261 8.2.2.2). */
export const messageIdentity = ({ request, recipient, sender }: Arrived): MessageIdentity => ({
  recipient,
  sender: sender.name,
  callId: callId(request),
  cseq: cseq(request).seq,
  // A space is in no tag of the wire.
  fromTag: `${sender.isProven ? '' : ' '}${fromTag(request) ?? ''}`,
})
