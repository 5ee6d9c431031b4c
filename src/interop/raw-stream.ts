import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

/** A TCP connection without manners. */
export class RawStream {
  readonly #socket: Socket
  #received = ''
  #isClosed = false

  constructor(port: number, address: string) {
    const socket = createConnection(port, address)
    socket.on('data', bytes => (this.#received += bytes.toString('latin1')))
    // A reset is one of the ways in which the box may say that it has had enough.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isClosed = true
    })
    this.#socket = socket
  }

  get received(): string {
    return this.#received
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Gives false when the other side no longer takes any. */
  write(bytes: Buffer | string): boolean {
    return this.#isClosed || !this.#socket.writable ? false : this.#socket.write(bytes)
  }

  /** Writes all of it, as fast as it is taken, or as much as is taken before the end of the connection. */
  async writeAll(bytes: Buffer, pieceBytes = 65_536): Promise<void> {
    for (let from = 0; from < bytes.length && !this.#isClosed; from += pieceBytes) {
      if (this.write(bytes.subarray(from, from + pieceBytes))) continue
      await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]).catch(() => {})
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
