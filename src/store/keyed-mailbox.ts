import type { WallTime } from '../base/time.ts'
import type { NewHistory } from './history.ts'
import { type IdentityHash, identityHash } from './identities.ts'
import { keepWithCustody } from './keyed-history.ts'
import { writeNotice } from './keyed-notices.ts'
import { type Box, endedKey, expiryKey, indexKey, readU48 } from './keys.ts'
import type { Head, IndexEntry, LargeRecord, LifeRecord, Totals } from './records.ts'
import { refusalOf, shareOf } from './room.ts'
import { leaveBody } from './shared-content.ts'
import { type Held, less } from './shares.ts'
import {
  clip,
  type Ending,
  ending,
  identityText,
  NEARLY_FULL_PERCENT,
  percentOf,
  RELIEVED_PERCENT,
  storeIdOf,
  WHY_STORED,
  whyFailed,
  withEvent,
} from './story.ts'
import { toSweep } from './sweep.ts'
import { type Do, EMPTY, type Tables, waitingIn } from './tables.ts'
import type {
  Custody,
  CustodyLimits,
  LargeBody,
  LifeEvent,
  MessageIdentity,
  NewMessage,
  RefusalReason,
  StoredMessage,
  Verbs,
  Waiting,
} from './verbs.ts'

/** Index entries read at once while a page is put together. */
const PAGE_CHUNK = 64

/** DM-STO-01..04, 08..12: the message, its index entry, counters, expiry, identity and life story, or nothing of them. */
export const takeCustody: Do<'custody'> = (tables, { message, limits, history }) => {
  const box = tables.box(message.recipient)
  if (!box) return refused('unknown recipient')
  const identity = identityHash(box.mailbox, message)
  const known = findDuplicate(tables, box, message, identity)
  if (known) return { outcome: 'duplicate', seq: known.seq, storeId: known.storeId }
  const share = shareOf(tables, box, message, limits)
  const { length } = message.bytes
  const wanted = { ...heldBy(length, message.isReceipt === true), bytes: length }
  const reason = refusalOf(tables, box, share, wanted, limits)
  return reason
    ? refused(reason)
    : keep(tables, box, message, { identity, share, at: message.receivedAt, limits, history })
}

/** What one of so many bytes counts for. */
const heldBy = (bytes: number, isReceipt: boolean): Held =>
  isReceipt ? { messages: 0, bytes: 0, receipts: 1 } : { messages: 1, bytes, receipts: 0 }

/** What becomes a message in the mailbox: `bytes` of a large one are its head, and it is no receipt. */
type Kept = NewMessage & { readonly large?: LargeRecord; readonly content?: Buffer | undefined }

interface Keeping {
  readonly identity: IdentityHash
  readonly share: number
  readonly at: WallTime
  readonly limits: CustodyLimits
  /** What its histories get of it. */
  readonly history?: NewHistory | undefined
}

export function keep(tables: Tables, box: Box, message: Kept, keeping: Keeping): Custody {
  const { identity, share, at, limits } = keeping
  const totals = tables.totals()
  const seq = ++totals.seq
  const storeId = storeIdOf(seq, tables.surroundings.hostname)
  const { mailbox } = box
  const { recipient, sender, callId, cseq, fromTag, messageId } = message
  const { receivedAt, expiresAt, isUrgent, bytes, large, content } = message
  const isReceipt = message.isReceipt === true && !large
  const receipt = message.isReceipt ? undefined : message.receipt
  const size = bytes.length + (large?.size ?? 0)
  const times = { receivedAt, expiresAt }
  const kept = keeping.history && keepWithCustody(tables, keeping.history, { mailbox, seq, bytes })
  const kind = {
    isUrgent,
    share,
    ...(large && { large }),
    ...(isReceipt && { isReceipt }),
    ...(kept?.place && { history: kept.place }),
  }
  tables.putBody(seq, { mailbox, recipient, storeId, ...times, bytes, content, ...kind })
  const events: LifeEvent[] = [{ at, event: 'stored' }]
  const of = { recipient, sender, callId, cseq, fromTag, messageId }
  tables.putLife({ mailbox, seq, storeId, ...of, receipt, size, events })
  tables.putIndex(mailbox, seq, { size, ...times, attempts: 0, ...kind })
  tables.putIdentity(seq, identity)
  tables.kv.put(expiryKey(expiresAt, seq), EMPTY)
  raiseClock(totals, at)
  const before = tables.head(box)
  const urgent = isUrgent && !isReceipt ? 1 : 0
  const head = tables.count(box, totals, share, { ...heldBy(size, isReceipt), urgent })
  const fullPercent = isReceipt ? undefined : fullNow(tables, box, before, head, limits)
  tables.putTotals(totals)
  if (receipt?.wantsStored) {
    writeNotice(tables, { kind: 'stored', why: WHY_STORED, at, sender, recipient, receipt, storeId })
  }
  return {
    outcome: 'stored',
    seq,
    storeId,
    waiting: waitingIn(head),
    ...(fullPercent !== undefined && { fullPercent }),
    ...(kept && { history: kept.outcome }),
  }
}

