import { whole } from './damage.ts'
import { decodeContent } from './history-records.ts'
import { type HistoryPlace, placeOfReference, REMOVED_MAX } from './history-story.ts'
import { entriesOf, HistoryTables, justBefore, partsOf, placeIn } from './history-tables.ts'
import type { Entry } from './key-value.ts'
import { leave } from './keyed-history.ts'
import { contentKey, historyGoneKey, justAfter, pastPrefix, readU32 } from './keys.ts'
import type { BodyPlace } from './shared-content.ts'
import type { Do, Tables } from './tables.ts'

/** Of a record of the item itself; those of its pieces have a number behind. */
const CONTENT_KEY_BYTES = 13

/** Content read at once while it is looked for what is too old: each may have 64 KiB. */
const EXPIRED_CHUNK = 16

export const removeHistory: Do<'history.remove'> = (tables, { aor, reference }) => {
  const box = tables.box(aor)
  const place = placeOfReference(reference)
  const entry = box && place && new HistoryTables(tables).entry(box.mailbox, place)
  if (!entry) return 'absent'
  leave(tables, box.mailbox, place, entry)
  return 'removed'
}

export const eraseHistory: Do<'history.erase'> = (tables, { aor, before, limit }) => {
  const box = tables.box(aor)
  if (!box) return { removed: 0, isDone: true }
  const [first, end] = entriesOf(box.mailbox)
  const start = before === undefined ? first : justBefore(box.mailbox, before)
  const most = Math.min(limit, REMOVED_MAX)
  const due = new HistoryTables(tables).entriesIn(box.mailbox, start, end, { limit: most + 1, reverse: true })
  const removed = due.slice(0, most)
  for (const { entry, ...place } of removed) leave(tables, box.mailbox, place, entry)
  return { removed: removed.length, isDone: removed.length === due.length }
}

/** By the content, which is there once, in order of time. */
export const expireHistory: Do<'history.expire'> = (tables, { before, limit }) => {
  const histories = new HistoryTables(tables)
  const most = Math.min(limit, REMOVED_MAX)
  let expired = 0
  for (const { place, owners, isPieced, body } of contentsBefore(tables, contentKey(before, 0))) {
    if (expired >= most) break
    for (const mailbox of owners) {
      const entry = histories.entry(mailbox, place)
      if (entry) leave(tables, mailbox, place, entry)
    }
    histories.removeContent(place, isPieced, body)
    expired++
  }
  return expired
}

interface Found {
  readonly place: HistoryPlace
  readonly owners: readonly number[]
  readonly isPieced: boolean
  readonly body: BodyPlace | undefined
}

/** Oldest first. Pieces, also of what is still to be swept, are passed over. */
function* contentsBefore(tables: Tables, end: string): Generator<Found> {
  for (let start = contentKey(0, 0); start < end; ) {
    const chunk: Entry[] = tables.kv.range(start, end, { limit: EXPIRED_CHUNK })
    if (chunk.length === 0) return
    for (const { key, value } of chunk) {
      const place = placeIn(key, 1)
      start = justAfter(key)
      if (key.length > CONTENT_KEY_BYTES) {
        start = partsOf(place)[1]
        break
      }
      const content = whole(decodeContent(key, value), { table: 'history content', place }, key, value)
      yield { place, owners: content.owners, isPieced: !content.piece, body: content.shared }
      if (!content.piece) {
        start = partsOf(place)[1]
        break
      }
    }
  }
}

/** Pieces that nobody's history has any more first, then the histories of removed accounts. */
export const sweepHistory: Do<'history.sweep'> = (tables, { limit }) => {
  const most = Math.min(limit, REMOVED_MAX)
  let left = most
  for (const { key } of tables.kv.range('i', pastPrefix('i'), { limit: REMOVED_MAX })) {
    if (left > 0) left -= sweepParts(tables, placeIn(key, 1), key, left)
  }
  for (const { key } of tables.kv.range('h', pastPrefix('h'), { limit: REMOVED_MAX })) {
    if (left > 0) left -= sweepGone(tables, readU32(key, 1), left)
  }
  return most - left
}

function sweepParts(tables: Tables, place: HistoryPlace, key: string, limit: number): number {
  const [start, end] = partsOf(place)
  const parts = tables.kv.range(start, end, { limit: limit + 1 })
  const removed = parts.slice(0, limit)
  for (const part of removed) tables.kv.remove(part.key)
  if (removed.length === parts.length) tables.kv.remove(key)
  return removed.length
}

function sweepGone(tables: Tables, mailbox: number, limit: number): number {
  const histories = new HistoryTables(tables)
  const entries = histories.oldest(mailbox, limit + 1)
  const removed = entries.slice(0, limit)
  for (const { entry, ...place } of removed) leave(tables, mailbox, place, entry)
  if (removed.length === entries.length) {
    histories.clearPeers(mailbox)
    tables.kv.remove(historyGoneKey(mailbox))
  }
  return removed.length
}
