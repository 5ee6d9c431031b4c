import { openFields, writer } from './record-bytes.ts'
import { readReceipt, writeReceipt } from './records.ts'
import type { Notice } from './verbs.ts'

/** What is counted over all notices. */
export interface NoticeTotals {
  /** The last id given out; never used again. */
  readonly last: number
  readonly waiting: number
  /** For which there was no room, or whose record was damaged. */
  readonly lost: number
}

export const NO_NOTICES: NoticeTotals = { last: 0, waiting: 0, lost: 0 }

export function encodeNotice(key: string, { kind, why, at, sender, recipient, receipt, storeId }: Notice): Buffer {
  writer
    .begin()
    .u8(kind === 'stored' ? 0 : 1)
    .u48(at)
    .text(why)
    .text(sender)
    .text(recipient)
    .text(storeId)
  writeReceipt(receipt)
  return writer.finish(key)
}

export function decodeNotice(key: string, id: number, record: Buffer): Notice | undefined {
  const fields = openFields(key, record)
  if (!fields) return undefined
  const kind = fields.u8() === 0 ? 'stored' : 'failed'
  const at = fields.wall()
  const [why, sender, recipient, storeId] = [fields.text(), fields.text(), fields.text(), fields.text()]
  return { id, kind, why, at, sender, recipient, storeId, receipt: readReceipt(fields)! }
}

export const encodeNoticeTotals = (key: string, { last, waiting, lost }: NoticeTotals): Buffer =>
  writer.begin().u48(last).u32(waiting).u48(lost).finish(key)

export function decodeNoticeTotals(key: string, record: Buffer): NoticeTotals | undefined {
  const fields = openFields(key, record)
  return fields && { last: fields.u48(), waiting: fields.u32(), lost: fields.u48() }
}
