import { Focus, type FocusOptions } from './focus.ts'
import type { FocusMember } from './focus-member.ts'
import { simulatedFingerprint } from './simulated-certificate.ts'
import { SimulatedClient } from './simulated-client.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import { at, sipListeners } from './simulated-phone.ts'

/** A focus at an address of the simulated network. */
export class SimulatedFocus extends SimulatedClient {
  readonly focus: Focus

  constructor(clock: SimulatedClock, network: SimulatedNetwork, address: string, entropy: FocusOptions['entropy']) {
    const place = {
      sip: [...sipListeners(address, 'udp'), { transport: 'tls' as const, endpoint: at(address, 5061) }],
      msrp: at(address, 2855),
      secureMsrp: { endpoint: at(address, 2856), fingerprint: simulatedFingerprint(address) },
    }
    const focus = new Focus({ ...place, entropy })
    super(clock, network, 'focus', focus, place)
    this.focus = focus
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
}
