import { whole } from './damage.ts'
import type { HistoryPiece } from './history.ts'
import {
  type ContentRecord,
  decodeContent,
  decodeHeads,
  decodeHistory,
  decodeHistoryHead,
  decodeHistoryTotals,
  decodePeer,
  decodeRecording,
  encodeContent,
  encodeHeads,
  encodeHistory,
  encodeHistoryHead,
  encodeHistoryTotals,
  encodePieces,
  encodeRecording,
  type HeadsRecord,
  type HistoryHead,
  type HistoryRecord,
  NO_HEADS,
  NO_HISTORY,
  type RecordingRecord,
} from './history-records.ts'
import { dayWith, type HistoryPlace, isBefore, NO_DAY, packed } from './history-story.ts'
import { nameHash } from './identities.ts'
import type { Entry, RangeOptions } from './key-value.ts'
import {
  type Box,
  contentKey,
  HISTORY_TOTALS_KEY,
  historyHeadKey,
  historyKey,
  historyNameKey,
  historyPeerKey,
  indexKey,
  justAfter,
  leftoverKey,
  NUMBER_MAX,
  pastPrefix,
  piecesKey,
  readU48,
  recordingKey,
} from './keys.ts'
import { type BodyPlace, releaseBody } from './shared-content.ts'
import { EMPTY, type Tables } from './tables.ts'

/** The last of all numbers of pieces; there are never so many. */
export const HEADS_NUMBER = 0xffffffff

/** Entries that the index by peer may lack: what reads by peer looks through them, and one message of so many writes the index for all. */
export const UNINDEXED_MAX = 64

/** One for each damaged entry, so few or a medium past using. */
const CLEARED_MAX = 256

export interface PlacedEntry extends HistoryPlace {
  readonly entry: HistoryRecord
}

export const placeIn = (key: string, at: number): HistoryPlace => ({
  at: readU48(key, at) as HistoryPlace['at'],
  id: readU48(key, at + 6),
})

/** Where a place stands in the key of an entry, and in one of the index by peer. */
const [IN_ENTRY, IN_INDEX] = [6, 12]

export const placeOfEntry = (key: string): HistoryPlace => {
  const { at, id } = placeIn(key, IN_ENTRY)
  return { at: (NUMBER_MAX - at) as HistoryPlace['at'], id: NUMBER_MAX - id }
}

export const entryKey = (mailbox: number, { at, id }: HistoryPlace): string => historyKey(mailbox, at, id)
export const headsKey = ({ at, id }: HistoryPlace): string => piecesKey(at, id, HEADS_NUMBER)

/** All entries of an owner stand from the first to before the second, the newest first. */
export const entriesOf = (mailbox: number): readonly [string, string] => [
  historyKey(mailbox, NUMBER_MAX, NUMBER_MAX),
  pastPrefix(historyKey(mailbox, 0, 0)),
]

/** From here on stand those received before that time. */
export const justBefore = (mailbox: number, before: number): string =>
  before > 0 ? historyKey(mailbox, before - 1, NUMBER_MAX) : entriesOf(mailbox)[1]

/** Everything of an item beside its own record: pieces, then heads. */
export const partsOf = (place: HistoryPlace): readonly [string, string] => [
  piecesKey(place.at, place.id, 0),
  justAfter(headsKey(place)),
]

/** The records of histories inside one transaction, checked on every read. */
export class HistoryTables {
  readonly #tables: Tables

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** For an item, or a change of a history. */
  nextNumber(): number {
    const { last } =
      this.#tables.read(HISTORY_TOTALS_KEY, decodeHistoryTotals, { table: 'history totals' }) ?? NO_HISTORY
    this.putLast(last + 1)
    return last + 1
  }

  putLast(last: number): void {
    const totals = { last }
    this.#tables.kv.putRecord(HISTORY_TOTALS_KEY, totals, () => encodeHistoryTotals(HISTORY_TOTALS_KEY, totals))
  }

  /** Undefined: nothing ever was in it, or the account is gone. */
  head(mailbox: number): HistoryHead | undefined {
    return this.#tables.read(historyHeadKey(mailbox), decodeHistoryHead, { table: 'history head', mailbox })
  }

  /** The owner of one without items is not listed; it stays for what was new today. */
  putHead(mailbox: number, head: HistoryHead): void {
    const key = historyHeadKey(mailbox)
    const put = head.items > 0 ? head : { ...head, indexed: undefined, unindexed: 0 }
    this.#tables.kv.putRecord(key, put, () => encodeHistoryHead(key, put))
    if (head.items > 0) return
    this.#tables.kv.remove(historyNameKey(head.aor))
    this.clearPeers(mailbox)
  }

