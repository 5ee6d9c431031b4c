import { blocksOf, INLINE_BYTES_MAX } from './blocks.ts'
import type { Held } from './shares.ts'
import type { LargeBody, NewUpload, RefusalReason, Verbs } from './verbs.ts'

/** The mailbox that an upload is for, whatever it is. */
type UploadBox = object

/** Why one message, or so many bytes more of it, does not fit. */
export type Refuse = (wanted: Held) => RefusalReason | undefined

interface Upload {
  readonly message: NewUpload
  readonly box: UploadBox
  /** Of the sender among the mailbox's. */
  readonly share: number
  /** As they came. */
  readonly writes: { readonly offset: number; readonly bytes: Buffer }[]
  /** Of the body. */
  reserved: number
}

/** The bytes of a message that is in the mailbox, and how many blocks they took. */
export interface LargeContent {
  readonly large: LargeBody
  readonly body: Buffer
  readonly upload: number
  readonly blocks: number
}

/** Large messages whose bytes are still coming, and what is left of those that ended: part of the reference model. */
export class MemoryUploads {
  readonly #freeBytes: () => number
  readonly #uploads = new Map<number, Upload>()
  /** Blocks of each upload that are still to be removed. */
  readonly #sweep = new Map<number, number>()
  #last = 0

  constructor(freeBytes: () => number) {
    this.#freeBytes = freeBytes
  }

  /** What has room in the quotas and is not a message yet. */
  get reserved(): { box: UploadBox; share: number; bytes: number }[] {
    return [...this.#uploads.values()].map(({ box, share, message, reserved }) => ({
      box,
      share,
      bytes: message.head.length + reserved,
    }))
  }

  /** What was promised is not free any more. */
  freeBytes(): number {
    return this.#freeBytes() - sum([...this.#uploads.values()].map(upload => upload.reserved - there(upload)))
  }

  begin(box: UploadBox, share: number, { message, expectedBytes }: Verbs['upload.begin']['request'], refuse: Refuse) {
    const reason = refuse({ messages: 1, bytes: message.head.length + expectedBytes, receipts: 0 })
    if (reason) return { outcome: 'refused', reason } as const
    this.#uploads.set(++this.#last, { message, box, share, writes: [], reserved: expectedBytes })
    return { outcome: 'begun', upload: this.#last } as const
  }

  append(request: Verbs['upload.append']['request'], refuse: Refuse): Verbs['upload.append']['reply'] {
    const { upload, offset, bytes, limits } = request
    const found = this.#uploads.get(upload)
    if (!found) return 'gone'
    const growth = bytes.length === 0 ? 0 : Math.max(0, offset + bytes.length - found.reserved)
    const isFull = this.#freeBytes() - bytes.length < limits.reserveBytes
    const more = { messages: 0, bytes: growth, receipts: 0 }
    const reason = growth > 0 ? refuse(more) : isFull ? 'flash reserve' : undefined
    if (reason) return { refused: reason }
    found.reserved += growth
    if (bytes.length > 0) found.writes.push({ offset, bytes: Buffer.from(bytes) })
    return 'kept'
  }

  get(upload: number): Pick<Upload, 'message' | 'box' | 'share'> | undefined {
    return this.#uploads.get(upload)
  }

  /** The upload ends as a message. */
  finish({ upload, size, contentType, transactionId }: Verbs['upload.finish']['request']): LargeContent {
    const found = this.#uploads.get(upload)!
    this.#uploads.delete(upload)
    const { messageId } = found.message
    return {
      large: { size, messageId, contentType, transactionId },
      body: bodyOf(found).subarray(0, size),
      upload,
      blocks: blocksOf(endOf(found)),
    }
  }

  /** A message that is there as a whole. What fits into the record of its head leaves no blocks. */
  whole({ message, content, contentType, transactionId }: Verbs['upload.whole']['request']): LargeContent {
    const { length: size } = content
    const blocks = message.head.length + size <= INLINE_BYTES_MAX ? 0 : blocksOf(size)
    const large = { size, messageId: message.messageId, contentType, transactionId }
    return { large, body: Buffer.from(content), upload: blocks === 0 ? 0 : ++this.#last, blocks }
  }

  drop(upload: number): 'dropped' | 'absent' {
    const found = this.#uploads.get(upload)
    if (!found) return 'absent'
    this.#uploads.delete(upload)
    this.toSweep({ upload, blocks: blocksOf(endOf(found)) })
    return 'dropped'
  }

  /** Drops those for one mailbox, or all. */
  dropAll(box?: UploadBox): number {
    const numbers = [...this.#uploads].filter(([, upload]) => !box || upload.box === box).map(([number]) => number)
    for (const number of numbers) this.drop(number)
    return numbers.length
  }

  toSweep({ upload, blocks }: Pick<LargeContent, 'upload' | 'blocks'>): void {
    if (blocks > 0) this.#sweep.set(upload, blocks)
  }

  sweep(limit: number): number {
    let left = limit
    for (const [upload, blocks] of [...this.#sweep].sort(([a], [b]) => a - b)) {
      const removed = Math.min(left, blocks)
      left -= removed
      if (removed === blocks) this.#sweep.delete(upload)
      else this.#sweep.set(upload, blocks - removed)
    }
    return limit - left
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

const endOf = ({ writes }: Upload): number => Math.max(0, ...writes.map(({ offset, bytes }) => offset + bytes.length))

function bodyOf(upload: Upload): Buffer {
  const body = Buffer.alloc(endOf(upload))
  for (const { offset, bytes } of upload.writes) bytes.copy(body, offset)
  return body
}

/** How many bytes of the body came, each counted once. */
function there(upload: Upload): number {
  const came = new Uint8Array(endOf(upload))
  for (const { offset, bytes } of upload.writes) came.fill(1, offset, offset + bytes.length)
  return came.reduce((bytes, byte) => bytes + byte, 0)
}
