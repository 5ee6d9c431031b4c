import type { Box, Tables } from './tables.ts'
import type { CustodyLimits, RefusalReason } from './verbs.ts'

/** Why so much more does not fit, beside what waits and what was promised to messages whose bytes are still coming. */
export function refusalOf(
  tables: Tables,
  box: Box,
  more: { readonly messages: number; readonly bytes: number },
  limits: CustodyLimits,
): RefusalReason | undefined {
  const head = tables.head(box)
  if (more.messages > 0 && head.count + head.uploads + more.messages > limits.quotaMessages) return 'message quota'
  if (head.bytes + head.reserved + more.bytes > limits.quotaBytes) return 'byte quota'
  return tables.freeBytes() - more.bytes < limits.reserveBytes ? 'flash reserve' : undefined
}
