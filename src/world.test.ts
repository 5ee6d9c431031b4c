import t from 'tap'
import { udpFlow } from './base/flow.ts'
import { BOB, breaches, type Scenario, say, scenario, texts, waitingFor } from './testing/scenario.ts'
import { SeededEntropy } from './testing/seeded-entropy.ts'
import { seeds } from './testing/seeds.ts'
import { LOSSY, PERFECT, type Station } from './testing/simulated-network.ts'
import { at } from './testing/simulated-phone.ts'

/** Numbers of what is under way in the engine, e.g. `msrp.connections`; what merely waits for a timer of its own is left out. */
function underWay({ box }: Scenario): Record<string, unknown> {
  const { flows, sessions, msrp, forwards, delivery, store, dns } = box.engine.describe()
  const { active, lingering } = sessions as { active: number; lingering: number }
  const { connections, sessions: bound, unanswered } = msrp as Record<string, number>
  return { flows, active, lingering, connections, bound, unanswered, forwards, delivery, store, dns }
}

t.test('the same seed gives the same run, byte for byte; another one another', async t => {
  const wire = (seed: number): string => {
    let text = ''
    const run = scenario(seed, { faults: LOSSY })
    run.world.network.onTransmit = (from, _flow, bytes) => (text += `${run.world.clock.at} ${from.name} ${bytes}`)
    for (const body of texts(3)) run.alice.message({ to: BOB, body })
    run.bob.register({ isInstantMessaging: true })
    run.world.pass(40_000)
    return text
  }
  t.equal(wire(1), wire(1))
  t.not(wire(1), wire(2))
})

t.test('DM-PSH-01: a backlog of hundreds arrives whole and in order; what comes meanwhile joins the tail', async t => {
  const run = scenario('backlog', { config: '[auth]\ndigest = false\n', faults: { ...PERFECT, segmentMax: 900 } })
  const { world, alice, bob } = run
  for (const body of texts(300)) {
    alice.message({ to: BOB, body })
    world.pass(4)
  }
  world.until(() => alice.sent.every(({ status }) => status === 202), 'all kept')
  bob.register({ isInstantMessaging: true })
  for (let number = 301; number <= 330; number++) {
    alice.message({ to: BOB, body: `text ${number}` })
    world.pass(3)
  }
  world.pass(60_000)
  t.same(bob.texts, texts(330))
  t.same(breaches(run, 0), [])
})

t.test('RFC 4975 5.1: a large message is pushed in chunks and arrives byte for byte', async t => {
  for (const setup of ['active', 'passive'] as const) {
    const run = scenario(`large ${setup}`, { alice: { transport: 'tcp' }, faults: { ...PERFECT, segmentMax: 5000 } })
    const body = Buffer.from(new SeededEntropy('body').bytes(60_000))
    const sent = run.alice.message({ to: BOB, body, contentType: 'application/octet-stream' })
    run.world.until(() => sent.status !== undefined, 'an answer')
    t.equal(sent.status, 202)
    run.bob.phone.behaviour.invite = () => ({ status: 200, setup })
    run.bob.register({ isInstantMessaging: true })
    run.world.pass(5000)
    t.equal(run.bob.arrived.length, 1)
    t.ok(run.bob.arrived[0]?.body.equals(body))
  }
})

t.test('RFC 3261 18.1: the same over IPv6', async t => {
  const run = scenario('IPv6')
  const box = run.world.appliance({ name: 'six', address: 'fd00::1', users: ['alice:alice', 'bob:bob'] })
  for (const transport of ['udp', 'tcp'] as const) {
    const alice = run.world.phone('alice', { box: 'fd00::1', address: `fd00::a:${transport.length}`, transport })
    const bob = run.world.phone('bob', { box: 'fd00::1', address: `fd00::b:${transport.charCodeAt(0)}`, transport })
    const sent = alice.message({ to: BOB, body: transport })
    run.world.until(() => sent.status !== undefined, 'an answer')
    t.equal(sent.status, 202)
    bob.register({ isInstantMessaging: true })
    run.world.pass(5000)
    t.same(bob.texts, [transport])
    bob.register({ expiresS: 0, isInstantMessaging: true })
    run.world.pass(1000)
  }
  t.equal(run.world.ask(box, 'status', {}).waiting, 0)
})

t.test(
  'docs/protocol.md: with several phones all ring, the first success counts, and the sender sees one answer',
  async t => {
    const run = scenario('fork')
    const second = run.world.phone('bob', { transport: 'tcp' })
    run.bob.register()
    second.register()
    run.world.pass(2000)
    run.bob.phone.behaviour.message = () => 486
    t.same(say(run, ['to both']), [200])
    run.world.pass(60_000)
    t.same(run.bob.texts, [])
    t.equal(run.bob.arrived.length, 1)
    t.same(second.texts, ['to both'])
    t.same(waitingFor(run), [])
  },
)

