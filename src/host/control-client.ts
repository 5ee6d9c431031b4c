import { createConnection, type Socket } from 'node:net'
import type { StoreResult, Verbs } from '../store/verbs.ts'
import {
  type ControlReply,
  type ControlRequest,
  type ControlVerb,
  controlPath,
  decodeLine,
  encodeRequest,
  type Hello,
  Lines,
} from './control-wire.ts'
import { codeOf, PlainError } from './plain-error.ts'

/** A commit on slow flash with a backlog before it. */
const REPLY_TIMEOUT_MS = 15_000

/** The command line's end of the control socket; one question at a time. */
export class ControlClient {
  readonly #socket: Socket
  readonly #lines = new Lines()
  #waiting: ((line: string | undefined) => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setTimeout(REPLY_TIMEOUT_MS, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => this.#settle(undefined))
    socket.on('data', bytes => {
      const whole = this.#lines.push(bytes)
      if (!whole) socket.destroy()
      for (const line of whole ?? []) this.#settle(line)
    })
  }

  /** Undefined where nobody listens. Throws the system's EACCES where this user may not ask. */
  static async connect(dataDir: string): Promise<ControlClient | undefined> {
    const { path, release } = controlPath(dataDir)
    const socket = createConnection({ path })
    const refusal = await new Promise<unknown>(resolve => {
      socket.once('connect', () => resolve(undefined))
      socket.once('error', resolve)
    })
    release()
    socket.removeAllListeners('error')
    if (refusal === undefined) return new ControlClient(socket)
    if (codeOf(refusal) === 'EACCES' || codeOf(refusal) === 'EPERM') throw refusal
    return undefined
  }

  async ask<V extends ControlVerb>(verb: V, request: Verbs[V]['request']): Promise<StoreResult<V>> {
    const reply = await this.#exchange({ verb, request })
    if ('value' in reply || 'failure' in reply) return reply as StoreResult<V>
    // A verb that answers `undefined` loses its `value` on the way.
    return { value: undefined } as StoreResult<V>
  }

  async hello(): Promise<Hello> {
    const reply = await this.#exchange({ verb: 'hello', request: {} })
    if (!('hello' in reply)) throw new PlainError('The running box gave an answer that this version does not know.')
    return reply.hello
  }

  /** All of a backup, no faster than it is taken. */
  async *backup(passphrase: string, progress: (done: number, total: number) => void): AsyncGenerator<Buffer> {
    for (let request: object = { passphrase }; ; request = {}) {
      const reply = await this.#exchange({ verb: 'backup', request })
      if (!('backup' in reply)) throw new PlainError('The running box gave an answer that this version does not know.')
      const { bytes, isEnd, done, total } = reply.backup
      yield bytes
      progress(done, total)
      if (isEnd) return
    }
  }

  /** Either end closes one that is quiet for long. */
  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  close(): void {
    this.#socket.destroy()
  }

  async #exchange(request: ControlRequest): Promise<ControlReply> {
    const line = await new Promise<string | undefined>(resolve => {
      this.#waiting = resolve
      if (this.#socket.destroyed) this.#settle(undefined)
      else this.#socket.write(encodeRequest(request))
    })
    if (line === undefined) throw new PlainError('The running box did not answer. Is it being stopped? Try again.')
    const reply = decodeLine(line) as ControlReply
    if ('refused' in reply) throw new PlainError(`The running box refused: ${reply.refused}.`)
    return reply
  }

  #settle(line: string | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(line)
  }
}
