import t from 'tap'
import type { Flow } from '../base/flow.ts'
import { udpFlow } from '../base/flow.ts'
import { silentLog } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { ANSWER } from '../testing/caller-wire.ts'
import { DESK, POCKET, RelayWire, target } from '../testing/relay-wire.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { OFFER } from '../testing/session-wire.ts'
import { ALICE, type Sent, SipWire } from '../testing/sip-wire.ts'
import { Sessions } from './session.ts'

/** Longer than a session without refresh, and than all that follows it. */
const END_MS = 6_000_000
const SEEDS = 40

interface Packet {
  readonly at: number
  readonly to: string
  readonly flow: Flow
  readonly text: string
}

/** A user agent at one address, whose peers are all reached by number. */
class Agent {
  readonly wire: SipWire
  readonly sessions: Sessions
  readonly events: string[] = []

  constructor(at: Flow, seed: number) {
    const { address } = at.remote
    this.wire = new SipWire({ listeners: [{ transport: 'udp', endpoint: at.remote }], hostname: address })
    const { timers, counters, layer } = this.wire
    const parts = { timers, counters, layer, entropy: new SeededEntropy(seed), log: silentLog, userAgent: address }
    this.sessions = new Sessions({
      ...parts,
      locate: (now, uri, done) => {
        const { host, port = 5060 } = parseUri(uri)
        done(now, { transport: 'udp', address: host, port })
      },
    })
  }

  later(ms: number, run: (now: Now) => void): void {
    this.wire.timers.set('test', (this.wire.now.at + ms) as Now['at'], run)
  }
}

/** Alice, the relay and two phones of bob's, between which datagrams are lost, doubled, late and out of order. */
class World {
  readonly alice = new Agent(ALICE, 11)
  readonly phones = [new Agent(DESK, 12), new Agent(POCKET, 13)]
  readonly relay = new RelayWire({
    hostname: ALICE.local.address,
    targets: [target(DESK), target(POCKET)],
    limitMs: 30_000,
    answersFailures: true,
  })
  readonly entropy: SeededEntropy
  readonly #wires: ReadonlyMap<string, SipWire>
  readonly #loss: number
  #packets: Packet[] = []
  #at = 0

