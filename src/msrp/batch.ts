/** So much room at least for what follows a body: its end-line, and a short answer. */
const SPARE_BYTES = 512

const EMPTY: Buffer = Buffer.alloc(0)

/** Collects frames into one transmission. Bodies are copied as they come: what they lie in may be used again at once. */
export class Batch {
  /** With room behind `#used`. */
  #bytes = EMPTY
  #used = 0
  /** What follows, not yet bytes: many short answers are written at one go. */
  #text = ''

  get length(): number {
    return this.#used + this.#text.length
  }

  /** latin1. */
  text(text: string): void {
    this.#text += text
  }

  bytes(bytes: Buffer): void {
    this.#room(this.#text.length + bytes.length)
    this.#write()
    this.#used += bytes.copy(this.#bytes, this.#used)
  }

  /** Everything so far, and starts anew. Nobody else has these bytes. */
  take(): Buffer {
    if (this.#used === 0) return this.#takeText()
    this.#room(this.#text.length)
    this.#write()
    const all = this.#bytes.subarray(0, this.#used)
    this.#bytes = EMPTY
    this.#used = 0
    return all
  }

  #takeText(): Buffer {
    const all = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    return all
  }

  #write(): void {
    this.#used += this.#bytes.write(this.#text, this.#used, 'latin1')
    this.#text = ''
  }

  /** Twice as much each time, so that each octet is copied about once more at most. */
  #room(more: number): void {
    const needed = this.#used + more
    if (needed <= this.#bytes.length) return
    const isFirst = this.#used === 0
    const room = Buffer.allocUnsafe(isFirst ? needed + SPARE_BYTES : Math.max(needed + SPARE_BYTES, this.#used * 2))
    this.#bytes.copy(room, 0, 0, this.#used)
    this.#bytes = room
  }
}
