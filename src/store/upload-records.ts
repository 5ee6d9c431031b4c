import { type Extents, endOf } from './extents.ts'
import { openFields, writer } from './record-bytes.ts'
import type { NewUpload, ReceiptTerms } from './verbs.ts'

/** A large message whose bytes are still coming. */
export interface UploadRecord {
  readonly mailbox: number
  /** Under which of the head's shares it is counted. */
  readonly share: number
  readonly message: NewUpload
  /** Bytes of the body for which there is room: what the sender said, or what came when that is more. */
  readonly reserved: number
  /** What of the body is there. */
  readonly extents: Extents
}

/** What is counted over all uploads. */
export interface UploadTotals {
  /** The last number given out; never used again. */
  readonly last: number
  /** Bytes for which there is room in the quotas and that did not come yet. */
  readonly promised: number
}

export const NO_UPLOADS: UploadTotals = { last: 0, promised: 0 }

/** What the upload holds of its mailbox's bytes. */
export const reservedBy = ({ message, reserved }: UploadRecord): number => message.head.length + reserved

export const lengthOf = ({ extents }: UploadRecord): number => endOf(extents)

const [IS_URGENT, IS_RECEIPT, HAS_RECEIPT] = [1, 2, 4]

export function encodeUpload(key: string, { mailbox, share, message, reserved, extents }: UploadRecord): Buffer {
  const { isUrgent, isReceipt, receipt } = message
  writer
    .begin()
    .u32(mailbox)
    .u8((isUrgent ? IS_URGENT : 0) | (isReceipt ? IS_RECEIPT : 0) | (receipt ? HAS_RECEIPT : 0))
    .u48(share)
    .u48(message.receivedAt)
    .u48(message.expiresAt)
    .u48(message.cseq)
    .text(message.recipient)
    .text(message.sender)
    .text(message.callId)
    .text(message.fromTag)
    .text(message.messageId)
  if (receipt) writer.text(JSON.stringify(receipt))
  writer.u48(reserved).u32(extents.length)
  for (const edge of extents) writer.u48(edge)
  return writer.finish(key, message.head)
}

export function decodeUpload(key: string, record: Buffer): UploadRecord | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const [mailbox, flags, share] = [fields.u32(), fields.u8(), fields.u48()]
  const [receivedAt, expiresAt, cseq] = [fields.wall(), fields.wall(), fields.u48()]
  const [recipient, sender, callId] = [fields.text(), fields.text(), fields.text()]
  const [fromTag, messageId] = [fields.text(), fields.text()]
  const receipt = flags & HAS_RECEIPT ? (JSON.parse(fields.text()) as ReceiptTerms) : undefined
  const reserved = fields.u48()
  const extents = Array.from({ length: fields.u32() }, () => fields.u48())
  const identity = { recipient, sender, callId, cseq, fromTag, messageId }
  const message: NewUpload = {
    ...identity,
    head: fields.rest(),
    receivedAt,
    expiresAt,
    isUrgent: (flags & IS_URGENT) !== 0,
    ...(receipt && { receipt }),
    ...(flags & IS_RECEIPT && { isReceipt: true }),
  }
  return { mailbox, share, message, reserved, extents }
}

export const encodeUploadTotals = (key: string, { last, promised }: UploadTotals): Buffer =>
  writer.begin().u48(last).u48(promised).finish(key)

export function decodeUploadTotals(key: string, record: Buffer): UploadTotals | undefined {
  const fields = openFields(key, record)
  return fields && { last: fields.u48(), promised: fields.u48() }
}
