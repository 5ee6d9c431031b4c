import type { Socket } from 'node:net'
import type { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import { messageOf } from './plain-error.ts'

/** What may wait for a peer that does not read: one large burst of a push, times some thousands of peers still fits a small box. */
export const WRITE_QUEUE_BYTES_MAX = 4 * 1024 * 1024

/** From here on nothing more is read from a peer that does not read what it is answered. */
const WRITE_QUEUE_BYTES_PAUSE = 64 * 1024

/** A peer that has taken nothing of what waits for it in this time (RFC 3261: 64*T1, MSRP: its response timer) is gone or hostile. */
const STALLED_MS = 32_000

/** How long the last bytes of a flow that was closed by us may take. */
const LINGER_MS = 2000

export interface StreamEvents {
  received(flow: Flow, bytes: Buffer): void
  /** Once, and only where the flow was not closed by us. */
  closed(flow: Flow, reason: string): void
}

/** The store is behind with everything, or the engine with what this connection sends. */
export type HoldReason = 'store' | 'engine'

/** One TCP connection. Transmits of one tick leave in one write. */
export class Stream {
  readonly flow: Flow
  readonly #socket: Socket
  readonly #events: StreamEvents
  readonly #counters: Counters
  #isCorked = false
  #isClosedByUs = false
  readonly #heldFor = new Set<HoldReason>()
  #written = 0
  #stalled: NodeJS.Timeout | undefined
  #reason = 'closed by the peer'

  constructor(flow: Flow, socket: Socket, events: StreamEvents, counters: Counters) {
    this.flow = flow
    this.#socket = socket
    this.#events = events
    this.#counters = counters
    socket.setNoDelay(true)
    socket.on('data', bytes => this.#received(bytes))
    socket.on('drain', () => this.#adjustReading())
    socket.on('error', error => {
      this.#reason = messageOf(error)
    })
    socket.on('close', () => {
      clearTimeout(this.#stalled)
      if (!this.#isClosedByUs) events.closed(flow, this.#reason)
    })
  }

  write(bytes: Buffer): void {
    if (this.#isClosedByUs || this.#socket.destroyed) return
    if (this.#socket.writableLength + bytes.length > WRITE_QUEUE_BYTES_MAX) {
      this.#counters.count('stream_closed', 'write queue full')
      this.fail('write queue full')
      return
    }
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => this.#uncork())
    }
    this.#socket.write(bytes)
    this.#written += bytes.length
    if (!this.#stalled) this.#watch()
  }

  /** Ends a stream whose queue does not move; stops by itself when there is none. */
  #watch(): void {
    const taken = this.#written - this.#socket.writableLength
    this.#stalled = setTimeout(() => {
      this.#stalled = undefined
      const left = this.#socket.writableLength
      if (left === 0 || this.#socket.destroyed) return
      if (this.#written - left > taken) return this.#watch()
      this.#counters.count('stream_closed', 'does not read')
      this.fail('the peer does not read')
    }, STALLED_MS)
    this.#stalled.unref()
  }

  /** After what was written has left, or the time for that is over. */
  close(): void {
    if (this.#isClosedByUs) return
    this.#isClosedByUs = true
    this.#uncork()
    this.#socket.end()
    this.#socket.resume()
    const timer = setTimeout(() => this.#socket.destroy(), LINGER_MS)
    this.#socket.once('close', () => clearTimeout(timer))
  }

  /** At once; what still waits is lost. */
  fail(reason: string): void {
    this.#reason = reason
    this.#socket.destroy()
  }

  /** While held for any reason, nothing is read. */
  hold(reason: HoldReason, isHeld: boolean): void {
    if (isHeld) this.#heldFor.add(reason)
    else this.#heldFor.delete(reason)
    this.#adjustReading()
  }

  #received(bytes: Buffer): void {
    if (this.#isClosedByUs) return
    this.#events.received(this.flow, bytes)
    this.#adjustReading()
  }

  #uncork(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#socket.uncork()
    this.#adjustReading()
  }

  #adjustReading(): void {
    if (this.#isClosedByUs) return
    const shouldRead = this.#heldFor.size === 0 && this.#socket.writableLength <= WRITE_QUEUE_BYTES_PAUSE
    if (shouldRead && this.#socket.isPaused()) this.#socket.resume()
    else if (!shouldRead && !this.#socket.isPaused()) this.#socket.pause()
  }
}
