import type { Flow } from '../base/flow.ts'
import type { Instant, Now } from '../base/time.ts'
import { Focus, type FocusOptions } from './focus.ts'
import type { FocusMember } from './focus-member.ts'
import { simulatedFingerprint } from './simulated-certificate.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import type { SimulatedNetwork, Station } from './simulated-network.ts'
import { at, sipListeners } from './simulated-phone.ts'

/** A focus at an address of the simulated network. */
export class SimulatedFocus implements Station {
  readonly name: string
  readonly address: string
  readonly focus: Focus
  readonly #clock: SimulatedClock
  readonly #network: SimulatedNetwork
  #isDown = false

  constructor(clock: SimulatedClock, network: SimulatedNetwork, address: string, entropy: FocusOptions['entropy']) {
    this.#clock = clock
    this.#network = network
    this.address = address
    this.name = `focus at ${address}`
    const sip = [...sipListeners(address, 'udp'), { transport: 'tls' as const, endpoint: at(address, 5061) }]
    const msrp = at(address, 2855)
    const secureMsrp = { endpoint: at(address, 2856), fingerprint: simulatedFingerprint(address) }
    this.focus = new Focus({ sip, msrp, secureMsrp, entropy })
    network.listen(this, 'msrp', 'tls', secureMsrp.endpoint)
    for (const { transport, endpoint } of sip) network.listen(this, 'sip', transport, endpoint)
    network.listen(this, 'msrp', 'tcp', msrp)
  }

  get members(): readonly FocusMember[] {
    return this.focus.members
  }

  say(from: string, body: Buffer | string, contentType?: string): void {
    this.act(now => this.focus.say(now, from, body, contentType))
  }

  join(uri: string, name?: string): void {
    this.act(now => this.focus.roster.join(now, uri, name))
  }

  leave(uri: string): void {
    this.act(now => this.focus.roster.leave(now, uri))
  }

  end(): void {
    this.act(now => this.focus.end(now))
  }

  /** Its power is cut: connections are reset, and nobody answers any more. */
  crash(): void {
    this.#isDown = true
    this.#network.unplug(this)
  }

  /** Anything else, at this moment; what the focus wants done is done after it. */
  act<T>(what: (now: Now) => T): T {
    const result = what(this.#clock.now())
    this.#drain()
    return result
  }

  flowOpened(now: Now, flow: Flow): void {
    this.focus.flowOpened(now, flow)
    this.#drain()
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    this.focus.received(now, flow, bytes)
    this.#drain()
  }

  flowClosed(now: Now, flow: Flow, reason: string): void {
    this.focus.flowClosed(now, flow, reason)
    this.#drain()
  }

  nextAt(): Instant | undefined {
    return this.#isDown ? undefined : this.focus.nextTimeout()
  }

  run(now: Now): void {
    this.focus.timeout(now)
    this.#drain()
  }

  #drain(): void {
    const outputs = this.focus.drain()
    if (this.#isDown) return
    for (const output of outputs) {
      if (output.kind === 'transmit') this.#network.transmit(this, output.flow, output.bytes)
      else if (output.kind === 'connect') this.#network.connect(this, output.flow)
      else if (output.kind === 'close') this.#network.close(this, output.flow)
      else this.#network.hold(this, output.flow, output.isHeld)
    }
  }
}
