import type { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import { withinMemory } from './memory/machine.ts'
import type { Wire } from './wire.ts'

/** What may wait for a peer that does not read: one large burst of a push. On a small machine a hundredth of it. */
export const WRITE_QUEUE_BYTES_MAX = withinMemory(4 * 1024 * 1024, 1 / 100)

/** From here on nothing more is read from a peer that does not read what it is answered, and the engine knows it as slow. */
const WRITE_QUEUE_BYTES_PAUSE = 64 * 1024

/** A peer that has taken nothing of what waits for it in this time (RFC 3261: 64*T1, MSRP: its response timer) is gone or hostile. */
const STALLED_MS = 32_000

/** How long the last bytes of a flow that was closed by us may take. */
const LINGER_MS = 2000

export interface StreamEvents {
  received(flow: Flow, bytes: Buffer): void
  /** Once, and only where the flow was not closed by us. */
  closed(flow: Flow, reason: string): void
  /** More waits for the peer to take than it should, or no longer. */
  full?(flow: Flow, isFull: boolean): void
}

/** The store is behind with everything, or the engine with what this connection sends. */
type HoldReason = 'store' | 'engine'

/** One connection. Transmits of one tick leave in one write. */
export class Stream {
  readonly flow: Flow
  readonly #wire: Wire
  readonly #events: StreamEvents
  readonly #counters: Counters
  #isCorked = false
  #isClosedByUs = false
  /** `fail` was called: the wire may take a moment to go. */
  #isFailed = false
  readonly #heldFor = new Set<HoldReason>()
  #isToldFull = false
  #written = 0
  #stalled: NodeJS.Timeout | undefined
  #lingering: NodeJS.Timeout | undefined
  #reason = 'closed by the peer'
  /** What was written before the connection stands, where nobody may read it before the peer has proved who it is. */
  #early: Buffer[] | undefined
  #earlyBytes = 0

  /** `waits`: nothing is sent before `stands`. */
  constructor(flow: Flow, wire: Wire, events: StreamEvents, counters: Counters, waits = false) {
    this.flow = flow
    this.#wire = wire
    this.#events = events
    this.#counters = counters
    this.#early = waits ? [] : undefined
    wire.attach({
      received: bytes => this.#received(bytes),
      drained: () => this.#drained(),
      failed: reason => {
        if (!this.#isFailed) this.#reason = reason
      },
      gone: () => {
        clearTimeout(this.#stalled)
        clearTimeout(this.#lingering)
        if (!this.#isClosedByUs) events.closed(flow, this.#reason)
      },
    })
  }

  write(bytes: Buffer): void {
    if (this.#isClosedByUs || this.#isFailed || this.#wire.isGone) return
    if (this.#isFull(bytes.length)) return
    if (this.#early) {
      this.#early.push(bytes)
      this.#earlyBytes += bytes.length
      this.#tellFull()
      return
    }
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#wire.cork()
      process.nextTick(() => this.#uncork())
    }
    // What MSRP transmits it makes for that; SIP keeps its own to send again.
    this.#wire.send(bytes, this.flow.protocol === 'msrp')
    this.#written += bytes.length
    if (!this.#stalled) this.#watch()
  }

  /** The connection stands and its peer is who it should be. */
  stands(): void {
    const early = this.#early ?? []
    this.#early = undefined
    this.#earlyBytes = 0
    for (const bytes of early) this.write(bytes)
  }

  #isFull(added: number): boolean {
    if (this.#wire.queued + this.#earlyBytes + added <= WRITE_QUEUE_BYTES_MAX) return false
    this.#counters.count('stream_closed', 'write queue full')
    this.fail('write queue full')
    return true
  }

  /** Ends a stream whose queue does not move; stops by itself when there is none. */
  #watch(): void {
    const taken = this.#written - this.#wire.queued
    this.#stalled = setTimeout(() => {
      this.#stalled = undefined
      const left = this.#wire.queued
      if (left === 0 || this.#wire.isGone) return
      if (this.#written - left > taken) return this.#watch()
      this.#counters.count('stream_closed', 'does not read')
      this.fail('the peer does not read')
    }, STALLED_MS)
    this.#stalled.unref()
  }

  /** After what was written has left, or the time for that is over. `isGoingAway`: the whole box is. */
  close(isGoingAway = false): void {
    if (this.#isClosedByUs) return
    this.#isClosedByUs = true
    this.#uncork()
    if (this.#early) return this.#wire.destroy()
    this.#wire.end(isGoingAway)
    this.#lingering = setTimeout(() => this.#wire.destroy(), LINGER_MS)
  }

  /** At once; what still waits is lost. */
  fail(reason: string): void {
    if (!this.#isFailed) this.#reason = reason
    this.#isFailed = true
    this.#wire.destroy()
  }

  /** While held for any reason, nothing is read. */
  hold(reason: HoldReason, isHeld: boolean): void {
    if (isHeld) this.#heldFor.add(reason)
    else this.#heldFor.delete(reason)
    this.#adjustReading()
  }

  #received(bytes: Buffer): void {
    if (this.#isClosedByUs || this.#isFailed) return
    this.#events.received(this.flow, bytes)
    this.#adjustReading()
  }

  #drained(): void {
    if (this.#isFailed || this.#isFull(0)) return
    this.#adjustReading()
    this.#tellFull()
  }

  #tellFull(): void {
    const isFull = this.#wire.queued + this.#earlyBytes > WRITE_QUEUE_BYTES_PAUSE
    if (isFull === this.#isToldFull || this.#isClosedByUs) return
    this.#isToldFull = isFull
    this.#events.full?.(this.flow, isFull)
  }

  #uncork(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#wire.uncork()
    this.#adjustReading()
    this.#tellFull()
  }

  #adjustReading(): void {
    if (!this.#isClosedByUs) this.#wire.read(this.#heldFor.size === 0 && this.#wire.queued <= WRITE_QUEUE_BYTES_PAUSE)
  }
}
