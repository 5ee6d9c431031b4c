import { whole } from './damage.ts'
import type { HistoryItem, HistoryLimits, HistoryOwner, HistoryState, NewHistory } from './history.ts'
import type { HistoryRecord } from './history-records.ts'
import {
  boundedItem,
  boundedOwners,
  checkPieces,
  EVICTED_MAX,
  type HistoryPlace,
  historyTime,
  isHistoryWanted,
  isWithinBounds,
  referenceOf,
  roomMade,
} from './history-story.ts'
import { entriesOf, entryKey, HistoryTables } from './history-tables.ts'
import { type Box, historyGoneKey, historyHeadKey, historyNameKey } from './keys.ts'
import { type BodyPlace, sharedBytes } from './shared-content.ts'
import { type Do, EMPTY, type Tables } from './tables.ts'

/** Somebody of ours who wants it kept. */
interface Holder {
  readonly box: Box
  readonly owner: HistoryOwner
}

/** What an item begins with. */
interface Beginning {
  readonly size: number
  readonly count: number
  readonly state: HistoryState
  readonly isPieced: boolean
  readonly body?: BodyPlace
}

/** A message in its mailbox, as it will be pushed. */
interface WaitingBody extends BodyPlace {
  readonly bytes: Buffer
}

/** HIS-STO-01: entries of all owners and the content, once, in one transaction. */
export const keepHistory: Do<'history.keep'> = (tables, request) => {
  checkPieces([request.piece])
  const kept = keepItem(tables, request)
  if (kept === 'flash reserve') return kept
  if (!kept) return []
  const reference = referenceOf(kept.place, tables.surroundings.hostname)
  return kept.holders.map(({ box }) => ({ aor: box.aor, reference }))
}

/** Undefined: nobody wants it. */
function keepItem(
  tables: Tables,
  { item, owners, piece, limits }: NewHistory,
  body?: WaitingBody,
): { place: HistoryPlace; holders: readonly Holder[] } | 'flash reserve' | undefined {
  const holders = wantedBy(tables, item, owners, limits)
  if (holders.length === 0) return undefined
  const bytes = piece.bytes.subarray(0, limits.quotaBytes)
  if (tables.freeBytes() - bytes.length < limits.reserveBytes) return 'flash reserve'
  const state = bytes.length < piece.bytes.length ? 'cut short' : 'whole'
  const of = body && { mailbox: body.mailbox, seq: body.seq }
  const beginning = { size: bytes.length, count: 1, state, isPieced: false, ...(of && { body: of }) } as const
  const place = begin(tables, item, holders, limits, beginning)
  const shared = body && of && { ...of, ...sharedBytes(body.bytes, bytes) }
  const own = shared ? bytes.subarray(shared.prefix, bytes.length - shared.suffix) : bytes
  const content = { owners: mailboxesOf(holders), piece: { ...piece, bytes: own }, ...(shared && { shared }) }
  new HistoryTables(tables).putContent(place, content)
  return { place, holders }
}

/** What goes with a message must not fail it. Undefined: it is not kept; otherwise the body has to be. */
export function keepWithCustody(tables: Tables, history: NewHistory, body: WaitingBody): HistoryPlace | undefined {
  const kept = isWithinBounds(history) ? keepItem(tables, history, body) : undefined
  return kept === 'flash reserve' ? undefined : kept?.place
}

export function wantedBy(
  tables: Tables,
  { kind }: HistoryItem,
  owners: readonly HistoryOwner[],
  { isActiveByDefault }: HistoryLimits,
  isAskedFor = false,
): Holder[] {
  return boundedOwners(owners).flatMap(owner => {
    const account = tables.account(owner.aor)
    if (!account || !(isAskedFor || isHistoryWanted(account, kind, isActiveByDefault))) return []
    return [{ owner, box: { aor: owner.aor, mailbox: account.mailbox } }]
  })
}

export const mailboxesOf = (holders: readonly Holder[]): number[] => holders.map(({ box }) => box.mailbox)

/** The entries of all owners, and room made for them. */
export function begin(
  tables: Tables,
  item: HistoryItem,
  holders: readonly Holder[],
  limits: HistoryLimits,
  beginning: Beginning,
): HistoryPlace {
  const histories = new HistoryTables(tables)
  const id = histories.nextNumber()
  const at = historyTime(item.receivedAt, tables.totals().clockFloor)
  const place = { at, id }
  for (const { box } of holders) makeRoom(tables, box.mailbox, beginning.size, limits)
  const known = { ...boundedItem(item), ...beginning }
  const mailboxes = mailboxesOf(holders)
  for (const { box, owner } of holders) {
    const { role, peer } = owner
    const entry = { ...known, role, peer, others: mailboxes.filter(mailbox => mailbox !== box.mailbox) }
    histories.putEntry(box.mailbox, place, entry)
    histories.addEntry(box, place, entry, id)
  }
  return place
}

/** The oldest items of the owner give way, some more than needed at a time, and no more than a transaction should remove. */
export function makeRoom(
  tables: Tables,
  mailbox: number,
  size: number,
  { quotaBytes }: HistoryLimits,
  except?: HistoryPlace,
): void {
  const histories = new HistoryTables(tables)
  const bytesNow = (): number => histories.head(mailbox)?.bytes ?? 0
  const target = roomMade(bytesNow(), size, quotaBytes)
  if (target === undefined) return
  const oldest = histories
    .oldest(mailbox, EVICTED_MAX + 1)
    .filter(({ at, id }) => at !== except?.at || id !== except.id)
  for (const { entry, ...place } of oldest.slice(0, EVICTED_MAX)) {
    if (bytesNow() <= target) return
    leave(tables, mailbox, place, entry)
  }
}

/** An item leaves one history; with the last one its content goes. */
export function leave(tables: Tables, mailbox: number, place: HistoryPlace, entry: HistoryRecord): void {
  const histories = new HistoryTables(tables)
  const recording = entry.state === 'open' ? recordingOf(tables, mailbox, place) : undefined
  const head = histories.head(mailbox)
  histories.removeEntry(mailbox, place, entry.peer)
  if (head) histories.uncount(mailbox, head, place, recording?.size ?? entry.size)
  if (recording) {
    const owners = recording.owners.filter(owner => owner !== mailbox)
    if (owners.length > 0) histories.putRecording(place.id, { ...recording, owners })
    else histories.removeRecording(place.id)
  }
  if (!entry.others.some(other => tables.kv.get(entryKey(other, place))))
    histories.removeContent(place, entry.isPieced, entry.body)
}

/** Of an open item: there, or lost by damage. */
export function recordingOf(tables: Tables, mailbox: number, place: HistoryPlace) {
  const record = new HistoryTables(tables).recording(place.id)
  return whole(record, { table: 'recording lost', mailbox, place }, entryKey(mailbox, place), EMPTY)
}

/** What is recorded now ends for this owner; the rest goes by the sweep. */
export function dropHistory(tables: Tables, box: Box): void {
  const histories = new HistoryTables(tables)
  if (!histories.head(box.mailbox)) return
  for (const { id, record } of histories.recordings()) {
    if (!record.owners.includes(box.mailbox)) continue
    const place = { at: record.at, id }
    const entry = histories.entry(box.mailbox, place)
    if (entry) leave(tables, box.mailbox, place, entry)
  }
  tables.kv.remove(historyHeadKey(box.mailbox))
  tables.kv.remove(historyNameKey(box.aor))
  if (tables.kv.range(...entriesOf(box.mailbox), { limit: 1 }).length > 0)
    tables.kv.put(historyGoneKey(box.mailbox), EMPTY)
}
