import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { messageOf } from './plain-error.ts'
import type { Wire, WireEvents } from './wire.ts'

/** Below the idle time of NATs, proxies and browsers that sleep. A peer that has not answered by the next is gone. */
const PING_MS = 30_000

/** RFC 6455 7.4.1. */
const NORMAL = 1000
const GOING_AWAY = 1001

/** RFC 7118 5: one SIP message is one WebSocket message; what comes may be text or binary. */
export class WebSocketWire implements Wire {
  readonly #webSocket: WebSocket
  readonly #socket: Socket
  #isHeard = true
  #ping: NodeJS.Timeout | undefined

  /** `socket`: what the WebSocket stands on. */
  constructor(webSocket: WebSocket, socket: Socket) {
    this.#webSocket = webSocket
    this.#socket = socket
  }

  get queued(): number {
    return this.#webSocket.bufferedAmount
  }

  get isGone(): boolean {
    return this.#webSocket.readyState === this.#webSocket.CLOSED
  }

  attach(events: WireEvents): void {
    const webSocket = this.#webSocket
    webSocket.on('message', bytes => {
      this.#isHeard = true
      events.received(bytes as Buffer)
    })
    webSocket.on('pong', () => {
      this.#isHeard = true
    })
    // The library has answered it: somebody who pings and never reads must be noticed too.
    webSocket.on('ping', () => events.drained())
    webSocket.on('error', error => events.failed(messageOf(error)))
    webSocket.on('close', () => {
      clearInterval(this.#ping)
      events.gone()
    })
    this.#socket.on('drain', () => events.drained())
    this.#ping = setInterval(() => this.#keepAlive(events), PING_MS)
    this.#ping.unref()
  }

  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  /** Text where it is text, as scripts in browsers like it best (RFC 7118 5). */
  send(bytes: Buffer): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN)
      this.#webSocket.send(bytes, { binary: !isUtf8(bytes), compress: false })
  }

  read(isOn: boolean): void {
    if (isOn && this.#webSocket.isPaused) this.#webSocket.resume()
    else if (!isOn && !this.#webSocket.isPaused) this.#webSocket.pause()
  }

  end(isGoingAway: boolean): void {
    clearInterval(this.#ping)
    this.#webSocket.close(isGoingAway ? GOING_AWAY : NORMAL)
    this.#webSocket.resume()
  }

  destroy(): void {
    this.#webSocket.terminate()
  }

  /** A held connection reads no pong, and is no worse for it. */
  #keepAlive(events: WireEvents): void {
    if (!this.#isHeard && !this.#webSocket.isPaused) {
      events.failed('does not answer pings')
      this.destroy()
      return
    }
    this.#isHeard = false
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping()
  }
}
