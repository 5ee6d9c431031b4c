import { noticeKey, pastPrefix } from './keys.ts'
import { NOTICES_MAX } from './story.ts'
import type { Do, Tables } from './tables.ts'
import type { Notice } from './verbs.ts'

/** In the transaction of what it tells. Where too many wait it is counted alone. */
export function writeNotice(tables: Tables, notice: Omit<Notice, 'id'>): void {
  const { last, waiting, lost } = tables.noticeTotals()
  if (waiting >= NOTICES_MAX) return tables.putNoticeTotals({ last, waiting, lost: lost + 1 })
  tables.putNotice({ id: last + 1, ...notice })
  tables.putNoticeTotals({ last: last + 1, waiting: waiting + 1, lost })
}

export const listNotices: Do<'notices'> = (tables, { limit, afterId }) =>
  tables.noticesBetween(noticeKey(afterId + 1), pastPrefix('n'), limit)

export const endNotice: Do<'notice.done'> = (tables, { id }) => {
  const key = noticeKey(id)
  if (!tables.kv.get(key)) return 'absent'
  tables.kv.remove(key)
  const totals = tables.noticeTotals()
  tables.putNoticeTotals({ ...totals, waiting: totals.waiting - 1 })
  return 'done'
}
