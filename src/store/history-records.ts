import type { WallTime } from '../base/time.ts'
import type {
  HistoryHeads,
  HistoryItem,
  HistoryKind,
  HistoryParticipant,
  HistoryPiece,
  HistoryRole,
  HistoryState,
} from './history.ts'
import { type HistoryDay, type HistoryPlace, NO_DAY } from './history-story.ts'
import { CONTENT_AT, openFields, openRecord, type Reader, sealRecord, writer } from './record-bytes.ts'
import type { BodyPlace, SharedBytes } from './shared-content.ts'

/** What stands in the records of histories; how they are made of bytes says `record-bytes.ts`. */

interface HistoryTotals {
  /** The last number given out, to an item or to a change of a history; never used again. */
  readonly last: number
}

export const NO_HISTORY: HistoryTotals = { last: 0 }

/** Of one owner. */
export interface HistoryHead {
  /** So that a mailbox is found again when its account's record is damaged. */
  readonly aor: string
  readonly items: number
  readonly bytes: number
  /** Number of the latest change. */
  readonly change: number
  /** Up to here entries stand in the index by peer. */
  readonly indexed: HistoryPlace | undefined
  /** Entries past that. */
  readonly unindexed: number
  readonly day: HistoryDay
}

/** What one owner has listed of an item. */
export interface HistoryRecord extends Omit<HistoryItem, 'receivedAt'> {
  readonly role: HistoryRole
  readonly peer: string
  /** Of an open one as at its beginning. */
  readonly size: number
  readonly count: number
  readonly state: HistoryState
  readonly endedAt?: WallTime
  /** Its pieces stand in records of their own. */
  readonly isPieced: boolean
  /** Mailboxes whose histories have it too, or had. */
  readonly others: readonly number[]
  /** The body that its content shares. */
  readonly body?: BodyPlace
}

export interface ContentRecord {
  /** Mailboxes whose histories have it, or had. */
  readonly owners: readonly number[]
  /** Absent: in records of their own. */
  readonly piece?: HistoryPiece
  /** The piece is what stands between these bytes. */
  readonly shared?: BodyPlace & SharedBytes
}

/** An item whose pieces are still coming. */
export interface RecordingRecord {
  readonly at: WallTime
  /** Mailboxes whose histories have it. */
  readonly owners: readonly number[]
  readonly size: number
  readonly pieces: number
  readonly count: number
  readonly isFromStranger: boolean
}

export interface HeadsRecord {
  readonly heads: HistoryHeads
  readonly participants: readonly HistoryParticipant[]
}

export const NO_HEADS: HeadsRecord = { heads: {}, participants: [] }

export const encodeHistoryTotals = (key: string, { last }: HistoryTotals): Buffer =>
  writer.begin().u48(last).finish(key)

export function decodeHistoryTotals(key: string, record: Buffer): HistoryTotals | undefined {
  const fields = openFields(key, record)
  return fields && { last: fields.u48() }
}

export const encodeHistoryHead = (key: string, head: HistoryHead): Buffer =>
  writer
    .begin()
    .u48(head.items)
    .u48(head.bytes)
    .u48(head.change)
    .u48(head.indexed?.at ?? 0)
    .u48(head.indexed?.id ?? 0)
    .u32(head.unindexed)
    .text(head.aor)
    .u48(head.day.since)
    .u48(head.day.bytes)
    .finish(key)

export function decodeHistoryHead(key: string, record: Buffer): HistoryHead | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const [items, bytes, change] = [fields.u48(), fields.u48(), fields.u48()]
  const indexed = { at: fields.wall(), id: fields.u48() }
  const [unindexed, aor] = [fields.u32(), fields.text()]
  // Older ones end here.
  const day = fields.isAtEnd ? NO_DAY : { since: fields.wall(), bytes: fields.u48() }
  return { aor, items, bytes, change, indexed: indexed.id === 0 ? undefined : indexed, unindexed, day }
}

const KINDS: readonly HistoryKind[] = ['message', 'large', 'session']
const ROLES: readonly HistoryRole[] = ['receiver', 'sender', 'recorder']
const STATES: readonly HistoryState[] = ['open', 'whole', 'cut short', 'interrupted']
const SIDES: readonly HistoryPiece['from'][] = ['caller', 'callee', 'focus']

