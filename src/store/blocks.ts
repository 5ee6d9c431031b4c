import type { Records } from './key-value.ts'
import { blockKey } from './keys.ts'
import { CONTENT_AT, openRecord, sealRecord } from './record-bytes.ts'

/**
 * The bytes of large messages, in values that fill whole pages: LMDB puts a value of this size on pages of its own, 4096 bytes each,
 * of which the first begins with 24 bytes of the library's. All of one size, so that what one frees fits the next.
 */
const VALUE_BYTES = 16 * 4096 - 24

/** Bytes of a message in one block. What is appended in multiples of it, at multiples of it, is written once. */
export const BLOCK_BYTES = VALUE_BYTES - CONTENT_AT

/**
 * Head and content of a large message that stand in one record. With what else it has that is one page of LMDB at most, and up to half
 * a page shares one with other records, as a MESSAGE of that size does; blocks would take a page more.
 */
export const INLINE_BYTES_MAX = 3584

/** What is read at once of a large message. */
export const PIECE_BYTES_MAX = 1024 * 1024

/** A block on its way to the disk that is written in parts. Changed in place by the batch that made it. */
interface Block {
  /** The value to be: room for the record's head, then the bytes. As large as what it was made for, or as a whole block. */
  value: Buffer
  /** Bytes of the message in it. */
  used: number
}

/** One that is written at one go: the bytes are where the request has them, and stay there until it is answered. */
interface WholeBlock {
  readonly bytes: Buffer
}

export const blocksOf = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES)

/** Where whole blocks become values, one after the other as the disk takes them. */
const wholeValue = Buffer.allocUnsafeSlow(VALUE_BYTES)

/** What a write touches: `parts` are to be made first, as reading them may find damage; then `write` cannot fail. */
interface Part {
  readonly key: string
  /** Undefined: `bytes` are all of it. */
  readonly block: Block | undefined
  /** In the block. */
  readonly at: number
  readonly bytes: Buffer
}

/** Blocks of an upload that hold nothing yet are not looked for. */
export interface Place {
  readonly upload: number
  readonly offset: number
  hasBytes(from: number, to: number): boolean
  damaged(key: string, value: Buffer): never
}

/** Writes over what is there. Nothing is changed when a block turns out to be damaged. */
export function writeBlocks(kv: Records, place: Place, bytes: Buffer): void {
  const parts: Part[] = []
  for (let done = 0; done < bytes.length; ) {
    const number = Math.floor((place.offset + done) / BLOCK_BYTES)
    const at = place.offset + done - number * BLOCK_BYTES
    const length = Math.min(BLOCK_BYTES - at, bytes.length - done)
    const key = blockKey(place.upload, number)
    const block = length === BLOCK_BYTES ? undefined : blockAt(kv, place, key, { number, end: at + length })
    parts.push({ key, block, at, bytes: bytes.subarray(done, done + length) })
    done += length
  }
  for (const part of parts) write(kv, part)
}

function write(kv: Records, { key, block, at, bytes }: Part): void {
  if (!block) return writeWhole(kv, key, bytes)
  if (CONTENT_AT + at + bytes.length > block.value.length) block.value = grown(block)
  const { value } = block
  if (at > block.used) value.fill(0, CONTENT_AT + block.used, CONTENT_AT + at)
  bytes.copy(value, CONTENT_AT + at)
  block.used = Math.max(block.used, at + bytes.length)
  kv.putRecord(key, block, () => sealRecord(key, value.subarray(0, CONTENT_AT + block.used)))
}

function writeWhole(kv: Records, key: string, bytes: Buffer): void {
  const block: WholeBlock = { bytes }
  kv.putRecord(key, block, () => {
    bytes.copy(wholeValue, CONTENT_AT)
    return sealRecord(key, wholeValue)
  })
}

/** The blocks of a message that is there as a whole: each is made as large as it is. */
export function putBlocks(kv: Records, upload: number, bytes: Buffer): void {
  for (let number = 0; number < blocksOf(bytes.length); number++) {
    const part = bytes.subarray(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES)
    const value = Buffer.allocUnsafe(CONTENT_AT + part.length)
    part.copy(value, CONTENT_AT)
    const key = blockKey(upload, number)
    kv.put(key, sealRecord(key, value))
  }
}

/** With room for `bytes` of the message, and what `content` there is already. */
function newBlock(bytes: number, content?: Buffer): Block {
  const value = Buffer.allocUnsafe(CONTENT_AT + Math.max(bytes, content?.length ?? 0))
  content?.copy(value, CONTENT_AT)
  return { value, used: content?.length ?? 0 }
}

const grown = ({ value, used }: Block): Buffer =>
  newBlock(BLOCK_BYTES, value.subarray(CONTENT_AT, CONTENT_AT + used)).value

/** As it is, with room for its bytes up to `end`. */
function blockAt(kv: Records, place: Place, key: string, { number, end }: { number: number; end: number }): Block {
  const known = kv.known(key) as Block | WholeBlock | null | undefined
  if (known) return 'value' in known ? known : newBlock(end, known.bytes)
  if (!place.hasBytes(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES)) return newBlock(end)
  const value = kv.peek(key)
  const content = openRecord(key, value)
  return content ? newBlock(end, content) : place.damaged(key, Buffer.from(value ?? []))
}

/** Bytes [from, to) of an upload that has them all, put into `memory` if they fit. */
export function readBlocks(
  kv: Records,
  { upload, damaged }: Pick<Place, 'upload' | 'damaged'>,
  [from, to]: readonly [number, number],
  memory?: Buffer,
): Buffer {
  const bytes = memory && memory.length >= to - from ? memory.subarray(0, to - from) : Buffer.allocUnsafeSlow(to - from)
  for (let done = from; done < to; ) {
    const number = Math.floor(done / BLOCK_BYTES)
    const at = done - number * BLOCK_BYTES
    const length = Math.min(BLOCK_BYTES - at, to - done)
    const key = blockKey(upload, number)
    const value = kv.peek(key)
    const content = openRecord(key, value)
    if (!content || content.length < at + length) return damaged(key, Buffer.from(value ?? []))
    content.copy(bytes, done - from, at, at + length)
    done += length
  }
  return bytes
}