/** How full the mailbox is, if that is to be told. */
function fullNow(tables: Tables, box: Box, before: Head, head: Head, limits: CustodyLimits): number | undefined {
  const wasTold = before.isNearlyFull && percentOf(before.count, before.bytes, limits) >= RELIEVED_PERCENT
  const percent = percentOf(head.count, head.bytes, limits)
  const isTold = !wasTold && percent >= NEARLY_FULL_PERCENT
  const isNearlyFull = wasTold || isTold
  if (isNearlyFull !== head.isNearlyFull) tables.putHead(box.mailbox, { ...head, isNearlyFull })
  return isTold ? percent : undefined
}

export const wasSeen: Do<'seen'> = (tables, message) => {
  const box = tables.box(message.recipient)
  return box !== undefined && findDuplicate(tables, box, message, identityHash(box.mailbox, message)) !== undefined
}

/** A hash only leads to life stories, and they decide. */
export function findDuplicate(
  tables: Tables,
  box: Box,
  message: MessageIdentity,
  of: IdentityHash,
): LifeRecord | undefined {
  for (const seq of tables.identities.seqsOf(of)) {
    const life = tables.life(seq)
    if (life?.mailbox === box.mailbox && identityText(life) === identityText(message)) return life
  }
  return undefined
}

export const readPage: Do<'page'> = (tables, { aor, afterSeq, limit, bytes, at, isWallTrusted }) => {
  const box = tables.box(aor)
  const page: StoredMessage[] = []
  if (!box) return page
  let total = 0
  for (let after = afterSeq; ; ) {
    const chunk = tables.indexAfter(box, after, PAGE_CHUNK)
    for (const { seq, entry } of chunk) {
      if (isWallTrusted && entry.expiresAt <= at) continue
      total += entry.size - (entry.large?.size ?? 0)
      if (page.length >= limit || (page.length > 0 && total > bytes)) return page
      const body = tables.body(box, seq)
      page.push({
        ...waitingOf(entry, seq, body.storeId),
        bytes: body.bytes,
        ...(body.large && { large: largeOf(body.large) }),
      })
    }
    if (chunk.length < PAGE_CHUNK) return page
    after = chunk.at(-1)!.seq
  }
}

/** Takes a waiting message out: body, index entry, counters and expiry go, the life story gets its end. */
export function endMessage(
  tables: Tables,
  box: Box,
  seq: number,
  entry: IndexEntry,
  event: Ending,
  at: WallTime,
  detail: string,
): LifeRecord {
  const totals = tables.totals()
  const isBodyKept = removeMessage(tables, box, seq, entry)
  const urgent = entry.isUrgent && !entry.isReceipt ? -1 : 0
  tables.count(box, totals, entry.share, { ...less(heldBy(entry.size, entry.isReceipt === true)), urgent })
  const life = endLife(tables, totals, tables.story(seq), ending(event, at, detail), isBodyKept)
  tables.putTotals(totals)
  return life
}

/** Whether a history keeps its body. */
export function removeMessage(
  tables: Tables,
  box: Box,
  seq: number,
  { expiresAt, large, history }: Pick<IndexEntry, 'expiresAt' | 'large' | 'history'>,
): boolean {
  if (large) toSweep(tables, large.upload, large.blocks)
  tables.kv.remove(indexKey(box.mailbox, seq))
  tables.kv.remove(expiryKey(expiresAt, seq))
  return leaveBody(tables, seq, history)
}