  /** What the index by peer has of entries that were damaged leads to nothing; it goes with the last entry. */
  clearPeers(mailbox: number): void {
    const [start, end] = [historyPeerKey(mailbox, 0, 0, 0), indexKey(mailbox, 0)]
    for (const { key } of this.#tables.kv.range(start, end, { limit: CLEARED_MAX })) this.#tables.kv.remove(key)
  }

  entry(mailbox: number, place: HistoryPlace): HistoryRecord | undefined {
    const key = entryKey(mailbox, place)
    const value = this.#tables.kv.get(key)
    return value && whole(decodeHistory(key, value), { table: 'history', mailbox, place }, key, value)
  }

  /** At most so many, the oldest first. */
  oldest(mailbox: number, limit: number): PlacedEntry[] {
    return this.entriesIn(mailbox, ...entriesOf(mailbox), { limit, reverse: true })
  }

  entriesIn(mailbox: number, start: string, end: string, options: RangeOptions): PlacedEntry[] {
    return this.#tables.kv.range(start, end, options).map(({ key, value }) => {
      const place = placeOfEntry(key)
      return { ...place, entry: whole(decodeHistory(key, value), { table: 'history', mailbox, place }, key, value) }
    })
  }

  /** Those that the index by peer may lack among them. */
  putEntry(mailbox: number, place: HistoryPlace, entry: HistoryRecord): void {
    const key = entryKey(mailbox, place)
    this.#tables.kv.put(key, encodeHistory(key, entry))
  }

  removeEntry(mailbox: number, place: HistoryPlace, peer: string): void {
    this.#tables.kv.remove(entryKey(mailbox, place))
    this.#tables.kv.remove(historyPeerKey(mailbox, nameHash(peer), place.at, place.id))
  }

  /** As the index has them; entries may be gone. */
  placesOfPeer(start: string, end: string, options: RangeOptions): HistoryPlace[] {
    return this.#tables.kv.range(start, end, options).map(({ key }) => placeIn(key, IN_INDEX))
  }

  /** The head as it is once the entry, which was put before, is counted. */
  addEntry(box: Box, place: HistoryPlace, { peer, size }: HistoryRecord, change: number): void {
    const { mailbox, aor } = box
    const { items = 0, bytes = 0, indexed, unindexed = 0, day = NO_DAY } = this.head(mailbox) ?? {}
    if (items === 0) this.#tables.kv.put(historyNameKey(aor), EMPTY)
    const counts = { items: items + 1, bytes: bytes + size, day: dayWith(day, place.at, size) }
    const head = { aor, ...counts, change, indexed, unindexed }
    if (isIndexed(indexed, place)) {
      this.#putPeer(mailbox, place, peer)
      this.putHead(mailbox, head)
    } else if (unindexed + 1 < UNINDEXED_MAX) this.putHead(mailbox, { ...head, unindexed: unindexed + 1 })
    else this.putHead(mailbox, { ...head, indexed: this.#indexAfter(mailbox, indexed), unindexed: 0 })
  }

  /** The same when an entry of that size has gone. */
  uncount(mailbox: number, head: HistoryHead, place: HistoryPlace, size: number): void {
    const unindexed = head.unindexed - (isIndexed(head.indexed, place) ? 0 : 1)
    const counts = { items: head.items - 1, bytes: head.bytes - size, unindexed }
    this.putHead(mailbox, { ...head, ...counts, change: this.nextNumber() })
  }

  /** Up to where it is written now. */
  #indexAfter(mailbox: number, indexed: HistoryPlace | undefined): HistoryPlace | undefined {
    const [first, last] = entriesOf(mailbox)
    const end = indexed ? entryKey(mailbox, indexed) : last
    const entries = this.#tables.kv.range(first, end, { limit: UNINDEXED_MAX })
    for (const { key, value } of entries) {
      const place = placeOfEntry(key)
      this.#putPeer(mailbox, place, whole(decodePeer(key, value), { table: 'history', mailbox, place }, key, value))
    }
    return entries[0] && placeOfEntry(entries[0].key)
  }

  #putPeer(mailbox: number, { at, id }: HistoryPlace, peer: string): void {
    this.#tables.kv.put(historyPeerKey(mailbox, nameHash(peer), at, id), EMPTY)
  }

  content(place: HistoryPlace): ContentRecord {
    const key = contentKey(place.at, place.id)
    const value = this.#tables.kv.get(key)
    return whole(value && decodeContent(key, value), { table: 'history content', place }, key, value ?? EMPTY)
  }

  putContent({ at, id }: HistoryPlace, record: ContentRecord): void {
    const key = contentKey(at, id)
    this.#tables.kv.put(key, encodeContent(key, record))
  }

  /** The record goes; what else there is of it, by the sweep. */
  removeContent({ at, id }: HistoryPlace, isPieced: boolean, body: BodyPlace | undefined): void {
    this.#tables.kv.remove(contentKey(at, id))
    if (body) releaseBody(this.#tables, body)
    if (isPieced) this.#tables.kv.put(leftoverKey(at, id), EMPTY)
  }

  heads(place: HistoryPlace): HeadsRecord {
    const key = headsKey(place)
    const value = this.#tables.kv.get(key)
    return value ? whole(decodeHeads(key, value), { table: 'history heads', place }, key, value) : NO_HEADS
  }

  putHeads(place: HistoryPlace, record: HeadsRecord): void {
    const key = headsKey(place)
    this.#tables.kv.put(key, encodeHeads(key, record))
  }

  putPieces({ at, id }: HistoryPlace, first: number, pieces: readonly HistoryPiece[]): void {
    let number = first
    for (const pack of packed(pieces)) {
      const key = piecesKey(at, id, number)
      this.#tables.kv.put(key, encodePieces(key, pack))
      number += pack.length
    }
  }

  recording(id: number): RecordingRecord | undefined {
    return this.#tables.read(recordingKey(id), decodeRecording, { table: 'recording', id })
  }

  putRecording(id: number, record: RecordingRecord): void {
    const key = recordingKey(id)
    this.#tables.kv.putRecord(key, record, () => encodeRecording(key, record))
  }

  removeRecording(id: number): void {
    this.#tables.kv.remove(recordingKey(id))
  }

  /** All of them: as many as sessions are being recorded. */
  recordings(): { id: number; record: RecordingRecord }[] {
    return this.#tables.kv.range('j', 'k').map(({ key, value }: Entry) => {
      const id = readU48(key, 1)
      return { id, record: whole(decodeRecording(key, value), { table: 'recording', id }, key, value) }
    })
  }
}

const isIndexed = (indexed: HistoryPlace | undefined, place: HistoryPlace): boolean =>
  indexed !== undefined && !isBefore(indexed, place)
