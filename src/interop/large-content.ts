import { createHash, type Hash } from 'node:crypto'
import type { Now } from '../base/time.ts'
import { boundaryOf } from '../content/multipart.ts'
import type { AnswerChunk, ChunkReceiver } from '../msrp/assembly.ts'
import type { ContinuationFlag, MsrpHead } from '../msrp/frame.ts'
import type { BodySource } from '../msrp/message.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'

const BLOCK = 65_536

/** Octets of any length that are made as they are read, unlike at every place. */
export class LargeContent implements BodySource {
  readonly length: number
  /** How far it was read. */
  readUpTo = 0
  readonly #noise: Buffer

  constructor(length: number, seed: string) {
    this.length = length
    this.#noise = Buffer.from(new SeededEntropy(seed).bytes(BLOCK))
  }

  read(now: Now, offset: number, max: number, done: (now: Now, bytes: Buffer | undefined) => void): void {
    const bytes = this.bytes(offset, Math.min(this.length, offset + max))
    this.readUpTo = offset + bytes.length
    done(now, bytes)
  }

  sha256(): string {
    const hash = createHash('sha256')
    for (let at = 0; at < this.length; at += BLOCK) hash.update(this.bytes(at, Math.min(this.length, at + BLOCK)))
    return hash.digest('hex')
  }

  bytes(from: number, to: number): Buffer {
    const bytes = Buffer.alloc(to - from)
    for (let at = from; at < to; ) {
      const number = Math.floor(at / BLOCK)
      const end = Math.min(to, (number + 1) * BLOCK)
      this.#noise.copy(bytes, at - from, at % BLOCK, (at % BLOCK) + end - at)
      // The number of the block in its first octets.
      for (let i = at % BLOCK; i < 4 && i < (at % BLOCK) + end - at; i++)
        bytes[number * BLOCK + i - from] = number >> (i * 8)
      at = end
    }
    return bytes
  }
}

/** A large message that came, told by the hash of what stands between its headers and its end-line. */
export interface Hashed {
  readonly bytes: number
  readonly sha256: string
  readonly head: string
}

/** Hashes pushed large messages as they come (DM-PSH-06), in order as the box sends them. */
export class HashingReceiver implements ChunkReceiver {
  readonly #taken: Hashed[]
  #messageId: string | undefined
  #hash: Hash = createHash('sha256')
  #start = Buffer.alloc(0)
  #contentAt = 0
  #contentEnd = 0
  #at = 0

  constructor(taken: Hashed[]) {
    this.#taken = taken
  }

  begin(_now: Now, head: MsrpHead): number {
    const { byteRange, messageId, contentType = '' } = head
    if (this.#messageId !== messageId) {
      this.#messageId = messageId
      this.#hash = createHash('sha256')
      this.#start = Buffer.alloc(0)
      this.#contentAt = 0
      this.#at = 0
      this.#contentEnd = byteRange!.total! - `\r\n--${boundaryOf(contentType)}--`.length
    }
    return byteRange!.start - 1 === this.#at ? 200 : 400
  }

  data(_now: Now, bytes: Buffer): number {
    const from = this.#at
    this.#at += bytes.length
    if (this.#contentAt > 0) {
      this.#update(bytes, from)
      return 200
    }
    this.#start = Buffer.concat([this.#start, bytes])
    const send = this.#start.indexOf('MSRP ', this.#start.indexOf('message/msrpfrag'))
    const blank = send < 0 ? -1 : this.#start.indexOf('\r\n\r\n', send)
    if (blank < 0) return 200
    this.#contentAt = blank + 4
    const id = this.#start.toString('latin1', send + 5, this.#start.indexOf(' ', send + 5))
    this.#contentEnd -= `\r\n-------${id}$\r\n`.length
    this.#update(this.#start.subarray(this.#contentAt), this.#contentAt)
    return 200
  }

  end(now: Now, flag: ContinuationFlag, answer: AnswerChunk): void {
    if (flag === '$')
      this.#taken.push({
        bytes: this.#contentEnd - this.#contentAt,
        sha256: this.#hash.digest('hex'),
        head: this.#start.toString('latin1', 0, this.#contentAt),
      })
    answer(now, 200, flag === '$' ? this.#at : undefined)
  }

  abandon(): void {}

  #update(bytes: Buffer, from: number): void {
    if (from < this.#contentEnd) this.#hash.update(bytes.subarray(0, this.#contentEnd - from))
  }
}
