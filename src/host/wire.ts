import type { Socket } from 'node:net'
import { messageOf } from './plain-error.ts'

/** What a stream is carried by: a TCP or TLS socket, or a WebSocket on one of these. */
export interface Wire {
  /** Octets that the system has not taken yet. */
  readonly queued: number
  readonly isGone: boolean
  /** Once, before anything else. */
  attach(events: WireEvents): void
  /** Between `cork` and `uncork` writes are collected, so that they leave together. */
  cork(): void
  uncork(): void
  /** `isLast`: nobody else has the bytes, nor will. */
  send(bytes: Buffer, isLast?: boolean): void
  read(isOn: boolean): void
  /** Ends after what was sent; what still comes is dropped. */
  end(isGoingAway: boolean): void
  destroy(): void
}

export interface WireEvents {
  received(bytes: Buffer): void
  /** Some of what was queued was taken. */
  drained(): void
  /** Why it is about to end. */
  failed(reason: string): void
  /** Once. */
  gone(): void
}

/** Up to half of its size Node gives buffers out of memory that they share, which cannot be freed for one of them. */
const FREED_BYTES_MIN = Buffer.poolSize

/** At once, not by a search of the whole heap: pushed messages are hundreds of megabytes of these. */
const free = (bytes: Buffer): void => {
  if (bytes.buffer instanceof ArrayBuffer) bytes.buffer.transfer(0)
}

/** TCP, or TLS on it: octets as they come. */
export class SocketWire implements Wire {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
  }

  get queued(): number {
    return this.#socket.writableLength
  }

  get isGone(): boolean {
    return this.#socket.destroyed
  }

  attach(events: WireEvents): void {
    const socket = this.#socket
    socket.on('data', bytes => events.received(bytes))
    socket.on('drain', () => events.drained())
    socket.on('error', error => events.failed(messageOf(error)))
    socket.on('close', () => events.gone())
  }

  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  send(bytes: Buffer, isLast = false): void {
    if (isLast && bytes.length >= FREED_BYTES_MIN) this.#socket.write(bytes, error => error ?? free(bytes))
    else this.#socket.write(bytes)
  }

  read(isOn: boolean): void {
    if (isOn && this.#socket.isPaused()) this.#socket.resume()
    else if (!isOn && !this.#socket.isPaused()) this.#socket.pause()
  }

  end(): void {
    this.#socket.end()
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
