import type { Socket } from 'node:net'
import type { Counters } from '../base/counters.ts'
import { sourceOf } from '../base/source.ts'
import { Tally } from '../base/tally.ts'

/** TLS and WebSocket handshake together. An honest one takes some round trips; the slowest links have seconds. */
export const HANDSHAKE_MS = 10_000

/** At once: each costs up to 70 KB, so this is some 18 MB. When there are more, the oldest makes room: honest ones are quick. */
export const HANDSHAKES_MAX = 256

/** From one IPv4 address or IPv6 /64: a quarter, so that one host alone displaces nobody. A site behind one NAT is through in turns. */
export const HANDSHAKES_PER_ADDRESS_MAX = 64

interface Waiting {
  readonly address: string
  readonly timer: NodeJS.Timeout
}

/** Connections that do not stand yet, bounded in time and number. */
export class Handshakes {
  readonly #counters: Counters
  /** Oldest first. */
  readonly #waiting = new Map<Socket, Waiting>()
  readonly #perAddress = new Tally()

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** False when that address has too many already. Ends by itself when the socket closes. */
  begin(socket: Socket, remote: string): boolean {
    const address = sourceOf(remote)
    if (this.#perAddress.of(address) >= HANDSHAKES_PER_ADDRESS_MAX) return false
    if (this.#waiting.size >= HANDSHAKES_MAX) this.#give(this.#waiting.keys().next().value!, 'displaced')
    const timer = setTimeout(() => this.#give(socket, 'too slow'), HANDSHAKE_MS)
    timer.unref()
    this.#waiting.set(socket, { address, timer })
    this.#perAddress.add(address)
    socket.once('close', () => this.done(socket))
    return true
  }

  done(socket: Socket): void {
    const waiting = this.#waiting.get(socket)
    if (!waiting) return
    this.#waiting.delete(socket)
    clearTimeout(waiting.timer)
    this.#perAddress.remove(waiting.address)
  }

  endAll(): void {
    for (const socket of [...this.#waiting.keys()]) socket.destroy()
  }

  #give(socket: Socket, why: string): void {
    this.#counters.count('handshakes_ended', why)
    this.done(socket)
    socket.destroy()
  }
}
