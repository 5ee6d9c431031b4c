import type { WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import { GROUP_MESSAGES, type IdentityGroup } from './identities.ts'
import { openFields, type Reader, type Writer, writer } from './record-bytes.ts'
import type { Account, LargeBody, LifeEvent, LifeStory, Waiting } from './verbs.ts'

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

export interface AccountRecord {
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
  readonly count: number
  readonly bytes: number
  /** Large messages whose bytes are still coming, and the room kept for them. */
  readonly uploads: number
  readonly reserved: number
}

/** Where the bytes of a large message lie. */
export interface LargeExtent {
  readonly upload: number
  /** Bytes of the body. */
  readonly size: number
  readonly blocks: number
}

export type IndexEntry = Omit<Waiting, 'seq' | 'storeId' | 'isLarge'> & { readonly large?: LargeExtent }

export type LargeRecord = LargeBody & LargeExtent

export interface BodyRecord {
  readonly mailbox: number
  readonly recipient: string
  readonly storeId: string
  readonly receivedAt: WallTime
  readonly expiresAt: WallTime
  readonly isUrgent: boolean
  /** The whole request; of a large message its head alone. */
  readonly bytes: Buffer
  readonly large?: LargeRecord
}

export interface LifeRecord extends LifeStory {
  readonly mailbox: number
  readonly cseq: number
  readonly fromTag: string
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

export const encodeAccount = (key: string, { mailbox, account }: AccountRecord): Buffer =>
  writer
    .begin()
    .u32(mailbox)
    .finish(key, Buffer.from(JSON.stringify(account)))

export function decodeAccount(key: string, record: Buffer): AccountRecord | undefined {
  const fields = openFields(key, record)
  return fields && { mailbox: fields.u32(), account: JSON.parse(fields.rest().toString()) as Account }
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

export const encodeHead = (key: string, head: Head): Buffer =>
  writer.begin().u32(head.count).u48(head.bytes).u32(head.uploads).u48(head.reserved).text(head.aor).finish(key)

export function decodeHead(key: string, record: Buffer): Head | undefined {
  const fields = openFields(key, record)
  return (
    fields && {
      count: fields.u32(),
      bytes: fields.u48(),
      uploads: fields.u32(),
      reserved: fields.u48(),
      aor: fields.text(),
    }
  )
}

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
  const { isUrgent, lastFailure, large } = entry
  writer
    .begin()
    .u8((isUrgent ? 1 : 0) | (lastFailure === undefined ? 0 : 2) | (large ? 4 : 0))
    .u48(entry.size)
    .u48(entry.receivedAt)
    .u48(entry.expiresAt)
    .u32(entry.attempts)
  if (lastFailure !== undefined) writer.text(lastFailure)
  if (large) writeExtent(large)
  return writer.finish(key)
}

export function decodeIndex(key: string, record: Buffer): IndexEntry | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const flags = fields.u8()
  return {
    isUrgent: (flags & 1) !== 0,
    size: fields.u48(),
    receivedAt: fields.wall(),
    expiresAt: fields.wall(),
    attempts: fields.u32(),
    ...((flags & 2) !== 0 && { lastFailure: fields.text() }),
    ...((flags & 4) !== 0 && { large: readExtent(fields) }),
  }
}

const writeExtent = ({ upload, size, blocks }: LargeExtent): Writer => writer.u48(upload).u48(size).u32(blocks)

const readExtent = (fields: Reader): LargeExtent => ({
  upload: fields.u48(),
  size: fields.u48(),
  blocks: fields.u32(),
})

export const encodeBody = (key: string, body: BodyRecord): Buffer => {
  const { large } = body
  writer
    .begin()
    .u32(body.mailbox)
    .u8((body.isUrgent ? 1 : 0) | (large ? 2 : 0))
    .u48(body.receivedAt)
    .u48(body.expiresAt)
    .text(body.storeId)
    .text(body.recipient)
  if (large) writeExtent(large).text(large.messageId).text(large.contentType).text(large.transactionId)
  return writer.finish(key, body.bytes)
}

export function decodeBody(key: string, record: Buffer): BodyRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const [mailbox, flags] = [fields.u32(), fields.u8()]
  return {
    mailbox,
    isUrgent: (flags & 1) !== 0,
    receivedAt: fields.wall(),
    expiresAt: fields.wall(),
    storeId: fields.text(),
    recipient: fields.text(),
    ...((flags & 2) !== 0 && { large: readLarge(fields) }),
    bytes: fields.rest(),
  }
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
  for (const event of life.events) {
    writer.u48(event.at).u8(EVENTS.indexOf(event.event))
    if (event.event !== 'stored') writer.text(event.detail)
  }
  return writer.finish(key)
}

export function decodeLife(key: string, seq: number, record: Buffer): LifeRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const [mailbox, size, cseq] = [fields.u32(), fields.u48(), fields.u48()]
  const [storeId, recipient, sender] = [fields.text(), fields.text(), fields.text()]
  const [callId, fromTag, messageId] = [fields.text(), fields.text(), fields.text()]
  const events: LifeEvent[] = []
  for (let left = fields.u8(); left > 0; left--) {
    const at = fields.wall()
    const event = EVENTS[fields.u8()]!
    events.push(event === 'stored' ? { at, event } : { at, event, detail: fields.text() })
  }
  const identity = { sender, callId, cseq, fromTag, ...(messageId !== '' && { messageId }) }
  return { mailbox, seq, storeId, recipient, ...identity, size, events }
}
