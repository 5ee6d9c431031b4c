import type { Writable } from 'node:stream'

/** Above what a session holds back by itself; what is more than this comes from a defect, and is dropped. */
const WAITING_BYTES_MAX = 256 * 1024

interface OutgoingOptions {
  /** There is room again, after `write` was answered with false. */
  readonly drained: () => void
  readonly dropped?: (bytes: number) => void
}

/** Text on its way to somebody who reads slowly, or does not at all. */
export class Outgoing {
  readonly #to: Writable
  readonly #options: OutgoingOptions

  constructor(to: Writable, options: OutgoingOptions) {
    this.#to = to
    this.#options = options
    to.on('drain', options.drained)
  }

  /** ASCII. False: wait for `drained`. */
  write(text: string): boolean {
    if (this.#to.destroyed || this.#to.writableEnded) return true
    if (this.#to.writableLength + text.length > WAITING_BYTES_MAX) this.#options.dropped?.(text.length)
    else this.#to.write(text, 'latin1')
    return !this.#to.writableNeedDrain
  }
}
