import { blocksOf, INLINE_BYTES_MAX, PIECE_BYTES_MAX, putBlocks, readBlocks, writeBlocks } from './blocks.ts'
import { Damage, type DamagedRecord } from './damage.ts'
import { bytesIn, covers, endOf, NO_EXTENTS, touches, withExtent } from './extents.ts'
import { identityHash } from './identities.ts'
import { findDuplicate, keep } from './keyed-mailbox.ts'
import { type Box, uploadKey } from './keys.ts'
import { refusalOf, shareOf } from './room.ts'
import { toSweep } from './sweep.ts'
import type { Do, Tables } from './tables.ts'
import { lengthOf, reservedBy, type UploadRecord } from './upload-records.ts'
import type { CustodyLimits, RefusalReason } from './verbs.ts'

/** Far above the 64 pieces that a receiver of MSRP keeps of one message; each costs 12 bytes of a record that every append writes. */
const EXTENTS_MAX = 1024

const oneOf = (bytes: number) => ({ messages: 1, bytes, receipts: 0 })

export const findRoom: Do<'room'> = (tables, { aor, bytes, limits, from }) => {
  const box = tables.box(aor)
  if (!box) return 'unknown recipient'
  const share = from && shareOf(tables, box, from, limits)
  return refusalOf(tables, box, share, oneOf(inRange(bytes)), limits) ?? 'room'
}

/** DM-STO-05: what the INVITE said of it, and room for its bytes in the quotas and on the flash. */
export const beginUpload: Do<'upload.begin'> = (tables, { message, expectedBytes, limits }) => {
  const box = tables.box(message.recipient)
  if (!box) return { outcome: 'refused', reason: 'unknown recipient' }
  const known = findDuplicate(tables, box, message, identityHash(box.mailbox, message))
  if (known) return { outcome: 'duplicate', seq: known.seq, storeId: known.storeId }
  const bytes = message.head.length + inRange(expectedBytes)
  const share = shareOf(tables, box, message, limits)
  const reason = refusalOf(tables, box, share, oneOf(bytes), limits)
  if (reason) return { outcome: 'refused', reason }
  const totals = tables.uploadTotals()
  const upload = totals.last + 1
  tables.putUploadTotals({ last: upload, promised: totals.promised + expectedBytes })
  tables.putUpload(upload, { mailbox: box.mailbox, share, message, reserved: expectedBytes, extents: NO_EXTENTS })
  tables.reserve(box, share, 1, bytes)
  return { outcome: 'begun', upload }
}

export const appendUpload: Do<'upload.append'> = (tables, { upload, offset, bytes, limits }) => {
  const record = tables.upload(upload)
  if (!record) return 'gone'
  const extents = withExtent(record.extents, inRange(offset), offset + bytes.length)
  if (extents.length > EXTENTS_MAX * 2) throw new RangeError(`an upload in more than ${EXTENTS_MAX} pieces`)
  const box = boxOf(record)
  const reserved = Math.max(record.reserved, endOf(extents))
  const growth = reserved - record.reserved
  const more = { messages: 0, bytes: growth, receipts: 0 }
  const reason = growth > 0 ? refusalOf(tables, box, record.share, more, limits) : noFlash(tables, bytes, limits)
  if (reason) return { refused: reason }
  const place = {
    upload,
    offset,
    hasBytes: (from: number, to: number) => touches(record.extents, from, to),
    damaged: damagedBlock({ table: 'upload', upload }),
  }
  writeBlocks(tables.kv, place, bytes)
  const totals = tables.uploadTotals()
  const came = bytesIn(extents) - bytesIn(record.extents)
  tables.putUploadTotals({ ...totals, promised: totals.promised + growth - came })
  tables.putUpload(upload, { ...record, reserved, extents })
  if (growth > 0) tables.reserve(box, record.share, 0, growth)
  return 'kept'
}

/** Of bytes for which there is room in the quotas: others may have filled the flash since. */
const noFlash = (tables: Tables, bytes: Buffer, { reserveBytes }: CustodyLimits): RefusalReason | undefined =>
  tables.surroundings.freeBytes() - bytes.length < reserveBytes ? 'flash reserve' : undefined

