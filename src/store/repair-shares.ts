import { headKey, indexKey, NOTICE_TOTALS_KEY, noticeKey, pastPrefix, readU32, readU48, u32 } from './keys.ts'
import { decodeNoticeTotals, NO_NOTICES } from './notice-records.ts'
import { decodeHead, decodeIndex } from './records.ts'
import { COUNTED_ALL, type Held, NOTHING, OTHERS, type Share, sumOf, withShare } from './shares.ts'
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
  for (const { shares } of headsFrom(tables, 0)) {
    for (const { key, messages, bytes, receipts } of shares) {
      if (key !== OTHERS) sums.set(key, sumOf(sums.get(key) ?? NOTHING, { messages, bytes, receipts }))
    }
  }
  return sums
}

/** Counts at most so many mailboxes more for the sums over all of them. */
export function countSenders(tables: Tables, limit: number): void {
  const counted: Share[] = []
  let left = limit
  for (const { mailbox, shares } of headsFrom(tables, tables.senders.countedTo)) {
    if (left-- <= 0) return tables.senders.count(counted, mailbox)
    counted.push(...shares)
  }
  tables.senders.count(counted, COUNTED_ALL)
}

interface FoundHead {
  readonly mailbox: number
  readonly shares: readonly Share[]
}

/** Most mailboxes that have anything have a head, so each is looked for there, by one read. */
function* headsFrom(tables: Tables, first: number): Generator<FoundHead> {
  for (let next = first; ; ) {
    const found = tables.kv.range(headKey(next), pastPrefix('m'), { limit: 1 })[0]
    if (!found) return
    const mailbox = readU32(found.key, 1)
    const key = headKey(mailbox)
    next = found.key < key ? mailbox : mailbox + 1
    if (found.key === key) yield { mailbox, shares: decodeHead(key, found.value)?.shares ?? [] }
  }
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
