import { bytesIn } from './extents.ts'
import type { KeyValue } from './key-value.ts'
import {
  blockKey,
  bodyKey,
  headKey,
  indexKey,
  justAfter,
  pastPrefix,
  readU32,
  readU48,
  sweepKey,
  UPLOAD_TOTALS_KEY,
  uploadKey,
} from './keys.ts'
import { decodeBody, decodeHead, decodeIndex, type LargeExtent } from './records.ts'
import { sharesIn, sumsOfHeads } from './repair-shares.ts'
import { toSweep } from './sweep.ts'
import { indexEnd, type Tables } from './tables.ts'
import { decodeUpload, decodeUploadTotals, reservedBy, type UploadRecord } from './upload-records.ts'

/** After the counters of uploads were lost: farther than any number given out since the last one that is still to be seen. */
const GAP = 1_000_000

/** The upload ends, and its sender begins again: what had come of it, or what was known of it, is damaged. */
export function dropDamagedUpload(tables: Tables, upload: number, mailboxes: Iterable<number>): void {
  tables.kv.remove(uploadKey(upload))
  toSweep(tables, upload, blocksThere(tables.kv, upload))
  for (const mailbox of mailboxes) {
    const value = tables.kv.get(headKey(mailbox))
    const head = value && decodeHead(headKey(mailbox), value)
    if (!head || head.uploads === 0) continue
    tables.putHead(mailbox, { ...head, ...reservedIn(tables, mailbox), shares: sharesIn(tables, mailbox) })
  }
  tables.senders.replace(sumsOfHeads(tables))
  const value = tables.kv.get(UPLOAD_TOTALS_KEY)
  const totals = value && decodeUploadTotals(UPLOAD_TOTALS_KEY, value)
  if (totals) tables.putUploadTotals({ ...totals, promised: promised(tables) })
}

/** What the keys still say of blocks that are to be removed. */
export const sweepAgain = (tables: Tables, upload: number): void => {
  tables.kv.remove(sweepKey(upload))
  toSweep(tables, upload, blocksThere(tables.kv, upload))
}

export const uploadTotalsAgain = (tables: Tables): void => {
  const last = Math.max(...['c', 'g', 'u'].map(table => lastUpload(tables.kv, table)))
  tables.putUploadTotals({ last: last + GAP, promised: promised(tables) })
}

/** Counters of a mailbox's head. */
export function reservedIn(tables: Tables, mailbox: number): { uploads: number; reserved: number } {
  const own = readable(tables).filter(record => record.mailbox === mailbox)
  return { uploads: own.length, reserved: own.reduce((sum, record) => sum + reservedBy(record), 0) }
}

/** After a message was lost with all that told where its bytes lie: blocks that nothing leads to go. */
export function sweepOrphans(tables: Tables, mailboxes: Iterable<number>): void {
  const { kv } = tables
  if (kv.range('c', pastPrefix('c'), { limit: 1 }).length === 0) return
  const held = new Set<number>()
  for (const table of ['g', 'u']) for (const { key } of kv.range(table, pastPrefix(table))) held.add(readU48(key, 1))
  for (const mailbox of mailboxes) {
    for (const { key, value } of kv.range(indexKey(mailbox, 0), indexEnd(mailbox))) {
      const large = largeOf(kv, readU48(key, 6), key, value)
      if (large) held.add(large.upload)
    }
  }
  for (let start = 'c'; ; ) {
    const next = kv.range(start, pastPrefix('c'), { limit: 1 })[0]
    if (!next) return
    const upload = readU48(next.key, 1)
    if (!held.has(upload)) toSweep(tables, upload, blocksThere(kv, upload))
    start = justAfter(blockKey(upload, 0xffffffff))
  }
}

function largeOf(kv: KeyValue, seq: number, key: string, value: Buffer): LargeExtent | undefined {
  const entry = decodeIndex(key, value)
  if (entry) return entry.large
  const body = kv.get(bodyKey(seq))
  return body && decodeBody(bodyKey(seq), body)?.large
}

/** Up to the last one, as blocks stand in order. */
function blocksThere(kv: KeyValue, upload: number): number {
  const end = justAfter(blockKey(upload, 0xffffffff))
  const last = kv.range(blockKey(upload, 0), end, { limit: 1, reverse: true })[0]
  return last ? readU32(last.key, 7) + 1 : 0
}

function lastUpload(kv: KeyValue, table: string): number {
  const last = kv.range(table, pastPrefix(table), { limit: 1, reverse: true })[0]
  return last ? readU48(last.key, 1) : 0
}

const promised = (tables: Tables): number =>
  readable(tables).reduce((sum, { reserved, extents }) => sum + reserved - bytesIn(extents), 0)

/** Those whose record is whole. */
const readable = (tables: Tables): UploadRecord[] =>
  tables.kv.range('u', pastPrefix('u')).flatMap(({ key, value }) => decodeUpload(key, value) ?? [])
