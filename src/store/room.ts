import type { Box } from './keys.ts'
import { countSenders } from './repair-shares.ts'
import { COUNTED_ALL, heldIn, keyAmong, NOTHING, OTHERS, senderKey, senderRefusal, type Wanted } from './shares.ts'
import type { Tables } from './tables.ts'
import type { CustodyLimits, MessageIdentity, RefusalReason } from './verbs.ts'

/** Under which of the mailbox's shares a message from there is counted. */
export const shareOf = (
  tables: Tables,
  box: Box,
  from: Pick<MessageIdentity, 'sender' | 'fromTag'>,
  limits: CustodyLimits,
): number => keyAmong(tables.head(box).shares, senderKey(from, limits))

/**
 * Why so much more does not fit, beside what waits and what was promised to messages whose bytes are still coming. `share`: absent
 * where it is not known who sends it.
 */
export function refusalOf(
  tables: Tables,
  box: Box,
  share: number | undefined,
  wanted: Wanted,
  limits: CustodyLimits,
): RefusalReason | undefined {
  const head = tables.head(box)
  const { messages, bytes, receipts } = wanted
  const { quotaMessages, quotaBytes } = limits
  if (receipts > 0) {
    if (head.receipts + receipts > quotaMessages) return 'receipt quota'
  } else {
    if (messages > 0 && head.count + head.uploads + messages > quotaMessages) return 'message quota'
    if (head.bytes + head.reserved + bytes > quotaBytes) return 'byte quota'
  }
  if (share !== undefined && limits.sender) {
    if (tables.senders.countedTo < COUNTED_ALL) countSenders(tables, COUNTED_ALL)
    const overAll = share === OTHERS ? NOTHING : tables.senders.of(share)
    const reason = senderRefusal(limits, wanted, heldIn(head.shares, share), overAll)
    if (reason) return reason
  }
  return tables.freeBytes() - bytes < limits.reserveBytes ? 'flash reserve' : undefined
}
