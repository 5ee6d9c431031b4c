import { headKey, indexKey, NOTICE_TOTALS_KEY, noticeKey, pastPrefix, readU32, readU48, u32 } from './keys.ts'
import { decodeNoticeTotals, NO_NOTICES } from './notice-records.ts'
import { decodeHead, decodeIndex } from './records.ts'
import { type Held, NOTHING, OTHERS, type Share, sumOf, withShare } from './shares.ts'
import { indexEnd, type Tables } from './tables.ts'
import { decodeUpload, reservedBy } from './upload-records.ts'

/** After the counters of notices were lost: farther than any id given out since the last one that is still to be seen. */
const GAP = 1_000_000

export function* mailboxes(tables: Tables): Generator<number> {
  for (let mailbox = 0; ; mailbox++) {
    const next = tables.kv.range(`m${u32(mailbox)}`, pastPrefix('m'), { limit: 1 })[0]
    if (!next) return
    mailbox = readU32(next.key, 1)
    yield mailbox
  }
}

/** Who has how much of a mailbox, by what waits in it and what is coming. */
export function sharesIn(tables: Tables, mailbox: number): readonly Share[] {
  let shares: readonly Share[] = []
  for (const { key, value } of tables.kv.range(indexKey(mailbox, 0), indexEnd(mailbox))) {
    const entry = decodeIndex(key, value)
    if (!entry) continue
    const by = entry.isReceipt ? { ...NOTHING, receipts: 1 } : { messages: 1, bytes: entry.size, receipts: 0 }
    shares = withShare(shares, entry.share, by)
  }
  for (const { key, value } of tables.kv.range('u', pastPrefix('u'))) {
    const upload = decodeUpload(key, value)
    if (upload?.mailbox !== mailbox) continue
    shares = withShare(shares, upload.share, { messages: 1, bytes: reservedBy(upload), receipts: 0 })
  }
  return shares
}

/** What each sender has waiting over all mailboxes. A head that is damaged counts once it is put right. */
export function sumsOfHeads(tables: Tables): Map<number, Held> {
  const sums = new Map<number, Held>()
  for (const mailbox of mailboxes(tables)) {
    const value = tables.kv.get(headKey(mailbox))
    const head = value && decodeHead(headKey(mailbox), value)
    for (const share of head?.shares ?? []) {
      const { key, messages, bytes, receipts } = share
      if (key !== OTHERS) sums.set(key, sumOf(sums.get(key) ?? NOTHING, { messages, bytes, receipts }))
    }
  }
  return sums
}

/** Nobody knows any more whom it was for. */
export function dropDamagedNotice(tables: Tables, id: number): void {
  tables.kv.remove(noticeKey(id))
  const value = tables.kv.get(NOTICE_TOTALS_KEY)
  const totals = value && decodeNoticeTotals(NOTICE_TOTALS_KEY, value)
  if (totals) tables.putNoticeTotals({ ...totals, waiting: totals.waiting - 1, lost: totals.lost + 1 })
}

export function noticeTotalsAgain(tables: Tables): void {
  const ids = tables.kv.range('n', pastPrefix('n')).map(({ key }) => readU48(key, 1))
  tables.putNoticeTotals({ ...NO_NOTICES, last: (ids.at(-1) ?? 0) + GAP, waiting: ids.length })
}
