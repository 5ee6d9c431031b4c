/** Collects frames into one transmission: runs of text and body slices, copied once. */
export class Batch {
  #parts: (string | Buffer)[] = []
  #text = ''
  #length = 0

  get length(): number {
    return this.#length
  }

  /** latin1. */
  text(text: string): void {
    this.#text += text
    this.#length += text.length
  }

  bytes(bytes: Buffer): void {
    if (this.#text !== '') this.#parts.push(this.#text)
    this.#text = ''
    this.#parts.push(bytes)
    this.#length += bytes.length
  }

  /** Everything so far, and starts anew. */
  take(): Buffer {
    const all = Buffer.allocUnsafe(this.#length)
    let at = 0
    for (const part of this.#parts) at += typeof part === 'string' ? all.write(part, at, 'latin1') : part.copy(all, at)
    all.write(this.#text, at, 'latin1')
    this.#parts = []
    this.#text = ''
    this.#length = 0
    return all
  }
}
