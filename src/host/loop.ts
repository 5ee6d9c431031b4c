import type { Counters } from '../base/counters.ts'
import type { DnsQuestion, DnsRecord } from '../base/dns.ts'
import type { Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { SelfTestView } from '../base/self-test-view.ts'
import type { Instant, Now } from '../base/time.ts'
import type { Output } from '../engine-io.ts'
import type { StoreRequest, StoreResult, Verb } from '../store/verbs.ts'
import type { Capture } from './diagnosis/capture.ts'
import type { WatchedStore } from './watched-store.ts'

/** What the loop drives: inputs in, then drain. */
export interface DrivenEngine {
  start(now: Now): void
  flowOpened(now: Now, flow: Flow): void
  received(now: Now, flow: Flow, bytes: Buffer): void
  flowClosed(now: Now, flow: Flow, reason: string): void
  flowFull(now: Now, flow: Flow, isFull: boolean): void
  stored(now: Now, id: number, result: StoreResult<Verb>): void
  /** Somebody else asked this of the store, and this was its reply. */
  storeChanged(now: Now, request: StoreRequest, result: StoreResult<Verb>): void
  /** What waits for that user is to be tried now. */
  deliver(now: Now, aor: string): void
  resolved(now: Now, id: number, records: readonly DnsRecord[]): void
  timeout(now: Now): void
  nextTimeout(): Instant | undefined
  drain(): Iterable<Output>
  describe(): object
  stop(now: Now): void
  /** After `stop`: something is still on the way whose answer should be heard. */
  readonly isBusy: boolean
  /** How the latest self-test ended; undefined: none is made. */
  readonly selfTest?: SelfTestView | undefined
}

/** Where outputs go. The host's sockets and resolver, or a test's. */
export interface Outlets {
  readonly datagrams: { send(flow: Flow, bytes: Buffer): void }
  readonly streams: {
    connect(flow: Flow): void
    write(flow: Flow, bytes: Buffer): void
    close(flow: Flow): void
    hold(flow: Flow, isHeld: boolean): void
    holdAll(isHeld: boolean): void
  }
  readonly dns: { ask(question: DnsQuestion): Promise<readonly DnsRecord[]> }
  readonly store: Pick<WatchedStore, 'submit' | 'outstanding'>
  readonly mailboxes?: { changed(aor: string): void } | undefined
}

interface LoopOptions {
  readonly engine: DrivenEngine
  readonly clock: { now(): Now }
  readonly log: Log
  readonly counters: Counters
  /** Somebody may look on. */
  readonly capture?: Capture | undefined
}

/** So many store requests behind, reading from streams stops, until half of them are answered. */
const STORE_OUTSTANDING_HOLD = 2048

/** The longest delay that an OS timer takes. */
const DELAY_MS_MAX = 2 ** 31 - 1

/** One input, then every output, again and again; one OS timer for the earliest deadline of the engine. */
export class Loop {
  readonly #engine: DrivenEngine
  readonly #clock: { now(): Now }
  readonly #log: Log
  readonly #counters: Counters
  readonly #capture: Capture | undefined
  #outlets: Outlets | undefined
  #isDraining = false
  #isHeld = false
  #isEnded = false
  #timer: NodeJS.Timeout | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(options: LoopOptions) {
    this.#engine = options.engine
    this.#clock = options.clock
    this.#log = options.log
    this.#counters = options.counters
    this.#capture = options.capture
  }

  start(outlets: Outlets): void {
    this.#outlets = outlets
    this.#input(now => this.#engine.start(now))
  }

  opened(flow: Flow): void {
    this.#input(now => this.#engine.flowOpened(now, flow))
  }

  received(flow: Flow, bytes: Buffer): void {
    if (this.#capture?.isOn) this.#capture.seen('in', flow, bytes)
    this.#input(now => this.#engine.received(now, flow, bytes), flow)
  }

  storeChanged(request: StoreRequest, result: StoreResult<Verb>): void {
    this.#input(now => this.#engine.storeChanged(now, request, result))
  }

  deliver(aor: string): void {
    this.#input(now => this.#engine.deliver(now, aor))
  }

  closed(flow: Flow, reason: string): void {
    this.#input(now => this.#engine.flowClosed(now, flow, reason))
  }

  full(flow: Flow, isFull: boolean): void {
    this.#input(now => this.#engine.flowFull(now, flow, isFull))
  }

  stop(): void {
    this.#input(now => this.#engine.stop(now))
  }

  /** How long the earliest deadline of the engine is over, and nobody told it: 0 where there is none. */
  get lateMs(): number {
    const next = this.#isEnded ? undefined : this.#engine.nextTimeout()
    return next === undefined ? 0 : Math.max(0, this.#clock.now().at - next)
  }

  /** Streams are not read, as the store is behind. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /** No more inputs; the timer is let go. */
  end(): void {
    this.#isEnded = true
    clearTimeout(this.#timer)
  }

  /**
   * An exception is a defect of the engine, not of the input's sender: counted and logged, the connection it came by is
   * dropped, and everybody else is served on. What was accepted is in the store.
   */
  #input(apply: (now: Now) => void, from?: Flow): void {
    if (this.#isEnded || !this.#outlets) return
    try {
      apply(this.#clock.now())
    } catch (error) {
      this.#defect(error, from)
    }
    this.#drain(this.#outlets)
    this.#arm()
  }

  #defect(error: unknown, from?: Flow): void {
    this.#counters.count('internal_errors')
    this.#log.error('internal error', { stack: error instanceof Error ? error.stack : String(error) })
    if (from && from.transport !== 'udp') this.#outlets?.streams.close(from)
  }

  /** An output may bring an input at once (a store that answers from memory): its outputs follow in their order. */
  #drain(outlets: Outlets): void {
    if (this.#isDraining) return
    this.#isDraining = true
    for (let hasMore = true; hasMore; ) {
      hasMore = false
      for (const output of this.#engine.drain()) {
        hasMore = true
        try {
          this.#carryOut(outlets, output)
        } catch (error) {
          this.#defect(error)
        }
      }
    }
    this.#isDraining = false
    this.#holdOrResume(outlets)
  }

  #carryOut(outlets: Outlets, output: Output): void {
    switch (output.kind) {
      case 'transmit':
        if (this.#capture?.isOn) this.#capture.seen('out', output.flow, output.bytes)
        if (output.flow.transport === 'udp') outlets.datagrams.send(output.flow, output.bytes)
        else outlets.streams.write(output.flow, output.bytes)
        break
      case 'connect':
        outlets.streams.connect(output.flow)
        break
      case 'close':
        outlets.streams.close(output.flow)
        break
      case 'hold':
        outlets.streams.hold(output.flow, output.isHeld)
        break
      case 'store':
        outlets.store.submit(output.request, result => {
          this.#input(now => this.#engine.stored(now, output.id, result))
        })
        break
      case 'mailbox':
        outlets.mailboxes?.changed(output.aor)
        break
      case 'resolve':
        outlets.dns
          .ask(output.question)
          .then(records => this.#input(now => this.#engine.resolved(now, output.id, records)))
        break
    }
  }

  #holdOrResume(outlets: Outlets): void {
    const { outstanding } = outlets.store
    if (this.#isHeld ? outstanding > STORE_OUTSTANDING_HOLD / 2 : outstanding <= STORE_OUTSTANDING_HOLD) return
    this.#isHeld = !this.#isHeld
    outlets.streams.holdAll(this.#isHeld)
  }

  /** A deadline that moved later is left: the timer then finds nothing due and is set again, which costs less than resetting it each time. */
  #arm(): void {
    const next = this.#engine.nextTimeout()
    if (next === undefined || next >= this.#armedFor) return
    clearTimeout(this.#timer)
    this.#armedFor = next
    const delay = Math.ceil(next - this.#clock.now().at)
    this.#timer = setTimeout(() => this.#due(), Math.min(Math.max(delay, 0), DELAY_MS_MAX))
  }

  #due(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    this.#input(now => this.#engine.timeout(now))
  }
}
