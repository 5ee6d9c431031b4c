const endLineOf = (transactionId: string): string => `-------${transactionId}`

/** RFC 4975 7.1: the end-line of a message that is pushed as `message/msrpfrag` must not occur in the content. */
export const hasEndLine = (content: Buffer, transactionId: string): boolean =>
  content.includes(endLineOf(transactionId), 0, 'latin1')

/** The same for a content that is seen once, in runs as it comes: whether it can keep the transaction id of its first SEND. */
export class EndLineWatch {
  readonly #endLine: Buffer
  #next = 0
  #tail: Buffer = Buffer.alloc(0)
  #isSafe = true

  constructor(transactionId: string) {
    this.#endLine = Buffer.from(endLineOf(transactionId), 'latin1')
  }

  /** False as well where octets did not come in their order, since then the seams were not seen. */
  get isSafe(): boolean {
    return this.#isSafe
  }

  see(offset: number, bytes: Buffer): void {
    if (!this.#isSafe) return
    const keep = this.#endLine.length - 1
    const seam = Buffer.concat([this.#tail, bytes.subarray(0, keep)])
    if (offset !== this.#next || seam.includes(this.#endLine) || bytes.includes(this.#endLine)) {
      this.#isSafe = false
      return
    }
    this.#next = offset + bytes.length
    const last = bytes.length >= keep ? bytes : seam
    this.#tail = Buffer.from(last.subarray(Math.max(0, last.length - keep)))
  }
}
