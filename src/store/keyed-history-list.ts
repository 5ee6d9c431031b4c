import { whole } from './damage.ts'
import type { HistoryEntry, HistoryFilter, HistoryPiece } from './history.ts'
import type { HistoryRecord } from './history-records.ts'
import { decodePieces } from './history-records.ts'
import {
  clippedPeer,
  cursorOf,
  type HistoryPlace,
  historyMatcher,
  historyVersion,
  LIST_MAX,
  LOOKED_MAX,
  PIECES_BYTES_MAX,
  placeOfCursor,
  placeOfReference,
  referenceOf,
} from './history-story.ts'
import {
  entriesOf,
  entryKey,
  HEADS_NUMBER,
  HistoryTables,
  headsKey,
  justBefore,
  type PlacedEntry,
} from './history-tables.ts'
import { nameHash } from './identities.ts'
import { scanned } from './key-value.ts'
import { recordingOf } from './keyed-history.ts'
import {
  historyKey,
  historyNameKey,
  historyPeerKey,
  justAfter,
  nameOf,
  pastPrefix,
  piecesKey,
  readU32,
} from './keys.ts'
import { wholePiece } from './shared-content.ts'
import type { Do, Tables } from './tables.ts'

/** Entries read at once. */
const CHUNK = 256

/** Records of pieces read at once; each has some 64 KiB at most. */
const PIECES_CHUNK = 16

type Order = 'oldest' | 'newest'

/** Keys of a table between which a page lies. */
interface Between {
  readonly low: string
  readonly high: string
}

/** Places on a page. Both bounds are places of no item: the low one is past, the high one not reached. */
interface Span {
  readonly since: number
  readonly until: number | undefined
  readonly after: HistoryPlace | undefined
  readonly order: Order
}

export const listHistory: Do<'history.list'> = (tables, { aor, filter, order, after, limit }) => {
  const box = tables.box(aor)
  const cursor = after === undefined ? undefined : placeOfCursor(after)
  if (!box || (after !== undefined && !cursor)) return { entries: [] }
  const most = Math.min(limit, LIST_MAX)
  const span = { since: filter.since ?? 0, until: filter.until, after: cursor, order }
  const matches = historyMatcher(filter)
  const entries: HistoryEntry[] = []
  let looked = 0
  let last: HistoryPlace | undefined
  for (const found of candidates(tables, box.mailbox, filter, span, Math.min(most + 1, CHUNK))) {
    if (looked >= LOOKED_MAX || entries.length >= most) return last ? { entries, next: cursorOf(last) } : { entries }
    looked++
    last = found
    if (matches(found.entry)) entries.push(listed(tables, box.mailbox, found, found.entry))
  }
  return { entries }
}

function candidates(
  tables: Tables,
  mailbox: number,
  { peer, kind, subject }: HistoryFilter,
  span: Span,
  few: number,
): Iterable<PlacedEntry> {
  const histories = new HistoryTables(tables)
  const chunk = kind === undefined && subject === undefined ? few : CHUNK
  const [first, end] = entriesOf(mailbox)
  const all = entriesWithin(span, first, end, mailbox)
  if (peer === undefined) return entriesBetween(histories, mailbox, all, span.order, chunk)
  return ofPeer(histories, mailbox, clippedPeer(peer), span, all, chunk)
}

/** The newest entries are looked through, as the index has them not; none is in both. */
function* ofPeer(
  histories: HistoryTables,
  mailbox: number,
  peer: string,
  span: Span,
  all: Between,
  chunk: number,
): Generator<PlacedEntry> {
  const indexed = histories.head(mailbox)?.indexed
  const newest = { low: all.low, high: indexed ? lower(all.high, entryKey(mailbox, indexed)) : all.high }
  if (span.order === 'newest') yield* matching(entriesBetween(histories, mailbox, newest, span.order, CHUNK), peer)
  if (indexed) yield* indexedOf(histories, mailbox, peer, indexed, span, chunk)
  if (span.order === 'oldest') yield* matching(entriesBetween(histories, mailbox, newest, span.order, CHUNK), peer)
}

function* matching(entries: Iterable<PlacedEntry>, peer: string): Generator<PlacedEntry> {
  for (const found of entries) if (found.entry.peer === peer) yield found
}

function* indexedOf(
  histories: HistoryTables,
  mailbox: number,
  peer: string,
  indexed: HistoryPlace,
  span: Span,
  chunk: number,
): Generator<PlacedEntry> {
  const hash = nameHash(peer)
  const first = historyPeerKey(mailbox, hash, 0, 0)
  const end = justAfter(historyPeerKey(mailbox, hash, indexed.at, indexed.id))
  const bounds = placesWithin(span, first, end, (at, id) => historyPeerKey(mailbox, hash, at, id))
  const keyOf = ({ at, id }: HistoryPlace): string => historyPeerKey(mailbox, hash, at, id)
  const read = (low: string, high: string, reverse: boolean) =>
    histories.placesOfPeer(low, high, { limit: chunk, reverse })
  for (const place of chunked(bounds, span.order === 'newest', chunk, keyOf, read)) {
    const entry = histories.entry(mailbox, place)
    if (entry?.peer === peer) yield { ...place, entry }
  }
}

const entriesBetween = (
  histories: HistoryTables,
  mailbox: number,
  bounds: Between,
  order: Order,
  chunk: number,
): Iterable<PlacedEntry> =>
  chunked(
    bounds,
    order === 'oldest',
    chunk,
    place => entryKey(mailbox, place),
    (low, high, reverse) => histories.entriesIn(mailbox, low, high, { limit: chunk, reverse }),
  )

