import type { WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import type { HistoryPlace } from './history-story.ts'
import { GROUP_MESSAGES, type IdentityGroup } from './identities.ts'
import { openFields, type Reader, type Writer, writer } from './record-bytes.ts'
import { type Decided, decidedIn, withoutDecided } from './settings.ts'
import type { Share } from './shares.ts'
import type { Account, LargeBody, LifeEvent, LifeStory, ReceiptTerms, Waiting } from './verbs.ts'

/** What stands in the records; how they are made of bytes says `record-bytes.ts`. */

export interface Totals {
  accounts: number
  mailboxes: number
  waiting: number
  waitingBytes: number
  damaged: number
  clockFloor: WallTime
  /** The last one given out. */
  seq: number
  /** The last one given out; numbers of removed mailboxes are not used again. */
  mailbox: number
  bindings: number
  /** Life stories whose message has ended. */
  ended: number
}

export interface AccountRecord extends Decided {
  readonly mailbox: number
  readonly account: Account
}

export interface BindingsRecord {
  readonly version: number
  readonly bindings: readonly Binding[]
}

export interface Head {
  /** So that a mailbox is found again when its account's record is damaged. */
  readonly aor: string
  /** Messages that wait, and their bytes; receipts are beside them. */
  readonly count: number
  readonly bytes: number
  /** Of the messages. */
  readonly urgent: number
  readonly receipts: number
  /** Large messages whose bytes are still coming, and the room kept for them. */
  readonly uploads: number
  readonly reserved: number
  /** Who has how much of all this. */
  readonly shares: readonly Share[]
  /** That it is nearly full was told, and it has not been well below since. */
  readonly isNearlyFull: boolean
}

/** Where the bytes of a large message lie. */
export interface LargeExtent {
  /** 0: none; they stand in the body's record. */
  readonly upload: number
  /** Bytes of the body. */
  readonly size: number
  readonly blocks: number
}

export interface IndexEntry extends Omit<Waiting, 'seq' | 'storeId' | 'isLarge'> {
  readonly large?: LargeExtent
  /** Under which of the head's shares it is counted. */
  readonly share: number
  /** Item of histories that shares the body. */
  readonly history?: HistoryPlace
}

export type LargeRecord = LargeBody & LargeExtent

export interface BodyRecord {
  readonly mailbox: number
  readonly recipient: string
  readonly storeId: string
  readonly receivedAt: WallTime
  readonly expiresAt: WallTime
  readonly isUrgent: boolean
  readonly isReceipt?: true
  readonly share: number
  /** The whole request; of a large message its head alone. */
  readonly bytes: Buffer
  readonly large?: LargeRecord
  /** Of a large message that has no blocks. */
  readonly content?: Buffer
  /** Item of histories that shares it. */
  readonly history?: HistoryPlace
}

export interface LifeRecord extends LifeStory {
  readonly mailbox: number
  readonly cseq: number
  readonly fromTag: string
  /** While it waits. */
  readonly receipt?: ReceiptTerms
}

export const encodeTotals = (key: string, totals: Totals): Buffer =>
  writer
    .begin()
    .u32(totals.accounts)
    .u32(totals.mailboxes)
    .u48(totals.waiting)
    .u48(totals.waitingBytes)
    .u32(totals.damaged)
    .u48(totals.clockFloor)
    .u48(totals.seq)
    .u32(totals.mailbox)
    .u48(totals.bindings)
    .u48(totals.ended)
    .finish(key)

export function decodeTotals(key: string, record: Buffer): Totals | undefined {
  const fields = openFields(key, record)
  return (
    fields && {
      accounts: fields.u32(),
      mailboxes: fields.u32(),
      waiting: fields.u48(),
      waitingBytes: fields.u48(),
      damaged: fields.u32(),
      clockFloor: fields.wall(),
      seq: fields.u48(),
      mailbox: fields.u32(),
      bindings: fields.u48(),
      ended: fields.u48(),
    }
  )
}

export function encodeAccount(key: string, record: AccountRecord): Buffer {
  const { mailbox, account } = record
  return writer
    .begin()
    .u32(mailbox)
    .finish(key, Buffer.from(JSON.stringify({ ...account, ...decidedIn(record) })))
}

export function decodeAccount(key: string, record: Buffer): AccountRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const mailbox = fields.u32()
  const rest = JSON.parse(fields.rest().toString()) as Account & Decided
  return { mailbox, ...decidedIn(rest), account: withoutDecided(rest) }
}