/** Of texts that are often the same as another of the entry. */
const [OWN, AS_FROM, AS_TO, NONE] = [0, 1, 2, 3]

export function encodeHistory(key: string, entry: HistoryRecord): Buffer {
  const { subject, recordingName, endedAt, from, to, assertedIdentity, peer, body } = entry
  const asserted = assertedIdentity === undefined ? NONE : assertedIdentity === from ? AS_FROM : OWN
  const named = peer === from ? AS_FROM : peer === to ? AS_TO : OWN
  writer
    .begin()
    .u8(
      KINDS.indexOf(entry.kind) |
        (ROLES.indexOf(entry.role) << 2) |
        (STATES.indexOf(entry.state) << 4) |
        (entry.isAnonymous ? 64 : 0) |
        (entry.isPieced ? 128 : 0),
    )
    .u8(
      asserted |
        (named << 2) |
        (endedAt === undefined ? 0 : 16) |
        (subject === undefined ? 0 : 32) |
        (recordingName === undefined ? 0 : 64) |
        (body ? 128 : 0),
    )
    .u48(entry.size)
    .u32(entry.count)
    .u8(entry.others.length)
  for (const other of entry.others) writer.u32(other)
  writer.text(from).text(to).text(entry.callId)
  if (asserted === OWN) writer.text(assertedIdentity!)
  if (named === OWN) writer.text(peer)
  if (endedAt !== undefined) writer.u48(endedAt)
  if (subject !== undefined) writer.text(subject)
  if (recordingName !== undefined) writer.text(recordingName)
  if (body) writer.u32(body.mailbox).u48(body.seq)
  return writer.finish(key)
}

export function decodeHistory(key: string, record: Buffer): HistoryRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const [kinds, texts] = [fields.u8(), fields.u8()]
  const [size, count] = [fields.u48(), fields.u32()]
  const others = readNumbers(fields)
  const [from, to, callId] = [fields.text(), fields.text(), fields.text()]
  const asserted = texts & 3
  const assertedIdentity = asserted === OWN ? fields.text() : asserted === AS_FROM ? from : undefined
  const named = (texts >> 2) & 3
  return {
    kind: KINDS[kinds & 3]!,
    role: ROLES[(kinds >> 2) & 3]!,
    state: STATES[(kinds >> 4) & 3]!,
    isAnonymous: (kinds & 64) !== 0,
    isPieced: (kinds & 128) !== 0,
    size,
    count,
    others,
    from,
    to,
    callId,
    ...(assertedIdentity !== undefined && { assertedIdentity }),
    peer: named === OWN ? fields.text() : named === AS_FROM ? from : to,
    ...(texts & 16 && { endedAt: fields.wall() }),
    ...(texts & 32 && { subject: fields.text() }),
    ...(texts & 64 && { recordingName: fields.text() }),
    ...(texts & 128 && { body: readBodyPlace(fields) }),
  }
}

/** Of an entry, nothing else of which is of interest. */
export function decodePeer(key: string, record: Buffer): string | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  fields.skip(1)
  const texts = fields.u8()
  fields.skip(10)
  fields.skip(fields.u8() * 4)
  const named = (texts >> 2) & 3
  if (named === AS_FROM) return fields.text()
  fields.skipText()
  if (named === AS_TO) return fields.text()
  fields.skipText().skipText()
  if ((texts & 3) === OWN) fields.skipText()
  return fields.text()
}

const readBodyPlace = (fields: Reader): BodyPlace => ({ mailbox: fields.u32(), seq: fields.u48() })

const readNumbers = (fields: Reader): number[] => Array.from({ length: fields.u8() }, () => fields.u32())

/** Who sent it, and whether the request ends with it. */
const sideOf = ({ from, isEnd }: HistoryPiece): number => SIDES.indexOf(from) | (isEnd ? 4 : 0)

