import type { Now } from '../base/time.ts'
import type { ReceiptRequest } from '../content/imdn.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import type { ReceiptTerms } from '../store/verbs.ts'
import type { Sender } from './incoming.ts'

export interface ReceiptPolicy {
  /** Who tells it: `sip:store@domain`. */
  readonly storeUri: string
  /** Whether the URI is a user of this domain. */
  isOurs(uri: string): boolean
}

/**
 * What the sender of a message is told, if it is known who that is: somebody who proved it, or one of this domain, where what is told
 * stays in the house. A stranger's From may be anybody's address, who would be written to (docs/protocol.md). Answers to what the
 * store told are told nothing.
 */
export function receiptTerms(
  now: Now,
  asked: ReceiptRequest | undefined,
  { sender, recipient }: { readonly sender: Sender; readonly recipient: string },
  policy: ReceiptPolicy,
): ReceiptTerms | undefined {
  if (!asked || recipient === policy.storeUri || !isSipUser(sender.name)) return undefined
  if (!sender.isProven && !policy.isOurs(sender.name)) return undefined
  return { ...asked, dateTime: asked.dateTime ?? new Date(now.wall).toISOString() }
}

/** Anonymous is nobody, and a telephone number is nobody who gets a MESSAGE. */
function isSipUser(name: string): boolean {
  try {
    const { scheme, user } = parseUri(name)
    return (scheme === 'sip' || scheme === 'sips') && user !== undefined
  } catch (error) {
    if (error instanceof SipSyntaxError) return false
    throw error
  }
}