export const encodeBindings = (key: string, { version, bindings }: BindingsRecord): Buffer =>
  writer
    .begin()
    .u48(version)
    .finish(key, Buffer.from(JSON.stringify(bindings)))

export function decodeBindings(key: string, record: Buffer): BindingsRecord | undefined {
  const fields = openFields(key, record)
  return fields && { version: fields.u48(), bindings: JSON.parse(fields.rest().toString()) as Binding[] }
}

export function encodeHead(key: string, head: Head): Buffer {
  const { count, bytes, urgent, receipts, uploads, reserved, aor, shares, isNearlyFull } = head
  writer.begin().u32(count).u48(bytes).u32(urgent).u32(receipts).u32(uploads).u48(reserved).text(aor)
  writer.u8(isNearlyFull ? 1 : 0).u8(shares.length)
  for (const share of shares) writer.u48(share.key).u32(share.messages).u48(share.bytes).u32(share.receipts)
  return writer.finish(key)
}

export function decodeHead(key: string, record: Buffer): Head | undefined {
  const fields = openFields(key, record)
  return (
    fields && {
      count: fields.u32(),
      bytes: fields.u48(),
      urgent: fields.u32(),
      receipts: fields.u32(),
      uploads: fields.u32(),
      reserved: fields.u48(),
      aor: fields.text(),
      isNearlyFull: fields.u8() === 1,
      shares: Array.from({ length: fields.u8() }, () => readShare(fields)),
    }
  )
}

const readShare = (fields: Reader): Share => ({
  key: fields.u48(),
  messages: fields.u32(),
  bytes: fields.u48(),
  receipts: fields.u32(),
})

/** What is kept of a damaged record for who wants to look into it. */
export const encodeQuarantine = (key: string, damagedKey: string, value: Buffer): Buffer =>
  writer.begin().text(damagedKey).finish(key, value)

export const encodeSeq = (key: string, seq: number): Buffer => writer.begin().u48(seq).finish(key)

export const decodeSeq = (key: string, record: Buffer): number | undefined => openFields(key, record)?.u48()

export function encodeIdentities(key: string, group: IdentityGroup): Buffer {
  writer.begin()
  for (const number of group) writer.u32(number)
  return writer.finish(key)
}

export function decodeIdentities(key: string, record: Buffer): IdentityGroup | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const group: number[] = []
  while (group.length < GROUP_MESSAGES * 2) group.push(fields.u32())
  return group
}

export const encodeIndex = (key: string, entry: IndexEntry): Buffer => {
  const { isUrgent, lastFailure, large, isReceipt, history } = entry
  writer
    .begin()
    .u8(
      (isUrgent ? 1 : 0) |
        (lastFailure === undefined ? 0 : 2) |
        (large ? 4 : 0) |
        (isReceipt ? 8 : 0) |
        (history ? 16 : 0),
    )
    .u48(entry.share)
    .u48(entry.size)
    .u48(entry.receivedAt)
    .u48(entry.expiresAt)
    .u32(entry.attempts)
  if (lastFailure !== undefined) writer.text(lastFailure)
  if (large) writeExtent(large)
  if (history) writer.u48(history.at).u48(history.id)
  return writer.finish(key)
}

export function decodeIndex(key: string, record: Buffer): IndexEntry | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const flags = fields.u8()
  return {
    isUrgent: (flags & 1) !== 0,
    ...((flags & 8) !== 0 && { isReceipt: true }),
    share: fields.u48(),
    size: fields.u48(),
    receivedAt: fields.wall(),
    expiresAt: fields.wall(),
    attempts: fields.u32(),
    ...((flags & 2) !== 0 && { lastFailure: fields.text() }),
    ...((flags & 4) !== 0 && { large: readExtent(fields) }),
    ...((flags & 16) !== 0 && { history: readPlace(fields) }),
  }
}

const readPlace = (fields: Reader): HistoryPlace => ({ at: fields.wall(), id: fields.u48() })

const writeExtent = ({ upload, size, blocks }: LargeExtent): Writer => writer.u48(upload).u48(size).u32(blocks)

const readExtent = (fields: Reader): LargeExtent => ({
  upload: fields.u48(),
  size: fields.u48(),
  blocks: fields.u32(),
})