  constructor(seed: number, loss: number) {
    this.entropy = new SeededEntropy(seed)
    this.#loss = loss
    this.#wires = new Map([
      [ALICE.local.address, this.relay.wire],
      [ALICE.remote.address, this.alice.wire],
      ...[DESK, POCKET].map(({ remote }, at) => [remote.address, this.phones[at]!.wire] as const),
    ])
    for (const phone of this.phones) this.#answering(phone)
    for (const { wire, sessions } of [this.alice, ...this.phones]) {
      const { user } = wire.layer
      wire.layer.user = {
        onRequest: (now, transaction, request) => {
          if (!sessions.onRequest(now, transaction, request)) user!.onRequest(now, transaction, request)
        },
        onAck: (now, request) => sessions.onAck(now, request),
        onStrayResponse: (now, response) => sessions.onStrayResponse(now, response),
      }
    }
  }

  /** Rings under one tag, and accepts, declines or does neither. */
  #answering(phone: Agent): void {
    const { entropy } = this
    phone.wire.layer.user = {
      onRequest: (now, transaction, request) => {
        if (entropy.chance(0.8)) transaction.respond(now, responseTo(request, 180, undefined, 'ringing'))
        const kind = entropy.below(3)
        if (kind === 2) return
        phone.later(entropy.below(20_000), then => {
          if (kind === 1) return transaction.respond(then, responseTo(request, 486, undefined, 'busy'))
          const { address, port } = transaction.flow.local
          const options = {
            contact: `<sip:bob@${address}:${port}>`,
            body: ANSWER,
            contentType: 'application/sdp',
            headers: [],
          }
          const session = phone.sessions.accept(then, transaction, request, options, {
            onConfirmed: () => {
              phone.events.push('confirmed')
              if (entropy.chance(0.5)) phone.later(entropy.below(40_000), later => session.bye(later))
            },
            onEnded: (_later, why) => phone.events.push(`ended ${why}`),
          })
        })
      },
      onAck: () => {},
      onStrayResponse: () => {},
    }
  }

  call(): void {
    const { alice, entropy } = this
    const session = alice.sessions.invite(
      alice.wire.now,
      {
        requestUri: 'sip:bob@192.0.2.1',
        to: '<sip:bob@example.org>',
        from: '<sip:alice@example.org>',
        contact: '<sip:alice@192.0.2.10:5070>',
        target: { transport: 'udp', address: '192.0.2.1', port: 5060 },
        body: OFFER,
        contentType: 'application/sdp',
        ringLimitS: 5 + entropy.below(40),
        sessionExpiresS: 1800,
      },
      {
        onAnswered: () => {
          alice.events.push('answered')
          const isLong = entropy.chance(0.2)
          alice.later(isLong ? 2_000_000 : entropy.below(60_000), now => session.bye(now))
        },
        onRefused: (_now, status) => alice.events.push(`refused ${status}`),
        onEnded: (_now, why) => alice.events.push(`ended ${why}`),
      },
    )
  }

  run(): void {
    while (this.#at < END_MS) {
      for (const wire of this.#wires.values()) this.#carry(wire.take())
      const wires = [...this.#wires.values()]
      const next = [...wires.map(({ timers }) => timers.next() ?? END_MS), ...this.#packets.map(({ at }) => at)]
      this.#at = Math.max(this.#at, Math.min(END_MS, ...next))
      for (const wire of wires) wire.runTo(this.#at)
      const due = this.#packets.filter(({ at }) => at <= this.#at)
      this.#packets = this.#packets.filter(({ at }) => at > this.#at)
      for (const { to, flow, text } of due) this.#wires.get(to)?.receive(text, flow)
    }
  }

  #carry(sent: readonly Sent[]): void {
    for (const { flow, text } of sent) {
      for (const chance of [1, this.#loss / 2]) {
        if (!this.entropy.chance(chance) || this.entropy.chance(this.#loss)) continue
        const at = this.#at + 1 + this.entropy.below(this.#loss === 0 ? 20 : 700)
        this.#packets.push({ at, to: flow.remote.address, flow: udpFlow(flow.remote, flow.local), text })
      }
    }
  }
}

t.test('RFC 3261 16 calls over a bad network: each ends once, on every side, and leaves nothing behind', async t => {
  const outcomes = new Map<string, number>()
  const passed = new Map<string, number>()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new World(seed, (seed % 8) / 20)
    world.call()
    world.run()
    const { alice, phones, relay } = world
    const told = `seed ${seed}: ${JSON.stringify([alice.events, phones.map(({ events }) => events), relay.events])}`
    t.match(alice.events.join(' '), /^(refused \d+|answered ended \w+)$/, told)
    for (const { events } of phones)
      t.match(events.join(' '), /^(|ended refused|ended gone|ended bye|confirmed ended \w+)$/, told)
    t.ok(relay.events.filter(event => /^(answered|failed|cancelled)/.test(event)).length <= 1, told)
    for (const { wire, sessions } of [alice, ...phones]) {
      t.equal(wire.running, '', told)
      t.match(sessions.describe(), { active: 0, lingering: 0 }, told)
    }
    t.equal(relay.wire.running, '', told)
    t.match(relay.relay.describe(), { open: 0, ringing: 0 }, told)
    t.match(relay.wire.layer.described(), { clients: {}, servers: { active: {} } }, told)
    const outcome = alice.events[0]!
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    for (const method of ['ACK', 'BYE', 'UPDATE'])
      passed.set(method, (passed.get(method) ?? 0) + relay.wire.counters.get('relayed_requests', method))
  }
  t.ok((outcomes.get('answered') ?? 0) > SEEDS / 4, JSON.stringify([...outcomes]))
  t.ok(outcomes.size > 2, JSON.stringify([...outcomes]))
  for (const [method, count] of passed) t.ok(count > 0, `${count} ${method}`)
})

t.test('RFC 3261 16 over a good one each call ends as its phones say', async t => {
  for (let seed = 101; seed <= 130; seed++) {
    const world = new World(seed, 0)
    world.call()
    world.run()
    const { alice, phones, relay } = world
    const told = `seed ${seed}: ${JSON.stringify([alice.events, phones.map(({ events }) => events), relay.events])}`
    const confirmed = phones.filter(({ events }) => events.includes('confirmed')).length
    t.equal(alice.events[0] === 'answered', confirmed > 0 && alice.events[0] !== 'refused 487', told)
    t.equal(relay.events.includes('answered'), confirmed > 0, told)
    for (const { events } of phones) t.notOk(events.includes('ended gone'), told)
    t.strictSame(
      relay.events.filter(event => event.startsWith('not relayed')),
      [],
      told,
    )
  }
})
