import { CPIM_HEAD_BYTES_MAX } from '../../content/cpim-read.ts'

/** The first bytes of a message that comes in any order; read once all of it is there. */
export class ContentStart {
  readonly #bytes = Buffer.alloc(CPIM_HEAD_BYTES_MAX)

  see(offset: number, bytes: Buffer): void {
    if (offset < this.#bytes.length) bytes.copy(this.#bytes, offset)
  }

  /** Of a message of so many bytes. */
  of(size: number): Buffer {
    return this.#bytes.subarray(0, size)
  }
}
