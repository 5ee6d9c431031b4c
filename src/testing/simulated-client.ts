import type { Flow } from '../base/flow.ts'
import type { Instant, Now } from '../base/time.ts'
import type { ClientPlace, ClientStack } from './client-stack.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import type { SimulatedNetwork, Station } from './simulated-network.ts'

/** A client at an address of the simulated network. */
export class SimulatedClient implements Station {
  readonly name: string
  readonly address: string
  readonly #client: ClientStack
  readonly #clock: SimulatedClock
  readonly #network: SimulatedNetwork
  #isDown = false

  constructor(clock: SimulatedClock, network: SimulatedNetwork, who: string, client: ClientStack, place: ClientPlace) {
    this.#clock = clock
    this.#network = network
    this.#client = client
    const { sip, msrp, secureMsrp } = place
    this.address = sip[0]!.endpoint.address
    this.name = `${who} at ${this.address}`
    for (const { transport, endpoint } of sip) network.listen(this, 'sip', transport, endpoint)
    network.listen(this, 'msrp', 'tcp', msrp)
    if (secureMsrp) network.listen(this, 'msrp', 'tls', secureMsrp.endpoint)
  }

  /** Its power is cut: connections are reset, and nobody answers any more. */
  crash(): void {
    this.#isDown = true
    this.#network.unplug(this)
  }

  /** Anything else, at this moment; what the client wants done is done after it. */
  act<T>(what: (now: Now) => T): T {
    const result = what(this.#clock.now())
    this.#drain()
    return result
  }

  flowOpened(now: Now, flow: Flow): void {
    this.#client.flowOpened(now, flow)
    this.#drain()
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    this.#client.received(now, flow, bytes)
    this.#drain()
  }

  flowClosed(now: Now, flow: Flow, reason: string): void {
    this.#client.flowClosed(now, flow, reason)
    this.#drain()
  }

  nextAt(): Instant | undefined {
    return this.#isDown ? undefined : this.#client.nextTimeout()
  }

  run(now: Now): void {
    this.#client.timeout(now)
    this.#drain()
  }

  #drain(): void {
    const outputs = this.#client.drain()
    if (this.#isDown) return
    for (const output of outputs) {
      if (output.kind === 'transmit') this.#network.transmit(this, output.flow, output.bytes)
      else if (output.kind === 'connect') this.#network.connect(this, output.flow)
      else if (output.kind === 'close') this.#network.close(this, output.flow)
      else this.#network.hold(this, output.flow, output.isHeld)
    }
  }
}