/** What its sender asked to be told goes into a notice. */
export function endLife(
  tables: Tables,
  totals: Totals,
  life: LifeRecord,
  event: LifeEvent,
  isBodyKept: boolean,
): LifeRecord {
  const { receipt } = life
  tables.endLife(life, event, isBodyKept)
  const why = whyFailed(event)
  if (receipt?.wantsFailed && why !== undefined) {
    const { sender, recipient, storeId } = life
    writeNotice(tables, { kind: 'failed', why, at: event.at, sender, recipient, receipt, storeId })
  }
  tables.kv.put(endedKey(event.at, life.seq), EMPTY)
  totals.ended++
  raiseClock(totals, event.at)
  return life
}

function endOne(
  tables: Tables,
  request: { aor: string; seq: number; at: WallTime; detail: string },
  event: Ending,
): boolean {
  const box = tables.box(request.aor)
  const entry = box && tables.index(box, request.seq)
  if (!entry) return false
  endMessage(tables, box, request.seq, entry, event, request.at, request.detail)
  return true
}

export const confirm: Do<'confirm'> = (tables, request) => {
  const wasWaiting = endOne(tables, request, 'delivered')
  const box = tables.box(request.aor)
  return { wasWaiting, waiting: box ? waitingIn(tables.head(box)) : 0 }
}

export const deleteUnread: Do<'delete'> = (tables, request) =>
  endOne(tables, request, 'deleted') ? 'deleted' : 'absent'

export const attempted: Do<'attempted'> = (tables, { aor, seq, at, detail }) => {
  const box = tables.box(aor)
  const entry = box && tables.index(box, seq)
  if (!entry) return 'absent'
  const reason = clip(detail)
  tables.putIndex(box.mailbox, seq, { ...entry, attempts: entry.attempts + 1, lastFailure: reason })
  const life = tables.story(seq)
  tables.putLife({ ...life, events: withEvent(life.events, { at, event: 'attempt', detail: reason }) })
  keepClock(tables, { wall: at })
  return 'noted'
}

export const expire: Do<'expire'> = (tables, { at, limit }) => {
  const due = tables.kv.range('x', expiryKey((at + 1) as WallTime, 0), { limit })
  const expired: Verbs['expire']['reply'][number][] = []
  for (const { key } of due) {
    const seq = readU48(key, 7)
    const life = tables.life(seq)
    const box = life && { aor: life.recipient, mailbox: life.mailbox }
    const entry = box && tables.index(box, seq)
    if (entry) {
      endMessage(tables, box, seq, entry, 'expired', at, '')
      expired.push({ ...waitingOf(entry, seq, life.storeId), aor: box.aor })
    } else tables.kv.remove(key) // left over from a message whose index entry was damaged
  }
  return expired
}

export const forget: Do<'forget'> = (tables, { before, keep, limit }) => {
  const totals = tables.totals()
  let forgotten = 0
  for (const { key } of tables.kv.range('e', 'f', { limit })) {
    if (readU48(key, 1) >= before && totals.ended <= keep) break
    const seq = readU48(key, 7)
    tables.removeLife(seq)
    tables.removeIdentity(seq)
    tables.kv.remove(key)
    totals.ended--
    forgotten++
  }
  if (forgotten > 0) tables.putTotals(totals)
  return forgotten
}

export const keepClock: Do<'clock'> = (tables, { wall }) => {
  const totals = tables.totals()
  // Also where it is the same: whoever asks whether the medium takes writes again asks by this.
  if (wall >= totals.clockFloor) {
    raiseClock(totals, wall)
    tables.putTotals(totals)
  }
  return 'kept'
}

function raiseClock(totals: Totals, wall: WallTime): void {
  if (wall > totals.clockFloor) totals.clockFloor = wall
}

/** Where the bytes of a large message lie is nobody else's affair. */
export function waitingOf(
  { large, share: _, history: __, ...entry }: IndexEntry,
  seq: number,
  storeId: string,
): Waiting {
  return { ...entry, seq, storeId, ...(large && { isLarge: true }) }
}

const largeOf = ({ size, messageId, contentType, transactionId }: LargeRecord): LargeBody => ({
  size,
  messageId,
  contentType,
  transactionId,
})

const refused = (reason: RefusalReason): Custody => ({ outcome: 'refused', reason })

/** In constant time. Nothing is kept after its delivery, so nothing is old; receipts are no messages that anybody waits for. */
export const summary: Do<'summary'> = (tables, { aor }) => {
  const box = tables.box(aor)
  const head = box && tables.head(box)
  return {
    newCount: head?.count ?? 0,
    oldCount: 0,
    urgentNew: head?.urgent ?? 0,
    urgentOld: 0,
    bytes: head?.bytes ?? 0,
  }
}
