/** Of one turn; a line of 9600 baud takes a second for it. */
const PIECE = 1024

/** The terminal is gone: whoever writes or reads ends. */
export class Gone extends Error {
  override readonly name = 'Gone'
}

/** What is written, piece by piece: whoever has more waits until the line took what it had. */
export class Output {
  readonly #write: (text: string) => boolean
  #isBehind = false
  #failure: Error | undefined
  #waiting: (() => void)[] = []

  constructor(write: (text: string) => boolean, isBehind = false) {
    this.#write = write
    this.#isBehind = isBehind
  }

  get isBehind(): boolean {
    return this.#isBehind
  }

  /** Whether something that may be lost can be written now. */
  get isReady(): boolean {
    return !this.#isBehind && !this.#failure
  }

  /** `signal`: what is not written by then is not. */
  async write(text: string, signal?: AbortSignal): Promise<void> {
    for (let at = 0; at < text.length; at += PIECE) {
      await this.#room()
      if (signal?.aborted) return
      this.#isBehind = !this.#write(text.slice(at, at + PIECE))
    }
  }

  /** At once, if the line takes it. */
  last(text: string): void {
    if (this.isReady) this.#isBehind = !this.#write(text)
  }

  drained(): void {
    this.#isBehind = false
    this.#wake()
  }

  /** Whoever waits, or writes from now on, ends with this. */
  fail(failure: Error): void {
    this.#failure = failure
    this.#wake()
  }

  async #room(): Promise<void> {
    while (this.#isBehind && !this.#failure) await new Promise<void>(resolve => this.#waiting.push(resolve))
    if (this.#failure) throw this.#failure
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
