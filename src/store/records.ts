import { crc32 } from 'node:zlib'
import type { WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import { GROUP_MESSAGES, type IdentityGroup } from './identities.ts'
import type { Account, LifeEvent, LifeStory, Waiting } from './verbs.ts'

/**
 * Records as bytes: version, CRC-32 over key and content, content. Numbers are big-endian; text is UTF-8 after its length.
 * A record that decodes to undefined is damaged, or stands under a key that is not its own.
 */

export const RECORD_VERSION = 1
const CONTENT_AT = 5

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
}

export type IndexEntry = Omit<Waiting, 'seq' | 'storeId'>

export interface BodyRecord {
  readonly mailbox: number
  readonly recipient: string
  readonly storeId: string
  readonly receivedAt: WallTime
  readonly expiresAt: WallTime
  readonly isUrgent: boolean
  readonly bytes: Buffer
}

export interface LifeRecord extends LifeStory {
  readonly mailbox: number
  readonly cseq: number
  readonly fromTag: string
}

/** Text longer than this is nothing that a SIP header field within the parser's bounds can hold. */
const TEXT_BYTES_MAX = 65535

let scratch = Buffer.allocUnsafe(16384)

/** Shorter ASCII text is written byte by byte, which costs less than a call into the runtime. */
const SHORT_TEXT = 64

/** Appends fields to one shared buffer; `finish` copies them out as a record. Never two at a time. */
class Writer {
  #at = CONTENT_AT

  begin(): this {
    this.#at = CONTENT_AT
    return this
  }

