import type { Flow } from '../base/flow.ts'
import { historyOf, historySettings, type KeptItem } from './kept-history.ts'
import { LargeCall, type LargeCallOptions } from './large-call.ts'
import type { PhoneCall } from './phone-call.ts'
import { publish } from './publish.ts'
import { BOB, type Scenario, scenario } from './scenario.ts'
import { sendsIn } from './sends.ts'
import type { SimulatedPhone } from './simulated-phone.ts'

/** What that phone says in MSRP, connection by connection. */
export class Wire {
  readonly #bytes = new Map<SimulatedPhone, Map<string, Buffer[]>>()
  /** INVITEs and answers to them as the phones and the box sent them. */
  readonly descriptions: { readonly by: string; readonly text: string }[] = []

  constructor({ world }: Scenario, ...phones: SimulatedPhone[]) {
    for (const phone of phones) this.#bytes.set(phone, new Map())
    world.network.onTransmit = (from, flow: Flow, bytes) => {
      const text = bytes.toString('latin1')
      if (flow.protocol === 'sip' && /^Content-Type: application\/sdp\r$/im.test(text))
        this.descriptions.push({ by: from.name, text: text.slice(text.indexOf('\r\n\r\n') + 4) })
      const flows = this.#bytes.get(from as SimulatedPhone)
      if (!flows || flow.protocol !== 'msrp') return
      flows.set(flow.id, [...(flows.get(flow.id) ?? []), Buffer.from(bytes)])
    }
  }

  /** SENDs that say something, those that only bind left out. */
  said(phone: SimulatedPhone): Buffer {
    const wires = [...this.#bytes.get(phone)!.values()].map(parts => Buffer.concat(parts))
    return Buffer.concat(wires.flatMap(sendsIn).filter(send => send.includes('\r\nContent-Type:')))
  }
}

export const saidBy = (item: KeptItem, from: 'caller' | 'callee'): string =>
  Buffer.concat(item.pieces.filter(piece => piece.from === from).map(({ bytes }) => bytes)).toString('latin1')

export function keep(run: Scenario, phone: SimulatedPhone, kinds: { session?: boolean; pager?: boolean }): void {
  const { status } = publish(run, phone, { body: historySettings(kinds), uri: phone.phone.aor })
  if (status !== 200) throw new Error(`PUBLISH: ${status}`)
}

interface ChatOptions extends Partial<LargeCallOptions> {
  /** Who keeps sessions. */
  readonly keeps?: readonly ('alice' | 'bob')[]
}

export const CHAT = { acceptContact: '*;+g.oma.sip-im', attributes: ['sendrecv'], fetches: 'all' } as const

/** Bob is there. */
export function beside(name: string, options: Parameters<typeof scenario>[1] = {}): Scenario {
  const run = scenario(name, { bob: { transport: 'tcp' }, ...options })
  run.bob.register({ isInstantMessaging: true })
  run.world.until(() => run.bob.phone.registered === 200, 'bob is there')
  return run
}

export function dial(run: Scenario, options: ChatOptions = {}): LargeCall {
  const { keeps = ['alice', 'bob'], ...call } = options
  for (const name of keeps) keep(run, run[name], { session: true })
  return run.alice.act(now => new LargeCall(run.alice.phone, now, { to: BOB, ...CHAT, ...call }))
}

/** Alice calls bob, who answers. */
export function chat(run: Scenario, options: ChatOptions = {}): { call: LargeCall; answered: PhoneCall } {
  const call = dial(run, options)
  run.world.until(() => call.status !== undefined, 'an answer')
  if (call.status !== 200) throw new Error(`answered ${call.status}`)
  return { call, answered: run.bob.calls.at(-1)! }
}

/** Both say that; returns when all of it has arrived and was answered. */
export function talk(
  run: Scenario,
  { call, answered }: { call: LargeCall; answered: PhoneCall },
  texts: readonly string[],
): void {
  const { world, alice, bob } = run
  const [before, heard] = [call.sent.length, answered.outcomes.length]
  for (const text of texts) {
    alice.act(now => call.send(now, Buffer.from(`alice: ${text}`)))
    bob.act(now => answered.send(now, `bob: ${text}`))
  }
  const isOver = () =>
    call.sent.slice(before).every(({ outcome }) => outcome !== undefined) &&
    answered.outcomes.length === heard + texts.length
  world.until(isOver, 'all is said', 400_000)
}

export function hangUp({ world, alice, bob }: Scenario, call: LargeCall): void {
  alice.act(now => call.hangUp(now))
  world.until(() => bob.calls.at(-1)?.ended !== undefined, 'bob hears it')
  world.pass(10_000)
}

export const items = ({ world, box }: Scenario, aor: string): KeptItem[] => historyOf(world, box, aor)