function* chunked<T extends HistoryPlace>(
  { low, high }: Between,
  reverse: boolean,
  chunk: number,
  keyOf: (place: HistoryPlace) => string,
  read: (low: string, high: string, reverse: boolean) => T[],
): Generator<T> {
  for (let [start, end] = [low, high]; start < end; ) {
    const found = read(start, end, reverse)
    yield* found
    if (found.length < chunk) return
    const last = keyOf(found.at(-1)!)
    if (reverse) end = last
    else start = justAfter(last)
  }
}

/** Of a table that has the newest first, and all between `first` and `end`. */
function entriesWithin({ since, until, after, order }: Span, first: string, end: string, mailbox: number): Between {
  let [low, high] = [first, since > 0 ? justAfter(historyKey(mailbox, since, 0)) : end]
  if (until !== undefined) low = justBefore(mailbox, until)
  if (after && order === 'oldest') high = lower(high, entryKey(mailbox, after))
  if (after && order === 'newest') low = higher(low, justAfter(entryKey(mailbox, after)))
  return { low, high }
}

/** Of one that has the oldest first. */
function placesWithin(span: Span, first: string, end: string, keyOf: (at: number, id: number) => string): Between {
  const { since, until, after, order } = span
  let [low, high] = [since > 0 ? keyOf(since, 0) : first, end]
  if (until !== undefined) high = lower(high, keyOf(Math.max(0, until), 0))
  if (after && order === 'oldest') low = higher(low, justAfter(keyOf(after.at, after.id)))
  if (after && order === 'newest') high = lower(high, keyOf(after.at, after.id))
  return { low, high }
}

const lower = (a: string, b: string): string => (a < b ? a : b)
const higher = (a: string, b: string): string => (a > b ? a : b)

/** What of an open item is counted elsewhere comes from there. */
function listed(tables: Tables, mailbox: number, { at, id }: HistoryPlace, entry: HistoryRecord): HistoryEntry {
  const { isPieced: _, others: __, body: ___, ...rest } = entry
  const open = entry.state === 'open' ? recordingOf(tables, mailbox, { at, id }) : undefined
  const reference = referenceOf({ at, id }, tables.surroundings.hostname)
  return { ...rest, receivedAt: at, reference, ...(open && { size: open.size, count: open.count }) }
}

function find(tables: Tables, aor: string, reference: string): (PlacedEntry & { mailbox: number }) | undefined {
  const box = tables.box(aor)
  const place = placeOfReference(reference)
  const entry = box && place && new HistoryTables(tables).entry(box.mailbox, place)
  return entry && { ...place, entry, mailbox: box.mailbox }
}

export const getHistory: Do<'history.get'> = (tables, { aor, reference }) => {
  const found = find(tables, aor, reference)
  if (!found) return undefined
  const { heads, participants } = new HistoryTables(tables).heads(found)
  return { entry: listed(tables, found.mailbox, found, found.entry), heads, participants }
}

export const readPieces: Do<'history.pieces'> = (tables, { aor, reference, from, bytes }) => {
  const found = find(tables, aor, reference)
  if (!found) return undefined
  const pieces: HistoryPiece[] = []
  let [total, next] = [0, from]
  for (const { number, piece } of piecesFrom(tables, found, found.entry.isPieced, from)) {
    total += piece.bytes.length
    if (pieces.length > 0 && total > Math.min(bytes, PIECES_BYTES_MAX)) return { pieces, next, isLast: false }
    pieces.push(piece)
    next = number + 1
  }
  return { pieces, next, isLast: true }
}

/** In order. Numbers are left out where a damaged record of some was set aside. */
function* piecesFrom(
  tables: Tables,
  place: HistoryPlace,
  isPieced: boolean,
  from: number,
): Generator<{ number: number; piece: HistoryPiece }> {
  if (!isPieced) {
    const piece = wholePiece(tables, place, new HistoryTables(tables).content(place))
    if (piece && from <= 0) yield { number: 0, piece }
    return
  }
  const { at, id } = place
  const [first, end] = [piecesKey(at, id, 0), headsKey(place)]
  const wanted = piecesKey(at, id, Math.min(Math.max(0, from), HEADS_NUMBER))
  const holder = tables.kv.range(first, lower(end, justAfter(wanted)), { limit: 1, reverse: true })[0]
  for (const { key, value } of scanned(tables.kv, holder?.key ?? wanted, end, PIECES_CHUNK)) {
    const number = readU32(key, 13)
    const pieces = whole(decodePieces(key, value), { table: 'history pieces', place }, key, value)
    for (const [i, piece] of pieces.entries()) if (number + i >= from) yield { number: number + i, piece }
  }
}

export const historySummary: Do<'history.summary'> = (tables, { aor }) => {
  const box = tables.box(aor)
  if (!box) return undefined
  const histories = new HistoryTables(tables)
  const head = histories.head(box.mailbox)
  const oldestAt = histories.oldest(box.mailbox, 1)[0]?.at
  if (!head || oldestAt === undefined) return { items: 0, bytes: 0, version: historyVersion(0, 0, undefined) }
  const { items, bytes, change } = head
  return { items, bytes, version: historyVersion(items, change, oldestAt), oldestAt }
}

export const historyOwners: Do<'history.owners'> = (tables, { after, limit }) => {
  const start = after === undefined ? historyNameKey('') : justAfter(historyNameKey(after))
  const most = Math.min(limit, LIST_MAX)
  return tables.kv.range(start, pastPrefix('v'), { limit: most }).flatMap(({ key }) => {
    const aor = nameOf(key)
    const box = tables.box(aor)
    const head = box && new HistoryTables(tables).head(box.mailbox)
    return head ? [{ aor, items: head.items, bytes: head.bytes }] : []
  })
}
