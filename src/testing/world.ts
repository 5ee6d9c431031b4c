import type { Transport } from '../base/flow.ts'
import type { Instant } from '../base/time.ts'
import type { StoreResult, Verb, Verbs } from '../store/verbs.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { type ApplianceOptions, SimulatedAppliance } from './simulated-appliance.ts'
import { simulatedFingerprint } from './simulated-certificate.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { SimulatedFocus } from './simulated-focus.ts'
import { type Faults, SimulatedNetwork } from './simulated-network.ts'
import { at, SimulatedPhone, sipListeners } from './simulated-phone.ts'

interface Participant {
  nextAt(): Instant | undefined
  run(now: ReturnType<SimulatedClock['now']>): void
}

export interface WorldPhoneOptions {
  readonly transport?: Transport
  /** A second phone of the same user needs one of its own. */
  readonly address?: string
  /** Absent: the user's name; `null`: none. */
  readonly password?: string | null
  /** Of its digest, in place of its name. */
  readonly username?: string
  readonly box?: string
  readonly domain?: string
}

/** Of the box. */
const PORTS: Readonly<Record<Transport, number>> = { udp: 5060, tcp: 5060, tls: 5061, ws: 8081, wss: 8443 }

/** The secure end of a phone that signals over TLS. */
const secureMsrp = (address: string) => ({ endpoint: at(address, 2856), fingerprint: simulatedFingerprint(address) })

/** Far more than any scenario here takes; a run that needs more is stuck in a circle. */
const STEPS_MAX = 500_000

/** Appliances and phones on one clock and one network. The same seed gives the same run. */
export class World {
  readonly seed: number | string
  readonly clock = new SimulatedClock()
  readonly entropy: SeededEntropy
  readonly network: SimulatedNetwork
  steps = 0
  readonly #appliances: SimulatedAppliance[] = []
  readonly #participants: Participant[] = []
  #addresses = 0

  constructor(seed: number | string, faults?: Faults) {
    this.seed = seed
    this.entropy = new SeededEntropy(seed)
    this.network = new SimulatedNetwork(this.clock, this.entropy.fork('network'), faults)
  }

  appliance(options: ApplianceOptions): SimulatedAppliance {
    const appliance = new SimulatedAppliance(this.clock, this.network, this.entropy.fork('appliance'), options)
    this.#appliances.push(appliance)
    this.#participants.push(appliance)
    this.until(() => appliance.isUp, 'the box is up')
    return appliance
  }

  phone(user: string, options: WorldPhoneOptions = {}): SimulatedPhone {
    const {
      domain = 'example.org',
      transport = 'udp',
      address = `10.0.1.${++this.#addresses}`,
      password = user,
      username,
      box = '10.0.0.1',
    } = options
    const phone = new SimulatedPhone(this.clock, this.network, {
      user,
      domain,
      ...(password !== null && { password }),
      ...(username !== undefined && { username }),
      server: { transport, address: box, port: PORTS[transport] },
      sip: sipListeners(address, transport),
      msrp: at(address, 2855),
      ...(transport === 'tls' || transport === 'wss' ? { secureMsrp: secureMsrp(address) } : {}),
      entropy: this.entropy.fork(`${user} ${address}`),
    })
    this.#participants.push(phone)
    return phone
  }

  /** A conference focus with its factory, on SIP port 5060 of an address of its own. */
  focus(address = `10.0.2.${++this.#addresses}`): SimulatedFocus {
    const focus = new SimulatedFocus(this.clock, this.network, address, this.entropy.fork(`focus ${address}`))
    this.#participants.push(focus)
    return focus
  }

  /** False when nothing is left to happen. */
  step(): boolean {
    this.steps++
    for (const appliance of this.#appliances) appliance.stepped()
    let first: Participant | 'network' | undefined = 'network'
    let firstAt = this.network.nextAt()
    for (const participant of this.#participants) {
      const nextAt = participant.nextAt()
      if (nextAt === undefined || (firstAt !== undefined && firstAt <= nextAt)) continue
      first = participant
      firstAt = nextAt
    }
    if (firstAt === undefined) return false
    this.clock.advanceTo(firstAt)
    if (first === 'network') this.network.runFirst()
    else first.run(this.clock.now())
    return true
  }

  /** Runs until it is so; throws when it is not within that time or in too many steps. */
  until(isSo: () => boolean, what: string, withinMs = 120_000): void {
    const deadline = this.clock.at + withinMs
    const lastStep = this.steps + STEPS_MAX
    while (!isSo()) {
      if (this.clock.at > deadline) throw new Error(`not within ${withinMs} ms: ${what} (SEED=${this.seed})`)
      if (this.steps > lastStep) throw new Error(`not within ${STEPS_MAX} steps: ${what} (SEED=${this.seed})`)
      if (!this.step()) throw new Error(`nothing left to happen before: ${what} (SEED=${this.seed})`)
    }
  }

  /** Lets that much time go by. */
  pass(ms: number): void {
    const end = (this.clock.at + ms) as Instant
    const lastStep = this.steps + STEPS_MAX
    for (;;) {
      const times = [this.network.nextAt(), ...this.#participants.map(participant => participant.nextAt())]
      if (!times.some(time => time !== undefined && time <= end)) break
      if (this.steps > lastStep) throw new Error(`${ms} ms took more than ${STEPS_MAX} steps (SEED=${this.seed})`)
      this.step()
    }
    this.clock.advanceTo(end)
  }

  /** What the store of that appliance answers to a question put now. */
  ask<V extends Verb>(appliance: SimulatedAppliance, verb: V, request: Verbs[V]['request']): Verbs[V]['reply'] {
    let result: StoreResult<V> | undefined
    appliance.ask(verb, request, answered => {
      result = answered
    })
    this.until(() => result !== undefined, `the store answers ${verb}`)
    if (!result || 'failure' in result) throw new Error(`${verb}: ${result?.failure} (SEED=${this.seed})`)
    return result.value
  }
}
