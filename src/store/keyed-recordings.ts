import type { WallTime } from '../base/time.ts'
import type { HistoryState } from './history.ts'
import type { RecordingRecord } from './history-records.ts'
import {
  boundedParticipants,
  bytesOfPieces,
  checkHeads,
  checkPieces,
  dayWith,
  endsIn,
  fitsItem,
  hasHeads,
  headsSize,
  historyTime,
} from './history-story.ts'
import { HistoryTables } from './history-tables.ts'
import { begin, leave, mailboxesOf, makeRoom, overLimit, wantedBy } from './keyed-history.ts'
import type { Do, Tables } from './tables.ts'

/** HIS-STO-02..04: an item whose pieces come later; the recording has its number. */
export const openHistory: Do<'history.open'> = (tables, request) => {
  const { item, owners, heads, limits, isAskedFor, isFromStranger = false } = request
  checkHeads(heads)
  const wanting = wantedBy(tables, item, owners, limits, isAskedFor)
  if (wanting.length === 0) return 'unwanted'
  const size = headsSize(heads)
  if (tables.freeBytes() - size < limits.reserveBytes) return 'flash reserve'
  const beginning = { size, count: 0, state: 'open', isPieced: true, isFromStranger } as const
  const { place, holders, outcomes } = begin(tables, item, wanting, limits, beginning)
  if (!place) return { outcomes }
  const histories = new HistoryTables(tables)
  const mailboxes = mailboxesOf(holders)
  histories.putContent(place, { owners: mailboxes })
  if (hasHeads(heads)) histories.putHeads(place, { heads, participants: [] })
  histories.putRecording(place.id, { at: place.at, owners: mailboxes, size, pieces: 0, count: 0, isFromStranger })
  return { record: place.id, outcomes }
}

export const appendHistory: Do<'history.append'> = (tables, { record: id, pieces, limits }) => {
  checkPieces(pieces)
  const histories = new HistoryTables(tables)
  const record = histories.recording(id)
  if (!record) return 'gone'
  if (pieces.length === 0) return 'kept'
  const bytes = bytesOfPieces(pieces)
  const isFull = tables.freeBytes() - bytes < limits.reserveBytes
  if (isFull || !fitsItem(record, pieces, limits.quotaBytes)) {
    end(tables, id, record, 'cut short', pieces.at(-1)!.at)
    return 'full'
  }
  const place = { at: record.at, id }
  const at = historyTime(pieces.at(-1)!.at, tables.totals().clockFloor)
  const { isFromStranger } = record
  for (const mailbox of record.owners) {
    const why = overLimit(tables, mailbox, { at, size: bytes, isFromStranger }, limits)
    if (why === undefined) continue
    const aor = histories.head(mailbox)?.aor ?? ''
    end(tables, id, record, 'cut short', pieces.at(-1)!.at)
    return { aor, passedOver: why }
  }
  let evicted = 0
  for (const mailbox of record.owners) evicted += makeRoom(tables, mailbox, bytes, limits, place)
  histories.putPieces(place, record.pieces, pieces)
  grow(tables, record, bytes, at)
  histories.putRecording(id, {
    ...record,
    size: record.size + bytes,
    pieces: record.pieces + pieces.length,
    count: record.count + endsIn(pieces),
  })
  return evicted > 0 ? { evicted } : 'kept'
}

export const closeHistory: Do<'history.close'> = (tables, request) => {
  const { record: id, at, keep, state = 'whole', heads = {}, participants = [] } = request
  checkHeads(heads)
  const histories = new HistoryTables(tables)
  const record = histories.recording(id)
  if (!record) return 'gone'
  const place = { at: record.at, id }
  if (!keep) {
    for (const mailbox of record.owners) {
      const entry = histories.entry(mailbox, place)
      if (entry) leave(tables, mailbox, place, entry)
    }
    return 'closed'
  }
  const given = histories.heads(place).heads
  const all = { ...given, ...heads }
  const people = boundedParticipants(participants)
  if (hasHeads(heads) || people.length > 0) histories.putHeads(place, { heads: all, participants: people })
  const bytes = headsSize(all) - headsSize(given)
  grow(tables, record, bytes, historyTime(at, tables.totals().clockFloor))
  end(tables, id, { ...record, size: record.size + bytes }, state, at)
  return 'closed'
}

/** All of them, as nobody who recorded them is there any more. */
export const recoverHistory: Do<'history.recover'> = (tables, { at }) => {
  const open = new HistoryTables(tables).recordings()
  for (const { id, record } of open) end(tables, id, record, 'interrupted', at)
  return open.length
}

function grow(tables: Tables, { owners }: RecordingRecord, bytes: number, at: WallTime): void {
  const histories = new HistoryTables(tables)
  for (const mailbox of bytes === 0 ? [] : owners) {
    const head = histories.head(mailbox)
    const day = head && dayWith(head.day, at, Math.max(0, bytes))
    if (head && day) histories.putHead(mailbox, { ...head, bytes: head.bytes + bytes, day })
  }
}

/** Its entries get what was counted while it was open. */
function end(tables: Tables, id: number, record: RecordingRecord, state: HistoryState, endedAt: WallTime): void {
  const { at, owners, size, count } = record
  const histories = new HistoryTables(tables)
  for (const mailbox of owners) endFor(tables, mailbox, { at, id }, { size, count, state, endedAt })
  histories.removeRecording(id)
}

function endFor(
  tables: Tables,
  mailbox: number,
  place: { readonly at: WallTime; readonly id: number },
  ended: { readonly size: number; readonly count: number; readonly state: HistoryState; readonly endedAt: WallTime },
): void {
  const histories = new HistoryTables(tables)
  const entry = histories.entry(mailbox, place)
  const head = histories.head(mailbox)
  if (entry) histories.putEntry(mailbox, place, { ...entry, ...ended })
  if (head) histories.putHead(mailbox, { ...head, change: histories.nextNumber() })
}
