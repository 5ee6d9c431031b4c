import { headFields } from '../../content/head-fields.ts'
import { type SummaryHeader, summaryGroup } from '../../content/message-summary.ts'
import type { Verbs } from '../../store/verbs.ts'

type Listed = Verbs['mailbox']['reply'][number]

/** DM-MWI-03: of the stored request, besides the store's own name for it. */
const BEFORE_ID = ['To', 'From', 'Date', 'Subject', 'Priority'] as const
const ASSERTED = 'P-Asserted-Identity'

/** The header lines of one message; what it does not have has no line. `usedPercent`: with it the mailbox got nearly full. */
export function groupOf({ head, storeId, sender }: Listed, usedPercent: number | undefined): Buffer {
  const fields = headFields(head ?? Buffer.alloc(0))
  const line = (name: string): SummaryHeader[] => {
    const value = fields.get(name.toLowerCase())
    return value === undefined || value === '' ? [] : [[name, value]]
  }
  return summaryGroup([
    ...BEFORE_ID.flatMap(line),
    ['Message-ID', storeId],
    // DM-STO-04: nothing is stored of it either.
    ...(sender === 'anonymous' ? [] : line(ASSERTED)),
    ...(usedPercent === undefined ? [] : [['Mailbox-Usage', `${usedPercent}%`] as const]),
  ])
}
