import { crc32 } from 'node:zlib'
import type { WallTime } from '../base/time.ts'

/**
 * Records as bytes: version, CRC-32 over key and content, content. Numbers are big-endian; text is UTF-8 after its length.
 * A record that decodes to undefined is damaged, or stands under a key that is not its own.
 */

const RECORD_VERSION = 1
export const CONTENT_AT = 5

/** Text longer than this is nothing that a SIP header field within the parser's bounds can hold. */
const TEXT_BYTES_MAX = 65535

let scratch = Buffer.allocUnsafe(16384)

/** Shorter ASCII text is written byte by byte, which costs less than a call into the runtime. */
const SHORT_TEXT = 64

/** Appends fields to one shared buffer; `finish` copies them out as a record. Never two at a time. */
export class Writer {
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

  /** `tail`, and `more` behind it, end the record as they are. */
  finish(key: string, tail?: Buffer, more?: Buffer): Buffer {
    const tailAt = this.#at
    const moreAt = tailAt + (tail?.length ?? 0)
    const record = Buffer.allocUnsafe(moreAt + (more?.length ?? 0))
    scratch.copy(record, 0, 0, tailAt)
    tail?.copy(record, tailAt)
    more?.copy(record, moreAt)
    return sealRecord(key, record)
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
export class Reader {
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

  /** Whether records of that kind once ended here. */
  get isAtEnd(): boolean {
    return this.#at >= this.#record.length
  }

  rest(): Buffer {
    return this.#record.subarray(this.#at)
  }

  skip(bytes: number): this {
    this.#at += bytes
    return this
  }

  skipText(): this {
    return this.skip(2 + this.#record.readUInt16BE(this.#at))
  }
}

export const writer = new Writer()

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

/** Puts version and checksum before the content, which begins at `CONTENT_AT`. */
export function sealRecord(key: string, record: Buffer): Buffer {
  record[0] = RECORD_VERSION
  record.writeUInt32BE(checksum(key, record), 1)
  return record
}

const isWhole = (key: string, record: Buffer): boolean =>
  record.length >= CONTENT_AT && record[0] === RECORD_VERSION && record.readUInt32BE(1) === checksum(key, record)

/** The content of a whole record. */
export const openRecord = (key: string, record: Buffer | undefined): Buffer | undefined =>
  record && isWhole(key, record) ? record.subarray(CONTENT_AT) : undefined

export const openFields = (key: string, record: Buffer): Reader | undefined =>
  isWhole(key, record) ? new Reader(record) : undefined