  u8(value: number): this {
    this.#room(1)
    scratch[this.#at++] = value
    return this
  }

  u32(value: number): this {
    this.#room(4)
    this.#u32(value)
    return this
  }

  u48(value: number): this {
    this.#room(6)
    const high = Math.floor(value / 2 ** 32)
    scratch[this.#at++] = high >>> 8
    scratch[this.#at++] = high
    this.#u32(value % 2 ** 32)
    return this
  }

  text(text: string): this {
    this.#room(2 + text.length * 3)
    const start = this.#at + 2
    const length = writeShortAscii(text, start) ? text.length : scratch.write(text, start)
    if (length > TEXT_BYTES_MAX) throw new RangeError(`text of ${length} bytes is too long for a record`)
    scratch[start - 2] = length >>> 8
    scratch[start - 1] = length
    this.#at = start + length
    return this
  }

  finish(key: string, tail?: Buffer): Buffer {
    const record = Buffer.allocUnsafe(this.#at + (tail?.length ?? 0))
    scratch.copy(record, 0, 0, this.#at)
    tail?.copy(record, this.#at)
    record[0] = RECORD_VERSION
    record.writeUInt32BE(checksum(key, record), 1)
    return record
  }

  #u32(value: number): void {
    const at = this.#at
    scratch[at] = value >>> 24
    scratch[at + 1] = value >>> 16
    scratch[at + 2] = value >>> 8
    scratch[at + 3] = value
    this.#at = at + 4
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= scratch.length) return
    const larger = Buffer.allocUnsafe(Math.max(scratch.length * 2, this.#at + bytes))
    scratch.copy(larger, 0, 0, this.#at)
    scratch = larger
  }
}

/** False when it is longer, or not ASCII; what stands there then is written over. */
function writeShortAscii(text: string, at: number): boolean {
  if (text.length > SHORT_TEXT) return false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 127) return false
    scratch[at + i] = unit
  }
  return true
}

/** Reads fields in the order they were written; the checksum was right, so they are there. */
class Reader {
  #at = CONTENT_AT
  readonly #record: Buffer

  constructor(record: Buffer) {
    this.#record = record
  }

  u8(): number {
    return this.#record[this.#at++]!
  }

  u32(): number {
    const at = this.#at
    const record = this.#record
    this.#at += 4
    return record[at]! * 2 ** 24 + ((record[at + 1]! << 16) | (record[at + 2]! << 8) | record[at + 3]!)
  }

  u48(): number {
    const high = this.u8() * 256 + this.u8()
    return high * 2 ** 32 + this.u32()
  }

  wall(): WallTime {
    return this.u48() as WallTime
  }

  text(): string {
    const length = this.#record.readUInt16BE(this.#at)
    this.#at += 2 + length
    return this.#record.toString('utf8', this.#at - length, this.#at)
  }

  rest(): Buffer {
    return this.#record.subarray(this.#at)
  }
}

const writer = new Writer()

/** Up to here the table costs less than the call into the runtime. */
const SHORT_RECORD = 160

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** The key is part of what is checked: a value that strayed under another key does not pass. */
function checksum(key: string, record: Buffer): number {
  let seed = 0x811c9dc5
  for (let i = 0; i < key.length; i++) seed = Math.imul(seed ^ key.charCodeAt(i), 0x01000193)
  if (record.length > SHORT_RECORD) return crc32(record.subarray(CONTENT_AT), seed >>> 0)
  let crc = ~seed
  for (let i = CONTENT_AT; i < record.length; i++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ record[i]!) & 255]!
  return ~crc >>> 0
}

function open(key: string, record: Buffer): Reader | undefined {
  if (record.length < CONTENT_AT || record[0] !== RECORD_VERSION) return undefined
  return record.readUInt32BE(1) === checksum(key, record) ? new Reader(record) : undefined
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
  const fields = open(key, record)
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
  const fields = open(key, record)
  return fields && { mailbox: fields.u32(), account: JSON.parse(fields.rest().toString()) as Account }
}

export const encodeBindings = (key: string, { version, bindings }: BindingsRecord): Buffer =>
  writer
    .begin()
    .u48(version)
    .finish(key, Buffer.from(JSON.stringify(bindings)))

export function decodeBindings(key: string, record: Buffer): BindingsRecord | undefined {
  const fields = open(key, record)
  return fields && { version: fields.u48(), bindings: JSON.parse(fields.rest().toString()) as Binding[] }
}

export const encodeHead = (key: string, head: Head): Buffer =>
  writer.begin().u32(head.count).u48(head.bytes).text(head.aor).finish(key)

export function decodeHead(key: string, record: Buffer): Head | undefined {
  const fields = open(key, record)
  return fields && { count: fields.u32(), bytes: fields.u48(), aor: fields.text() }
}

/** What is kept of a damaged record for who wants to look into it. */
export const encodeQuarantine = (key: string, damagedKey: string, value: Buffer): Buffer =>
  writer.begin().text(damagedKey).finish(key, value)

export const encodeSeq = (key: string, seq: number): Buffer => writer.begin().u48(seq).finish(key)

export const decodeSeq = (key: string, record: Buffer): number | undefined => open(key, record)?.u48()

export function encodeIdentities(key: string, group: IdentityGroup): Buffer {
  writer.begin()
  for (const number of group as Uint32Array) writer.u32(number)
  return writer.finish(key)
}

export function decodeIdentities(key: string, record: Buffer): IdentityGroup | undefined {
  const fields = open(key, record)
  if (!fields) return undefined
  const group = new Uint32Array(GROUP_MESSAGES * 2)
  for (let i = 0; i < group.length; i++) group[i] = fields.u32()
  return group
}

export const encodeIndex = (key: string, entry: IndexEntry): Buffer => {
  const { isUrgent, lastFailure } = entry
  writer
    .begin()
    .u8((isUrgent ? 1 : 0) | (lastFailure === undefined ? 0 : 2))
    .u48(entry.size)
    .u48(entry.receivedAt)
    .u48(entry.expiresAt)
    .u32(entry.attempts)
  if (lastFailure !== undefined) writer.text(lastFailure)
  return writer.finish(key)
}

export function decodeIndex(key: string, record: Buffer): IndexEntry | undefined {
  const fields = open(key, record)
  if (!fields) return undefined
  const flags = fields.u8()
  return {
    isUrgent: (flags & 1) !== 0,
    size: fields.u48(),
    receivedAt: fields.wall(),
    expiresAt: fields.wall(),
    attempts: fields.u32(),
    ...((flags & 2) !== 0 && { lastFailure: fields.text() }),
  }
}

export const encodeBody = (key: string, body: BodyRecord): Buffer =>
  writer
    .begin()
    .u32(body.mailbox)
    .u8(body.isUrgent ? 1 : 0)
    .u48(body.receivedAt)
    .u48(body.expiresAt)
    .text(body.storeId)
    .text(body.recipient)
    .finish(key, body.bytes)

export function decodeBody(key: string, record: Buffer): BodyRecord | undefined {
  const fields = open(key, record)
  return (
    fields && {
      mailbox: fields.u32(),
      isUrgent: fields.u8() === 1,
      receivedAt: fields.wall(),
      expiresAt: fields.wall(),
      storeId: fields.text(),
      recipient: fields.text(),
      bytes: fields.rest(),
    }
  )
}

const EVENTS = ['stored', 'attempt', 'delivered', 'expired', 'deleted', 'damaged'] as const

export function encodeLife(key: string, life: LifeRecord): Buffer {
  writer.begin().u32(life.mailbox).u48(life.size).u48(life.cseq)
  writer.text(life.storeId).text(life.recipient).text(life.sender).text(life.callId).text(life.fromTag)
  writer.u8(life.events.length)
  for (const event of life.events) {
    writer.u48(event.at).u8(EVENTS.indexOf(event.event))
    if (event.event !== 'stored') writer.text(event.detail)
  }
  return writer.finish(key)
}

export function decodeLife(key: string, seq: number, record: Buffer): LifeRecord | undefined {
  const fields = open(key, record)
  if (!fields) return undefined
  const [mailbox, size, cseq] = [fields.u32(), fields.u48(), fields.u48()]
  const [storeId, recipient, sender] = [fields.text(), fields.text(), fields.text()]
  const [callId, fromTag] = [fields.text(), fields.text()]
  const events: LifeEvent[] = []
  for (let left = fields.u8(); left > 0; left--) {
    const at = fields.wall()
    const event = EVENTS[fields.u8()]!
    events.push(event === 'stored' ? { at, event } : { at, event, detail: fields.text() })
  }
  return { mailbox, seq, storeId, recipient, sender, callId, cseq, fromTag, size, events }
}
