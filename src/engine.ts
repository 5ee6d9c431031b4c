import type { Config } from './base/config.ts'
import type { Counters } from './base/counters.ts'
import type { DnsQuestion, DnsRecord } from './base/dns.ts'
import { token } from './base/entropy.ts'
import type { Flow } from './base/flow.ts'
import type { SelfTestView } from './base/self-test-view.ts'
import { Slots } from './base/slots.ts'
import type { Instant, Now } from './base/time.ts'
import { Timers } from './base/timers.ts'
import type { EngineLimits, Output } from './engine-io.ts'
import { Appliance } from './im/appliance.ts'
import type { StackParts } from './im/stack.ts'
import type { StoreRequest, StoreResult, Verb, Verbs } from './store/verbs.ts'

export interface EngineOptions extends Pick<StackParts, Given> {
  readonly config: Config
  /** A message of the box's own goes through store and delivery now and then. */
  readonly isSelfTesting?: boolean
  readonly limits?: EngineLimits
}

type Given = 'sip' | 'msrp' | 'addresses' | 'localFingerprint' | 'entropy' | 'log' | 'counters'

/** Store requests under way. A box at full speed has some hundreds; far beyond that the flash has stalled and new work is told so. */
const STORE_REQUESTS_MAX = 20_000

/** DNS questions under way; each ends by the host's time limit. */
const QUESTIONS_MAX = 1000

type Done = (now: Now, result: StoreResult<Verb>) => void

/**
 * The whole appliance without I/O. Each method but `drain`, `nextTimeout` and `describe` is one input; after it the host takes what
 * there is to do by `drain` before it gives the next.
 */
export class Engine {
  readonly #timers = new Timers()
  readonly #appliance: Appliance
  readonly #counters: Counters
  readonly #stored = new Slots<Done>()
  readonly #resolved = new Map<number, (now: Now, records: readonly DnsRecord[]) => void>()
  readonly #run: string
  #outputs: Output[] = []
  #ids = 0
  #now: Now | undefined

  constructor(options: EngineOptions) {
    const {
      config,
      sip,
      msrp,
      addresses,
      localFingerprint,
      entropy,
      log,
      counters,
      isSelfTesting = false,
      limits,
    } = options
    this.#counters = counters
    // Stream flows of another run of the process must never be taken for ours: bindings outlive a restart, streams do not.
    this.#run = token(entropy, 40)
    this.#appliance = new Appliance({
      config,
      sip,
      msrp,
      ...(addresses && { addresses }),
      ...(localFingerprint && { localFingerprint }),
      entropy,
      log,
      counters,
      timers: this.#timers,
      outputs: {
        transmit: (flow, bytes) => this.#outputs.push({ kind: 'transmit', flow, bytes }),
        connect: flow => this.#outputs.push({ kind: 'connect', flow }),
        close: flow => this.#outputs.push({ kind: 'close', flow }),
        hold: (flow, isHeld) => this.#outputs.push({ kind: 'hold', flow, isHeld }),
      },
      run: this.#run,
      isSelfTesting,
      ...(limits && { pushes: limits.pushes, transactionLimits: { completed: { bytes: limits.answerBytes } } }),
      ...(config.xdms.root !== '' && {
        onMailboxChanged: (aor: string) => this.#outputs.push({ kind: 'mailbox', aor }),
      }),
      store: { ask: (verb, request, done) => this.#ask(verb, request, done as Done) },
      resolver: { ask: (now, question, answer) => this.#resolve(now, question, answer) },
    })
  }

  start(now: Now): void {
    this.#input(now, () => this.#appliance.start(now))
  }

  /** The host accepted a stream. */
  flowOpened(now: Now, flow: Flow): void {
    this.#input(now, () => this.#appliance.flowOpened(now, flow))
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    this.#input(now, () => this.#appliance.received(now, flow, bytes))
  }

  /** A stream ended or could not be opened, or a datagram flow leads nowhere. */
  flowClosed(now: Now, flow: Flow, reason: string): void {
    this.#input(now, () => this.#appliance.flowClosed(now, flow, reason))
  }

  /** What was transmitted waits for the peer of this stream to take it, more than it should; or no longer. */
  flowFull(now: Now, flow: Flow, isFull: boolean): void {
    this.#input(now, () => this.#appliance.flowFull(now, flow, isFull))
  }

  /** The reply to the store request of that id: what it changed is on stable storage, or nothing of it is. */
  stored(now: Now, id: number, result: StoreResult<Verb>): void {
    const done = this.#stored.take(id)
    if (done) this.#input(now, () => done(now, result))
  }

  /** Somebody else (a command, the API) asked this of the store, and this was its reply. */
  storeChanged(now: Now, request: StoreRequest, result: StoreResult<Verb>): void {
    this.#input(now, () => this.#appliance.storeChanged(now, request, result))
  }

  /** Whoever looks after the box wants what waits for that user tried now. */
  deliver(now: Now, aor: string): void {
    this.#input(now, () => this.#appliance.deliver(aor))
  }

  /** The answer to the question of that id; an empty list when there is none. */
  resolved(now: Now, id: number, records: readonly DnsRecord[]): void {
    const answer = this.#resolved.get(id)
    this.#resolved.delete(id)
    if (answer) this.#input(now, () => answer(now, records))
  }

  timeout(now: Now): void {
    this.#input(now, () => this.#timers.fire(now))
  }

  /** No new work; pushes end after what is on the way. The host drains, waits for the store, and goes. */
  stop(now: Now): void {
    this.#input(now, () => this.#appliance.stop(now))
  }

  /** Pushes and forwarded messages under way; after `stop` they end with the answers to what is on the way. */
  get isBusy(): boolean {
    return this.#appliance.isBusy
  }

  /** Undefined: none is made. */
  get selfTest(): SelfTestView | undefined {
    return this.#appliance.selfTest
  }

  nextTimeout(): Instant | undefined {
    return this.#timers.next()
  }

  drain(): Output[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  /** What there is, for console, page and metrics; nothing of any message. */
  describe(): Record<string, object> {
    return {
      ...this.#appliance.describe(),
      timers: this.#timers.describe(),
      store: { outstanding: this.#stored.size },
      dns: { outstanding: this.#resolved.size },
    }
  }

  #input(now: Now, run: () => void): void {
    this.#now = now
    run()
  }

  #ask<V extends Verb>(verb: V, request: Verbs[V]['request'], done: Done): void {
    if (this.#stored.size >= STORE_REQUESTS_MAX) {
      this.#counters.count('store_refused', 'busy')
      const detail = `${STORE_REQUESTS_MAX} requests outstanding`
      this.#timers.set('store busy', this.#now!.at, now => done(now, { failure: 'busy', detail }))
      return
    }
    const id = this.#stored.add(done)
    this.#outputs.push({ kind: 'store', id, request: { verb, ...request } as unknown as StoreRequest })
  }

  #resolve(now: Now, question: DnsQuestion, answer: (now: Now, records: readonly DnsRecord[]) => void): void {
    if (this.#resolved.size >= QUESTIONS_MAX) return answer(now, [])
    const id = this.#ids++
    this.#resolved.set(id, answer)
    this.#outputs.push({ kind: 'resolve', id, question })
  }
}
