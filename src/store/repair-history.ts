import type { WallTime } from '../base/time.ts'
import type { DamagedRecord } from './damage.ts'
import {
  decodeContent,
  decodeHeads,
  decodeHistory,
  decodeHistoryHead,
  decodeHistoryTotals,
  decodePieces,
  decodeRecording,
  type HistoryRecord,
} from './history-records.ts'
import { bytesOfPieces, endsIn, type HistoryPlace, headsSize, NO_DAY } from './history-story.ts'
import {
  entriesOf,
  entryKey,
  HistoryTables,
  headsKey,
  partsOf,
  placeIn,
  placeOfEntry,
  UNINDEXED_MAX,
} from './history-tables.ts'
import { nameHash } from './identities.ts'
import { scanned } from './key-value.ts'
import {
  contentKey,
  HISTORY_TOTALS_KEY,
  historyHeadKey,
  historyNameKey,
  historyPeerKey,
  pastPrefix,
  readU32,
  readU48,
  recordingKey,
} from './keys.ts'
import { decodeAccount } from './records.ts'
import { type BodyPlace, sizeOfContent } from './shared-content.ts'
import { EMPTY, type Tables } from './tables.ts'

/** After the numbers were lost: farther than any given out since the last one that is still to be seen. */
const GAP = 1_000_000

/** The newest items, by which the last number given out is guessed. */
const NEWEST_LOOKED_AT = 256

/** Records of pieces at once; each has some 64 KiB at most. */
const PARTS_CHUNK = 16

type DamagedHistory = Extract<DamagedRecord, { table: `history${string}` | `recording${string}` }>

/**
 * Puts histories right: an item that is damaged is no longer listed, or has less in it. Waiting messages are not touched. Reads
 * nothing that could be found damaged once more.
 */
export function repairHistory(tables: Tables, record: DamagedHistory, key: string): void {
  numbersAgain(tables)
  switch (record.table) {
    case 'history totals':
      return
    case 'history head':
      return countAgain(tables, record.mailbox)
    case 'history':
      return dropEntry(tables, record.mailbox, record.place)
    case 'history content':
      return dropItem(tables, record.place)
    case 'history pieces':
      tables.kv.remove(key)
      return cutShort(tables, record.place)
    case 'recording lost':
      return closeLost(tables, record.mailbox, record.place)
    default:
      tables.kv.remove(key)
  }
}

/** If they are damaged: no number is given out twice. */
function numbersAgain(tables: Tables): void {
  const value = tables.kv.get(HISTORY_TOTALS_KEY)
  if (!value || decodeHistoryTotals(HISTORY_TOTALS_KEY, value)) return
  const items = tables.kv.range('r', pastPrefix('r'), { limit: NEWEST_LOOKED_AT, reverse: true })
  const open = tables.kv.range('j', pastPrefix('j'))
  const ids = [...items.map(({ key }) => placeIn(key, 1).id), ...open.map(({ key }) => readU48(key, 1))]
  new HistoryTables(tables).putLast(Math.max(0, ...ids) + GAP)
}

/** From what is listed; what is damaged of it goes too. */
function countAgain(tables: Tables, mailbox: number): void {
  const aor = nameOfMailbox(tables, mailbox)
  if (aor === undefined) return tables.kv.remove(historyHeadKey(mailbox))
  let [items, bytes] = [0, 0]
  const newest: HistoryPlace[] = []
  for (const { key, value } of scanned(tables.kv, ...entriesOf(mailbox))) {
    const place = placeOfEntry(key)
    const entry = decodeHistory(key, value)
    if (!entry) {
      forget(tables, mailbox, place)
      continue
    }
    items++
    bytes += sizeNow(tables, place, entry)
    if (newest.length < UNINDEXED_MAX) newest.push(place)
  }
  for (const place of newest) putPeer(tables, mailbox, place)
  const histories = new HistoryTables(tables)
  const counts = { items, bytes, indexed: newest[0], unindexed: 0, day: NO_DAY }
  histories.putHead(mailbox, { aor, ...counts, change: histories.nextNumber() })
  if (items > 0) tables.kv.put(historyNameKey(aor), EMPTY)
}

/** The newest entries may not be in the index yet. */
function putPeer(tables: Tables, mailbox: number, place: HistoryPlace): void {
  const peer = entryOf(tables, mailbox, place)?.peer
  if (peer !== undefined) tables.kv.put(historyPeerKey(mailbox, nameHash(peer), place.at, place.id), EMPTY)
}

/** Nobody knows any more what it was; content that is damaged too goes when it is read, or too old. What the index by peer has of it leads to nothing. */
function dropEntry(tables: Tables, mailbox: number, place: HistoryPlace): void {
  const [head, content] = [headOf(tables, mailbox), contentOf(tables, place)]
  forget(tables, mailbox, place)
  if (head && content?.piece) new HistoryTables(tables).uncount(mailbox, head, place, sizeOfContent(content))
  else countAgain(tables, mailbox)
}

