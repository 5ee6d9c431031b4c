import type { Endpoint, Transport } from '../base/flow.ts'
import { Phone } from './phone.ts'
import type { PhoneCall } from './phone-call.ts'
import type { Arrived, MessageOptions, PhoneOptions, RegisterOptions, Sent } from './phone-types.ts'
import { SimulatedClient } from './simulated-client.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

/** A phone at an address of the simulated network. */
export class SimulatedPhone extends SimulatedClient {
  readonly phone: Phone

  constructor(clock: SimulatedClock, network: SimulatedNetwork, options: PhoneOptions) {
    const phone = new Phone(options)
    super(clock, network, options.user, phone, options)
    this.phone = phone
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
}

export const at = (address: string, port: number): Endpoint => ({ address, port })

/** UDP and TCP on 5060, the wanted one first. */
export const sipListeners = (address: string, transport: Transport) => {
  const other: Transport = transport === 'udp' ? 'tcp' : 'udp'
  return [transport, other].map(each => ({ transport: each, endpoint: at(address, 5060) }))
}
