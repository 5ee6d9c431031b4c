import type { Now } from '../../base/time.ts'
import type { BodySource } from '../../msrp/message.ts'
import { BLOCK_BYTES } from '../../store/blocks.ts'
import type { MailboxReader } from './mailbox-reader.ts'

const NOTHING: Buffer = Buffer.alloc(0)

/** The content of a large message with what goes before and after it, read from flash as it is sent. */
export class StoredBody implements BodySource {
  readonly length: number
  readonly #reader: Pick<MailboxReader, 'piece'>
  readonly #seq: number
  readonly #before: Buffer
  readonly #size: number
  readonly #after: Buffer
  #hasFailed = false

  constructor(
    reader: Pick<MailboxReader, 'piece'>,
    content: { seq: number; size: number },
    before = NOTHING,
    after = NOTHING,
  ) {
    this.#reader = reader
    this.#seq = content.seq
    this.#size = content.size
    this.#before = before
    this.#after = after
    this.length = before.length + content.size + after.length
  }

  /** Something of it could not be read. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  read(
    now: Now,
    offset: number,
    max: number,
    done: (now: Now, bytes: Buffer | undefined) => void,
    memory?: Buffer,
  ): void {
    const at = offset - this.#before.length
    if (at < 0) return done(now, this.#before.subarray(offset, offset + max))
    if (at >= this.#size) return done(now, this.#after.subarray(at - this.#size, at - this.#size + max))
    const left = this.#size - at
    const length = left <= max ? left : toBlockEnd(at, max)
    this.#reader.piece({ seq: this.#seq, offset: at, length, ...(memory && { memory }) }, (then, bytes) => {
      if (!bytes || bytes.length === 0) this.#hasFailed = true
      done(then, bytes)
    })
  }
}

/** A block is read, and its checksum looked at, as a whole: none of them twice. */
function toBlockEnd(at: number, length: number): number {
  const end = Math.floor((at + length) / BLOCK_BYTES) * BLOCK_BYTES
  return end > at ? end - at : length
}