export const encodeBody = (key: string, body: BodyRecord): Buffer => {
  const { large, bytes, content, history } = body
  writer
    .begin()
    .u32(body.mailbox)
    .u8((body.isUrgent ? 1 : 0) | (large ? 2 : 0) | (body.isReceipt ? 4 : 0) | (content ? 8 : 0) | (history ? 16 : 0))
    .u48(body.share)
    .u48(body.receivedAt)
    .u48(body.expiresAt)
    .text(body.storeId)
    .text(body.recipient)
  if (large) writeExtent(large).text(large.messageId).text(large.contentType).text(large.transactionId)
  if (history) writer.u48(history.at).u48(history.id)
  if (content) writer.u32(bytes.length)
  return writer.finish(key, bytes, content)
}

export function decodeBody(key: string, record: Buffer): BodyRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const [mailbox, flags] = [fields.u32(), fields.u8()]
  return {
    mailbox,
    isUrgent: (flags & 1) !== 0,
    ...((flags & 4) !== 0 && { isReceipt: true }),
    share: fields.u48(),
    receivedAt: fields.wall(),
    expiresAt: fields.wall(),
    storeId: fields.text(),
    recipient: fields.text(),
    ...((flags & 2) !== 0 && { large: readLarge(fields) }),
    ...((flags & 16) !== 0 && { history: readPlace(fields) }),
    ...((flags & 8) !== 0 ? readContent(fields) : { bytes: fields.rest() }),
  }
}

function readContent(fields: Reader): Pick<BodyRecord, 'bytes' | 'content'> {
  const head = fields.u32()
  const all = fields.rest()
  return { bytes: all.subarray(0, head), content: all.subarray(head) }
}

const readLarge = (fields: Reader): LargeRecord => ({
  ...readExtent(fields),
  messageId: fields.text(),
  contentType: fields.text(),
  transactionId: fields.text(),
})

const EVENTS = ['stored', 'attempt', 'delivered', 'expired', 'deleted', 'damaged'] as const

export function encodeLife(key: string, life: LifeRecord): Buffer {
  writer.begin().u32(life.mailbox).u48(life.size).u48(life.cseq)
  writer.text(life.storeId).text(life.recipient).text(life.sender).text(life.callId).text(life.fromTag)
  writer.text(life.messageId ?? '')
  writer.u8(life.events.length)
  for (const event of life.events) writeEvent(event)
  writeReceipt(life.receipt)
  return writer.finish(key)
}

function writeEvent(event: LifeEvent): void {
  writer.u48(event.at).u8(EVENTS.indexOf(event.event))
  if (event.event !== 'stored') writer.text(event.detail)
}

function readEvent(fields: Reader): LifeEvent {
  const at = fields.wall()
  const event = EVENTS[fields.u8()]!
  return event === 'stored' ? { at, event } : { at, event, detail: fields.text() }
}

export function encodeEnd(key: string, end: LifeEvent): Buffer {
  writer.begin()
  writeEvent(end)
  return writer.finish(key)
}

export function decodeEnd(key: string, record: Buffer): LifeEvent | undefined {
  const fields = openFields(key, record)
  return fields && readEvent(fields)
}

export function decodeLife(key: string, seq: number, record: Buffer): LifeRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const [mailbox, size, cseq] = [fields.u32(), fields.u48(), fields.u48()]
  const [storeId, recipient, sender] = [fields.text(), fields.text(), fields.text()]
  const [callId, fromTag, messageId] = [fields.text(), fields.text(), fields.text()]
  const events: LifeEvent[] = []
  for (let left = fields.u8(); left > 0; left--) events.push(readEvent(fields))
  const identity = { sender, callId, cseq, fromTag, ...(messageId !== '' && { messageId }) }
  const receipt = readReceipt(fields)
  return { mailbox, seq, storeId, recipient, ...identity, size, events, ...(receipt && { receipt }) }
}

/** Absent: nothing. */
export function writeReceipt(receipt: ReceiptTerms | undefined): void {
  writer.u8(receipt ? 1 : 0)
  if (receipt) writer.text(JSON.stringify(receipt))
}

export const readReceipt = (fields: Reader): ReceiptTerms | undefined =>
  fields.u8() === 1 ? (JSON.parse(fields.text()) as ReceiptTerms) : undefined
