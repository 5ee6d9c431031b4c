import { blocksOf } from './blocks.ts'
import type { CustodyLimits, LargeBody, NewUpload, RefusalReason, Verbs } from './verbs.ts'

/** What an upload needs of the mailbox that it is for. */
export interface UploadBox {
  /** Messages and bytes that wait in it. */
  readonly messages: { readonly size: number }
  readonly bytes: number
}

interface Upload {
  readonly message: NewUpload
  readonly box: UploadBox
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

  /** What has room in the quotas of a mailbox and is not a message yet. */
  reserved(box: UploadBox): { count: number; bytes: number } {
    const own = [...this.#uploads.values()].filter(upload => upload.box === box)
    return { count: own.length, bytes: sum(own.map(({ message, reserved }) => message.head.length + reserved)) }
  }

  /** What was promised is not free any more. */
  freeBytes(): number {
    return this.#freeBytes() - sum([...this.#uploads.values()].map(upload => upload.reserved - there(upload)))
  }

  /** Why a message of so many bytes more does not fit. */
  refusal(box: UploadBox, messages: number, bytes: number, limits: CustodyLimits): RefusalReason | undefined {
    const reserved = this.reserved(box)
    if (messages > 0 && box.messages.size + reserved.count + messages > limits.quotaMessages) return 'message quota'
    if (box.bytes + reserved.bytes + bytes > limits.quotaBytes) return 'byte quota'
    return this.freeBytes() - bytes < limits.reserveBytes ? 'flash reserve' : undefined
  }

  begin(box: UploadBox, { message, expectedBytes, limits }: Verbs['upload.begin']['request']) {
    const reason = this.refusal(box, 1, message.head.length + expectedBytes, limits)
    if (reason) return { outcome: 'refused', reason } as const
    this.#uploads.set(++this.#last, { message, box, writes: [], reserved: expectedBytes })
    return { outcome: 'begun', upload: this.#last } as const
  }

  append({ upload, offset, bytes, limits }: Verbs['upload.append']['request']): Verbs['upload.append']['reply'] {
    const found = this.#uploads.get(upload)
    if (!found) return 'gone'
    const growth = bytes.length === 0 ? 0 : Math.max(0, offset + bytes.length - found.reserved)
    const isFull = this.#freeBytes() - bytes.length < limits.reserveBytes
    const reason = growth > 0 ? this.refusal(found.box, 0, growth, limits) : isFull ? 'flash reserve' : undefined
    if (reason) return { refused: reason }
    found.reserved += growth
    if (bytes.length > 0) found.writes.push({ offset, bytes: Buffer.from(bytes) })
    return 'kept'
  }

  get(upload: number): Pick<Upload, 'message' | 'box'> | undefined {
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