function forget(tables: Tables, mailbox: number, place: HistoryPlace): void {
  tables.kv.remove(entryKey(mailbox, place))
  const recording = recordingOf(tables, place.id)
  const others = recording?.owners.filter(owner => owner !== mailbox) ?? []
  if (recording && others.length > 0) new HistoryTables(tables).putRecording(place.id, { ...recording, owners: others })
  else tables.kv.remove(recordingKey(place.id))
  const content = contentOf(tables, place)
  if (content && !content.owners.some(owner => tables.kv.get(entryKey(owner, place))))
    dropContent(tables, place, content.shared)
}

/** From every history that has it. */
function dropItem(tables: Tables, place: HistoryPlace): void {
  let body: BodyPlace | undefined = contentOf(tables, place)?.shared
  for (const mailbox of mailboxesWithHistory(tables)) {
    const value = tables.kv.get(entryKey(mailbox, place))
    if (!value) continue
    const entry = decodeHistory(entryKey(mailbox, place), value)
    const head = headOf(tables, mailbox)
    const size = entry && sizeNow(tables, place, entry)
    body ??= entry?.body
    tables.kv.remove(entryKey(mailbox, place))
    if (entry) tables.kv.remove(historyPeerKey(mailbox, nameHash(entry.peer), place.at, place.id))
    if (head && size !== undefined) new HistoryTables(tables).uncount(mailbox, head, place, size)
    else countAgain(tables, mailbox)
  }
  tables.kv.remove(recordingKey(place.id))
  dropContent(tables, place, body)
}

function dropContent(tables: Tables, place: HistoryPlace, body: BodyPlace | undefined): void {
  const hasParts = tables.kv.range(...partsOf(place), { limit: 1 }).length > 0
  new HistoryTables(tables).removeContent(place, hasParts, body)
}

function cutShort(tables: Tables, place: HistoryPlace): void {
  for (const mailbox of contentOf(tables, place)?.owners ?? []) {
    const entry = entryOf(tables, mailbox, place)
    if (entry && entry.state !== 'open') rewrite(tables, mailbox, place, { ...entry, state: 'cut short' })
  }
}

/** What was counted of an open item was lost: it ends, with what is there. */
function closeLost(tables: Tables, mailbox: number, place: HistoryPlace): void {
  const { size, count, endedAt } = measured(tables, place)
  for (const owner of contentOf(tables, place)?.owners ?? [mailbox]) {
    const entry = entryOf(tables, owner, place)
    if (entry?.state !== 'open') continue
    new HistoryTables(tables).putEntry(owner, place, { ...entry, size, count, endedAt, state: 'interrupted' })
    countAgain(tables, owner)
  }
}

function rewrite(tables: Tables, mailbox: number, place: HistoryPlace, entry: HistoryRecord): void {
  const histories = new HistoryTables(tables)
  histories.putEntry(mailbox, place, entry)
  const head = headOf(tables, mailbox)
  if (head) histories.putHead(mailbox, { ...head, change: histories.nextNumber() })
}

function measured(tables: Tables, place: HistoryPlace): { size: number; count: number; endedAt: WallTime } {
  let [size, count, endedAt] = [0, 0, place.at]
  const last = headsKey(place)
  for (const { key, value } of scanned(tables.kv, ...partsOf(place), PARTS_CHUNK)) {
    if (key === last) size += headsSize(decodeHeads(key, value)?.heads ?? {})
    else {
      const pieces = decodePieces(key, value) ?? []
      size += bytesOfPieces(pieces)
      count += endsIn(pieces)
      endedAt = pieces.at(-1)?.at ?? endedAt
    }
  }
  return { size, count, endedAt }
}

/** Of an open one it is counted elsewhere; if that is lost, by its records. */
function sizeNow(tables: Tables, place: HistoryPlace, { state, size }: HistoryRecord): number {
  return state === 'open' ? (recordingOf(tables, place.id)?.size ?? measured(tables, place).size) : size
}

const entryOf = (tables: Tables, mailbox: number, place: HistoryPlace) =>
  decoded(tables, entryKey(mailbox, place), decodeHistory)
const contentOf = (tables: Tables, { at, id }: HistoryPlace) => decoded(tables, contentKey(at, id), decodeContent)
const recordingOf = (tables: Tables, id: number) => decoded(tables, recordingKey(id), decodeRecording)
const headOf = (tables: Tables, mailbox: number) => decoded(tables, historyHeadKey(mailbox), decodeHistoryHead)

function decoded<T>(tables: Tables, key: string, decode: (key: string, value: Buffer) => T | undefined): T | undefined {
  const value = tables.kv.get(key)
  return value && decode(key, value)
}

/** Of an account that is there. */
function nameOfMailbox(tables: Tables, mailbox: number): string | undefined {
  for (const { key, value } of scanned(tables.kv, 'a', pastPrefix('a'))) {
    const record = decodeAccount(key, value)
    if (record?.mailbox === mailbox) return record.account.aor
  }
  return undefined
}

/** Those of removed accounts too. */
function* mailboxesWithHistory(tables: Tables): Generator<number> {
  for (const { key } of scanned(tables.kv, 'h', pastPrefix('h'))) yield readU32(key, 1)
  for (const { key, value } of scanned(tables.kv, 'a', pastPrefix('a'))) {
    const mailbox = decodeAccount(key, value)?.mailbox
    if (mailbox !== undefined) yield mailbox
  }
}