/** DM-STO-06, 07: one message, of the bytes in whatever order they came. */
export const finishUpload: Do<'upload.finish'> = (tables, request) => {
  const { upload, size, contentType, transactionId, at, limits } = request
  const record = tables.upload(upload)
  if (!record) return 'gone'
  if (!covers(record.extents, inRange(size))) throw new RangeError(`not all of the ${size} bytes were appended`)
  const { message, share } = record
  const box = boxOf(record)
  const identity = identityHash(box.mailbox, message)
  const known = findDuplicate(tables, box, message, identity)
  if (known) {
    endUpload(tables, upload, record)
    return { outcome: 'duplicate', seq: known.seq, storeId: known.storeId }
  }
  settleUpload(tables, upload, record)
  const { head: bytes, messageId, receipt = request.receipt, ...rest } = message
  const large = { upload, size, blocks: blocksOf(lengthOf(record)), messageId, contentType, transactionId }
  const kept = { ...rest, messageId, bytes, large, ...(receipt && { receipt }) }
  return keep(tables, box, kept, { identity, share, at, limits })
}

/** DM-STO-05..07 at one go. What is small stands in the body's record, as a MESSAGE does. */
export const keepWhole: Do<'upload.whole'> = (tables, request) => {
  const { message, content, contentType, transactionId, at, limits } = request
  const box = tables.box(message.recipient)
  if (!box) return { outcome: 'refused', reason: 'unknown recipient' }
  const identity = identityHash(box.mailbox, message)
  const known = findDuplicate(tables, box, message, identity)
  if (known) return { outcome: 'duplicate', seq: known.seq, storeId: known.storeId }
  const { head: bytes, messageId } = message
  const { length: size } = content
  const share = shareOf(tables, box, message, limits)
  const reason = refusalOf(tables, box, share, oneOf(bytes.length + size), limits)
  if (reason) return { outcome: 'refused', reason }
  const isInline = bytes.length + size <= INLINE_BYTES_MAX
  const place = isInline ? { upload: 0, blocks: 0 } : putContent(tables, content)
  const large = { ...place, size, messageId, contentType, transactionId }
  const kept = { ...message, bytes, large, content: isInline ? content : undefined }
  return keep(tables, box, kept, { identity, share, at, limits })
}

function putContent(tables: Tables, content: Buffer): { upload: number; blocks: number } {
  const totals = tables.uploadTotals()
  const upload = totals.last + 1
  tables.putUploadTotals({ ...totals, last: upload })
  putBlocks(tables.kv, upload, content)
  return { upload, blocks: blocksOf(content.length) }
}

export const dropUpload: Do<'upload.drop'> = (tables, { upload }) => {
  const record = tables.upload(upload)
  if (!record) return 'absent'
  endUpload(tables, upload, record)
  return 'dropped'
}

export const clearUploads: Do<'upload.clear'> = tables => dropUploads(tables, () => true)

/** How many were dropped. */
export function dropUploads(tables: Tables, isWanted: (record: UploadRecord) => boolean): number {
  let dropped = 0
  for (const { upload, record } of tables.uploads()) {
    if (!isWanted(record)) continue
    endUpload(tables, upload, record)
    dropped++
  }
  return dropped
}

/** Nothing of it becomes a message. */
function endUpload(tables: Tables, upload: number, record: UploadRecord): void {
  settleUpload(tables, upload, record)
  toSweep(tables, upload, blocksOf(lengthOf(record)))
}

/** The reservation ends. */
function settleUpload(tables: Tables, upload: number, record: UploadRecord): void {
  tables.kv.remove(uploadKey(upload))
  tables.reserve(boxOf(record), record.share, -1, -reservedBy(record))
  const totals = tables.uploadTotals()
  tables.putUploadTotals({ ...totals, promised: totals.promised - (record.reserved - bytesIn(record.extents)) })
}

const boxOf = ({ mailbox, message }: UploadRecord): Box => ({ aor: message.recipient, mailbox })

export const readPiece: Do<'piece'> = (tables, { aor, seq, offset, length, memory }) => {
  const box = tables.box(aor)
  const large = box && tables.index(box, seq)?.large
  if (!large) return undefined
  const from = Math.min(inRange(offset), large.size)
  const to = Math.min(from + Math.min(inRange(length), PIECE_BYTES_MAX), large.size)
  if (large.upload === 0) return tables.body(box, seq).content?.subarray(from, to)
  const place = { upload: large.upload, damaged: damagedBlock({ table: 'block', box, seq }) }
  return readBlocks(tables.kv, place, [from, to], memory)
}

/** The message, or what has come of it, is set aside. */
const damagedBlock =
  (record: DamagedRecord) =>
  (key: string, value: Buffer): never => {
    throw new Damage(record, key, value)
  }

function inRange(bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`${bytes} is no number of bytes`)
  return bytes
}
