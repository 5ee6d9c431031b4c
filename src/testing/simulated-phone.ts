import type { Endpoint, Flow, Transport } from '../base/flow.ts'
import type { Instant, Now } from '../base/time.ts'
import { Phone } from './phone.ts'
import type { PhoneCall } from './phone-call.ts'
import type { Arrived, MessageOptions, PhoneOptions, RegisterOptions, Sent } from './phone-types.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import type { SimulatedNetwork, Station } from './simulated-network.ts'

/** A phone at an address of the simulated network. */
export class SimulatedPhone implements Station {
  readonly name: string
  readonly phone: Phone
  readonly address: string
  readonly #clock: SimulatedClock
  readonly #network: SimulatedNetwork

  constructor(clock: SimulatedClock, network: SimulatedNetwork, options: PhoneOptions) {
    this.#clock = clock
    this.#network = network
    this.phone = new Phone(options)
    const { sip, msrp, secureMsrp } = options
    this.address = sip[0]!.endpoint.address
    this.name = `${options.user} at ${this.address}`
    for (const { transport, endpoint } of sip) network.listen(this, 'sip', transport, endpoint)
    network.listen(this, 'msrp', 'tcp', msrp)
    if (secureMsrp) network.listen(this, 'msrp', 'tls', secureMsrp.endpoint)
  }

  get sent(): readonly Sent[] {
    return this.phone.sent
  }

  get arrived(): readonly Arrived[] {
    return this.phone.inbox.arrived
  }

  /** Bodies of what it took, as text, in order. */
  get texts(): string[] {
    return this.phone.inbox.taken.map(({ body }) => body.toString())
  }

  get calls(): readonly PhoneCall[] {
    return this.phone.inbox.calls
  }

  register(options: RegisterOptions = {}): void {
    this.act(now => this.phone.register(now, options))
  }

  message(options: MessageOptions): Sent {
    return this.act(now => this.phone.message(now, options))
  }

  /** Anything else, at this moment; what the phone wants done is done after it. */
  act<T>(what: (now: Now) => T): T {
    const result = what(this.#clock.now())
    this.#drain()
    return result
  }

  flowOpened(now: Now, flow: Flow): void {
    this.phone.flowOpened(now, flow)
    this.#drain()
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    this.phone.received(now, flow, bytes)
    this.#drain()
  }

  flowClosed(now: Now, flow: Flow, reason: string): void {
    this.phone.flowClosed(now, flow, reason)
    this.#drain()
  }

  nextAt(): Instant | undefined {
    return this.phone.nextTimeout()
  }

  run(now: Now): void {
    this.phone.timeout(now)
    this.#drain()
  }

  #drain(): void {
    for (const output of this.phone.drain()) {
      if (output.kind === 'transmit') this.#network.transmit(this, output.flow, output.bytes)
      else if (output.kind === 'connect') this.#network.connect(this, output.flow)
      else if (output.kind === 'close') this.#network.close(this, output.flow)
      else this.#network.hold(this, output.flow, output.isHeld)
    }
  }
}

export const at = (address: string, port: number): Endpoint => ({ address, port })

/** UDP and TCP on 5060, the wanted one first. */
export const sipListeners = (address: string, transport: Transport) => {
  const other: Transport = transport === 'udp' ? 'tcp' : 'udp'
  return [transport, other].map(each => ({ transport: each, endpoint: at(address, 5060) }))
}