t.test('contract serve: a stop in the middle of a push keeps what was not confirmed for the next start', async t => {
  const config = '[auth]\ndigest = false\n[delivery]\nretry_min_s = 1\nretry_max_s = 4\n'
  for (const seed of seeds(15)) {
    const run = scenario(seed, { config })
    const { world, box, alice, bob } = run
    say(run, texts(40))
    bob.register({ isInstantMessaging: Number(seed) % 2 === 0 })
    world.pass(5 + world.entropy.below(30))
    box.stop()
    world.pass(3000)
    const late = alice.message({ to: BOB, body: 'too late' })
    world.pass(1000)
    t.equal(late.status, 503, `SEED=${seed}`)
    box.crashFor(500)
    world.pass(1000)
    bob.register({ isInstantMessaging: true })
    world.pass(60_000)
    t.same([...new Set(bob.texts)], texts(40), `SEED=${seed}`)
    t.ok(bob.texts.length - 40 <= 16, `SEED=${seed} ${bob.texts.length - 40} came again`)
    t.same(waitingFor(run), [])
  }
})

t.test('bounds: after a day of traffic and silence nothing is left over in the engine', async t => {
  const run = scenario('leak', { faults: { ...LOSSY, loss: 0.1 }, alice: { transport: 'tcp' } })
  const { world, alice, bob } = run
  for (let round = 0; round < 30; round++) {
    alice.message({ to: BOB, body: `round ${round}` })
    if (round % 5 === 0) bob.register({ isInstantMessaging: round % 10 === 0 })
    if (round % 7 === 0) bob.register({ expiresS: 0 })
    world.pass(7000)
  }
  world.network.faults = PERFECT
  bob.register()
  world.pass(3_700_000)
  t.match(underWay(run), {
    active: 0,
    lingering: 0,
    connections: 0,
    bound: 0,
    unanswered: 0,
    store: { outstanding: 0 },
    dns: { outstanding: 0 },
    delivery: { running: 0, queued: 0, known: 0 },
    forwards: { open: 0 },
    flows: { streams: { open: 0 } },
  })
})

/** Bytes that are nearly SIP: a real request with some of its bytes replaced, doubled or cut off. */
function mutated(entropy: SeededEntropy, request: Buffer): Buffer {
  const bytes = Buffer.from(request)
  for (let i = entropy.below(6); i >= 0; i--) bytes[entropy.below(bytes.length)] = entropy.below(256)
  if (entropy.chance(0.3)) return bytes.subarray(0, entropy.below(bytes.length))
  return entropy.chance(0.2) ? Buffer.concat([bytes, bytes]) : bytes
}

t.test(
  'RFC 3261 16.3: a flood of nearly-SIP over UDP and TCP, and of half-open streams, leaves the box at work',
  async t => {
    const run = scenario('flood')
    const { world, box, alice } = run
    const entropy = new SeededEntropy('flood')
    let request: Buffer | undefined
    world.network.onTransmit = (from, _flow, bytes) => {
      if (from === alice) request = bytes
    }
    say(run, ['a real one'])
    const local = at('10.0.0.1', 5060)
    for (let i = 0; i < 3000; i++) {
      box.inject(udpFlow(local, at(`10.1.${entropy.below(200)}.1`, 5060)), mutated(entropy, request!))
      if (i % 100 === 0) world.pass(50)
    }
    const attacker: Station = { name: 'attacker', flowOpened() {}, received() {}, flowClosed() {} }
    for (let i = 0; i < 6000; i++) {
      const protocol = i % 2 === 0 ? ('sip' as const) : ('msrp' as const)
      const remote = at('10.0.0.1', protocol === 'sip' ? 5060 : 2855)
      const flow = { id: `a${i}`, protocol, transport: 'tcp' as const, local: at(`10.2.${i % 40}.1`, 0), remote }
      world.network.connect(attacker, flow)
      if (i % 3 === 0) world.network.transmit(attacker, flow, mutated(entropy, request!))
    }
    world.pass(2000)
    t.same(say(run, ['still there']), [202])
    world.network.unplug(attacker)
    world.pass(120_000)
    t.equal((underWay(run).flows as { streams: { open: number } }).streams.open, 0)
    t.equal(underWay(run).connections, 0)
    run.bob.register({ isInstantMessaging: true })
    world.pass(5000)
    t.ok(run.bob.texts.includes('a real one') && run.bob.texts.includes('still there'))
  },
)

t.test('bounds: a sender that trickles a byte a second is hung up on before its message is whole', async t => {
  const run = scenario('slow sender')
  const { world } = run
  const closed: string[] = []
  const slow: Station = {
    name: 'slow',
    flowOpened() {},
    received() {},
    flowClosed: (_now, flow) => closed.push(`${flow.protocol} after ${Math.round(world.clock.at / 1000)} s`),
  }
  const heads = {
    sip: 'OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.3.0.1;branch=z9hG4bKslow\r\n',
    msrp: 'MSRP abcd SEND\r\nTo-Path: msrp://10.0.0.1:2855/x;tcp\r\nFrom-Path: msrp://10.3.0.1:9/y;tcp\r\n',
  }
  const flows = (['sip', 'msrp'] as const).map(protocol => {
    const remote = at('10.0.0.1', protocol === 'sip' ? 5060 : 2855)
    return { id: protocol, protocol, transport: 'tcp' as const, local: at('10.3.0.1', 0), remote }
  })
  for (const flow of flows) world.network.connect(slow, flow)
  for (let second = 0; second < 60; second++) {
    for (const flow of flows) world.network.transmit(slow, flow, Buffer.from(heads[flow.protocol][second] ?? 'x'))
    world.pass(1000)
  }
  t.same(closed.sort(), ['msrp after 30 s', 'sip after 32 s'])
})
