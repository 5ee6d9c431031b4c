import type { Socket } from 'node:net'
import type { ConsoleEnd, ConsoleKeys } from '../../console/options.ts'
import { Lines } from '../control-wire.ts'
import { Outgoing } from './outgoing.ts'
import { decoded, encoded, type FromTerminal } from './stream-wire.ts'

/** Whoever does not take the last words within this time is not there. */
const LAST_WORDS_MS = 1000

/** What a session is made with, once there is somewhere to write to. */
export type StreamSession = (
  write: (text: string) => boolean,
  ended: (why: ConsoleEnd) => void,
  room: () => void,
) => ConsoleKeys

/** Of keys under way: a screen of typing, and little beside what a session holds. */
const WINDOW_BYTES = 4096

/** A console whose terminal is another process, over a connection of the control socket. */
export class ConsoleStream {
  readonly #socket: Socket
  readonly #session: ConsoleKeys
  readonly #lines = new Lines()
  #isEnded = false
  /** Octets of keys that were not told as taken yet. */
  #taken = 0
  /** The session takes more of them. */
  #hasRoom = true

  constructor(socket: Socket, session: StreamSession, closed: () => void) {
    this.#socket = socket
    const outgoing = new Outgoing(socket, { drained: () => this.#drained() })
    socket.write(encoded({ console: 'open', window: WINDOW_BYTES }))
    this.#session = session(
      text => outgoing.write(encoded({ text })),
      why => this.#end(why),
      () => this.#gotRoom(),
    )
    socket.on('data', bytes => this.#received(bytes))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!this.#isEnded) this.#session.close()
      this.#isEnded = true
      closed()
    })
    this.#session.start()
  }

  close(lastWords: string): void {
    if (this.#isEnded) return
    this.#session.close(lastWords)
    this.#end('closed')
  }

  #received(bytes: Buffer): void {
    const lines = this.#lines.push(bytes)
    if (!lines) this.#socket.destroy()
    for (const line of lines ?? []) this.#said(decoded<FromTerminal>(line))
  }

  #said(message: FromTerminal | undefined): void {
    if (this.#isEnded || !message) return
    if ('ask' in message && typeof message.ask === 'number') {
      // To whoever does not read there is enough on its way.
      if (!this.#socket.writableNeedDrain) this.#socket.write(encoded({ alive: message.ask }))
    } else if ('keys' in message && typeof message.keys === 'string') this.#typed(Buffer.from(message.keys, 'base64'))
  }

  #typed(bytes: Buffer): void {
    this.#taken += bytes.length
    this.#hasRoom = this.#session.keys(bytes)
    this.#tellTaken()
  }

  #gotRoom(): void {
    this.#hasRoom = true
    this.#tellTaken()
  }

  #drained(): void {
    this.#session.drained()
    this.#tellTaken()
  }

  /** Whoever does not read is told later, all in one. */
  #tellTaken(): void {
    if (!this.#hasRoom || this.#isEnded || this.#taken === 0 || this.#socket.writableNeedDrain) return
    this.#socket.write(encoded({ took: this.#taken }))
    this.#taken = 0
  }

  #end(why: ConsoleEnd): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#socket.end(encoded({ end: why }))
    setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref()
  }
}