export function encodeContent(key: string, { owners, piece, shared }: ContentRecord): Buffer {
  writer
    .begin()
    .u8(piece ? sideOf(piece) | 8 | (shared ? 16 : 0) : 0)
    .u8(owners.length)
  for (const owner of owners) writer.u32(owner)
  if (!piece) return writer.finish(key)
  writer.u48(piece.at)
  if (shared) writer.u32(shared.mailbox).u48(shared.seq).u32(shared.prefix).u32(shared.suffix)
  return writer.finish(key, piece.bytes)
}

export function decodeContent(key: string, record: Buffer): ContentRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const flags = fields.u8()
  const owners = readNumbers(fields)
  if (!(flags & 8)) return { owners }
  const at = fields.wall()
  const shared = flags & 16 ? { ...readBodyPlace(fields), prefix: fields.u32(), suffix: fields.u32() } : undefined
  return {
    owners,
    ...(shared && { shared }),
    piece: { at, from: SIDES[flags & 3]!, isEnd: (flags & 4) !== 0, bytes: fields.rest() },
  }
}

export function encodeRecording(key: string, record: RecordingRecord): Buffer {
  const { at, owners, size, pieces, count, isFromStranger } = record
  writer.begin().u48(at).u48(size).u32(pieces).u32(count).u8(owners.length)
  for (const owner of owners) writer.u32(owner)
  return writer.u8(isFromStranger ? 1 : 0).finish(key)
}

export function decodeRecording(key: string, record: Buffer): RecordingRecord | undefined {
  const fields = openFields(key, record)
  return (
    fields && {
      at: fields.wall(),
      size: fields.u48(),
      pieces: fields.u32(),
      count: fields.u32(),
      owners: readNumbers(fields),
      isFromStranger: !fields.isAtEnd && fields.u8() === 1,
    }
  )
}

/** Before the bytes of each piece: who and whether it is an end, when, how long. */
const PIECE_HEAD_BYTES = 11

export function encodePieces(key: string, pieces: readonly HistoryPiece[]): Buffer {
  const length = pieces.reduce((sum, { bytes }) => sum + PIECE_HEAD_BYTES + bytes.length, CONTENT_AT)
  const record = Buffer.allocUnsafe(length)
  let to = CONTENT_AT
  for (const piece of pieces) {
    record[to] = sideOf(piece)
    record.writeUIntBE(piece.at, to + 1, 6)
    record.writeUInt32BE(piece.bytes.length, to + 7)
    piece.bytes.copy(record, to + PIECE_HEAD_BYTES)
    to += PIECE_HEAD_BYTES + piece.bytes.length
  }
  return sealRecord(key, record)
}

export function decodePieces(key: string, record: Buffer): HistoryPiece[] | undefined {
  const content = openRecord(key, record)
  if (!content) return undefined
  const pieces: HistoryPiece[] = []
  for (let from = 0; from < content.length; ) {
    const side = content[from]!
    const at = content.readUIntBE(from + 1, 6) as WallTime
    const start = from + PIECE_HEAD_BYTES
    from = start + content.readUInt32BE(from + 7)
    pieces.push({ at, from: SIDES[side & 3]!, isEnd: (side & 4) !== 0, bytes: content.subarray(start, from) })
  }
  return pieces
}

/** Longer than any head. */
const ABSENT = 0xffffffff

export function encodeHeads(key: string, { heads, participants }: HeadsRecord): Buffer {
  const { invite, answer, bye } = heads
  const parts = [invite, answer, bye]
  writer.begin()
  for (const part of parts) writer.u32(part ? part.length : ABSENT)
  const bytes = parts.filter(part => part !== undefined)
  return writer.finish(key, Buffer.concat([...bytes, Buffer.from(JSON.stringify(participants))]))
}

export function decodeHeads(key: string, record: Buffer): HeadsRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const lengths = [fields.u32(), fields.u32(), fields.u32()]
  let rest = fields.rest()
  const parts = lengths.map(length => {
    if (length === ABSENT) return undefined
    const part = rest.subarray(0, length)
    rest = rest.subarray(length)
    return part
  })
  const [invite, answer, bye] = parts
  const heads = { ...(invite && { invite }), ...(answer && { answer }), ...(bye && { bye }) }
  return { heads, participants: JSON.parse(rest.toString()) as HistoryParticipant[] }
}
