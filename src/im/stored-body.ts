import type { Now } from '../base/time.ts'
import type { BodySource } from '../msrp/message.ts'
import type { MailboxReader } from './mailbox-reader.ts'

const NOTHING: Buffer = Buffer.alloc(0)

/** The content of a large message with what goes before and after it, read from flash as it is sent. */
export class StoredBody implements BodySource {
  readonly length: number
  readonly #reader: MailboxReader
  readonly #seq: number
  readonly #before: Buffer
  readonly #size: number
  readonly #after: Buffer
  #hasFailed = false

  constructor(reader: MailboxReader, content: { seq: number; size: number }, before = NOTHING, after = NOTHING) {
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

  read(now: Now, offset: number, max: number, done: (now: Now, bytes: Buffer | undefined) => void): void {
    const at = offset - this.#before.length
    if (at < 0) return done(now, this.#before.subarray(offset, offset + max))
    if (at >= this.#size) return done(now, this.#after.subarray(at - this.#size, at - this.#size + max))
    this.#reader.piece(this.#seq, at, Math.min(max, this.#size - at), (then, bytes) => {
      if (!bytes || bytes.length === 0) this.#hasFailed = true
      done(then, bytes)
    })
  }
}
