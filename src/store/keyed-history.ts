import { whole } from './damage.ts'
import type {
  HistoryItem,
  HistoryKept,
  HistoryLimits,
  HistoryOutcome,
  HistoryOwner,
  HistoryState,
  NewHistory,
  PassedOver,
} from './history.ts'
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
  NO_DAY,
  passedOver,
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
  readonly isFromStranger: boolean
  readonly body?: BodyPlace
}

/** `place` is undefined where nobody has it; `outcomes` are of all who want it. */
interface Begun {
  readonly place: HistoryPlace | undefined
  readonly holders: readonly Holder[]
  readonly outcomes: readonly HistoryOutcome[]
}

/** A message in its mailbox, as it will be pushed. */
interface WaitingBody extends BodyPlace {
  readonly bytes: Buffer
}

/** HIS-STO-01: entries of all owners and the content, once, in one transaction. */
export const keepHistory: Do<'history.keep'> = (tables, request) => {
  checkPieces([request.piece])
  return keepItem(tables, request).outcome
}

interface KeptItem {
  /** Undefined: nobody has it. */
  readonly place?: HistoryPlace
  readonly outcome: HistoryKept
}

function keepItem(
  tables: Tables,
  { item, owners, piece, limits, isFromStranger = false }: NewHistory,
  body?: WaitingBody,
): KeptItem {
  const wanting = wantedBy(tables, item, owners, limits)
  if (wanting.length === 0) return { outcome: [] }
  const bytes = piece.bytes.subarray(0, limits.quotaBytes)
  if (tables.freeBytes() - bytes.length < limits.reserveBytes) return { outcome: 'flash reserve' }
  const state = bytes.length < piece.bytes.length ? 'cut short' : 'whole'
  const of = body && { mailbox: body.mailbox, seq: body.seq }
  const counts = { size: bytes.length, count: 1, state } as const
  const beginning = { ...counts, isPieced: false, isFromStranger, ...(of && { body: of }) }
  const { place, holders, outcomes } = begin(tables, item, wanting, limits, beginning)
  if (!place) return { outcome: outcomes }
  const shared = body && of && { ...of, ...sharedBytes(body.bytes, bytes) }
  const own = shared ? bytes.subarray(shared.prefix, bytes.length - shared.suffix) : bytes
  const content = { owners: mailboxesOf(holders), piece: { ...piece, bytes: own }, ...(shared && { shared }) }
  new HistoryTables(tables).putContent(place, content)
  return { place, outcome: outcomes }
}

/** What goes with a message must not fail it. Without a place it is not kept; otherwise the body has to be. */
export function keepWithCustody(tables: Tables, history: NewHistory, body: WaitingBody): KeptItem | undefined {
  return isWithinBounds(history) ? keepItem(tables, history, body) : undefined
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

/** The entries of all owners whose limits allow it, and room made for them. */
export function begin(
  tables: Tables,
  item: HistoryItem,
  wanting: readonly Holder[],
  limits: HistoryLimits,
  { isFromStranger, ...beginning }: Beginning,
): Begun {
  const at = historyTime(item.receivedAt, tables.totals().clockFloor)
  const { size } = beginning
  const tried = wanting.map(holder => {
    const why = overLimit(tables, holder.box.mailbox, { at, size, isFromStranger }, limits)
    return { holder, why, evicted: 0 }
  })
  const taken = tried.filter(({ why }) => why === undefined)
  if (taken.length === 0) return { place: undefined, holders: [], outcomes: tried.map(each => outcomeOf(each, '')) }
  const histories = new HistoryTables(tables)
  const id = histories.nextNumber()
  const place = { at, id }
  for (const each of taken) each.evicted = makeRoom(tables, each.holder.box.mailbox, size, limits)
  const known = { ...boundedItem(item), ...beginning }
  const holders = taken.map(({ holder }) => holder)
  const mailboxes = mailboxesOf(holders)
  for (const { box, owner } of holders) {
    const { role, peer } = owner
    const entry = { ...known, role, peer, others: mailboxes.filter(mailbox => mailbox !== box.mailbox) }
    histories.putEntry(box.mailbox, place, entry)
    histories.addEntry(box, place, entry, id)
  }
  const reference = referenceOf(place, tables.surroundings.hostname)
  return { place, holders, outcomes: tried.map(each => outcomeOf(each, reference)) }
}

interface Tried {
  readonly holder: Holder
  readonly why: PassedOver | undefined
  readonly evicted: number
}

function outcomeOf({ holder, why, evicted }: Tried, reference: string): HistoryOutcome {
  const { aor } = holder.box
  return why === undefined ? { aor, reference, ...(evicted > 0 && { evicted }) } : { aor, passedOver: why }
}

/** Why so much more is not added to that history, or undefined: it is. */
export function overLimit(
  tables: Tables,
  mailbox: number,
  more: Parameters<typeof passedOver>[1],
  limits: HistoryLimits,
): PassedOver | undefined {
  const { bytes = 0, day = NO_DAY } = new HistoryTables(tables).head(mailbox) ?? {}
  return passedOver({ bytes, day }, more, limits)
}

/** The oldest items of the owner give way, some more than needed at a time, and no more than a transaction should remove. How many. */
export function makeRoom(
  tables: Tables,
  mailbox: number,
  size: number,
  { quotaBytes }: HistoryLimits,
  except?: HistoryPlace,
): number {
  const histories = new HistoryTables(tables)
  const bytesNow = (): number => histories.head(mailbox)?.bytes ?? 0
  const target = roomMade(bytesNow(), size, quotaBytes)
  if (target === undefined) return 0
  const oldest = histories
    .oldest(mailbox, EVICTED_MAX + 1)
    .filter(({ at, id }) => at !== except?.at || id !== except.id)
  let evicted = 0
  for (const { entry, ...place } of oldest.slice(0, EVICTED_MAX)) {
    if (bytesNow() <= target) break
    leave(tables, mailbox, place, entry)
    evicted++
  }
  return evicted
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
