import type { BackupReply } from './control-wire.ts'
import { PlainError, refusedBySystem } from './plain-error.ts'

export type MakeBackup = (
  passphrase: string,
  signal: AbortSignal,
  progress: (done: number, total: number) => void,
) => AsyncGenerator<Buffer>

/** Taken at once: some of them make up for the way of each. */
const ANSWER_BYTES = 512 * 1024

/** A backup that goes out over one connection of the control socket, as fast as it is asked for. */
export class ControlBackup {
  readonly #stopped = new AbortController()
  readonly #file: AsyncGenerator<Buffer>
  #done = 0
  #total = 0

  constructor(make: MakeBackup, passphrase: string) {
    this.#file = make(passphrase, this.#stopped.signal, (done, total) => {
      this.#done = done
      this.#total = total
    })
  }

  async next(): Promise<BackupReply> {
    const parts: Buffer[] = []
    let bytes = 0
    try {
      while (bytes < ANSWER_BYTES) {
        const part = await this.#file.next()
        if (part.done) return this.#reply(parts, true)
        parts.push(part.value)
        bytes += part.value.length
      }
      return this.#reply(parts, false)
    } catch (error) {
      const plain = error instanceof PlainError ? error : refusedBySystem(error)
      return { refused: plain?.message.replace(/\.$/, '') ?? 'the backup broke off' }
    }
  }

  /** Whoever wanted it is gone. */
  stop(): void {
    this.#stopped.abort()
    this.#file.return(undefined).catch(() => {})
  }

  #reply(parts: readonly Buffer[], isEnd: boolean): BackupReply {
    return { backup: { bytes: Buffer.concat(parts), isEnd, done: this.#done, total: this.#total } }
  }
}
