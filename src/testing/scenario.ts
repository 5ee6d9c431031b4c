import { promiseBreaches } from './promise.ts'
import type { SimulatedAppliance } from './simulated-appliance.ts'
import type { Faults } from './simulated-network.ts'
import type { SimulatedPhone } from './simulated-phone.ts'
import { World, type WorldPhoneOptions } from './world.ts'

export const ALICE = 'sip:alice@example.org'
export const BOB = 'sip:bob@example.org'
export const CAROL = 'sip:carol@example.org'

export interface Scenario {
  readonly world: World
  readonly box: SimulatedAppliance
  readonly alice: SimulatedPhone
  readonly bob: SimulatedPhone
}

interface ScenarioOptions {
  /** TOML, see `ApplianceOptions`. */
  readonly config?: string
  readonly listen?: string
  readonly faults?: Faults
  readonly bob?: WorldPhoneOptions
  readonly alice?: WorldPhoneOptions
}

/** A box that serves alice, bob and carol, and a phone for the first two; nobody is registered yet. */
export function scenario(seed: number | string, options: ScenarioOptions = {}): Scenario {
  const world = new World(seed, options.faults)
  const config = {
    ...(options.config !== undefined && { config: options.config }),
    ...(options.listen !== undefined && { listen: options.listen }),
  }
  const box = world.appliance({ users: ['alice:alice', 'bob:bob', 'carol:carol'], ...config })
  return { world, box, alice: world.phone('alice', options.alice), bob: world.phone('bob', options.bob) }
}

/** One after the other, each answered before the next is sent; gives the answers. */
export function say({ world, alice }: Scenario, texts: readonly string[]): (number | undefined)[] {
  return texts.map(text => {
    const sent = alice.message({ to: BOB, body: text })
    world.until(() => sent.status !== undefined, `an answer to ${text}`)
    return sent.status
  })
}

export const waitingFor = ({ world, box }: Scenario, aor = BOB) =>
  world.ask(box, 'mailbox', { aor, afterSeq: 0, limit: 1000, withHead: true })

export const texts = (count: number): string[] => Array.from({ length: count }, (_, index) => `text ${index + 1}`)

/** Of the promise to alice and bob, when all that she wrote to him is expected to have arrived. */
export const breaches = ({ world, box, alice, bob }: Scenario, repeatsMax: number): string[] =>
  promiseBreaches(world, box, { recipient: BOB, senders: [alice], receivers: [bob], repeatsMax, isAllDelivered: true })
