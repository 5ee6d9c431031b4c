import t from 'tap'
import type { WallTime } from './base/time.ts'
import { SELF_TEST_AOR } from './store/story.ts'
import { say } from './testing/scenario.ts'
import type { ApplianceOptions, SimulatedAppliance } from './testing/simulated-appliance.ts'
import { GOOD_DISK } from './testing/simulated-disk.ts'
import { PERFECT } from './testing/simulated-network.ts'
import { custodyOf } from './testing/store-fixtures.ts'
import { World } from './testing/world.ts'

const QUARTER_MS = 900_000
const LIMIT_MS = 40_000
const HEAD =
  'Via: SIP/2.0/UDP 10.0.9.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n'

function testing(seed: string, options: Partial<ApplianceOptions> = {}) {
  const world = new World(seed)
  const sent: string[] = []
  world.network.onTransmit = (_from, flow) => void sent.push(flow.id)
  const box = world.appliance({ users: ['alice:alice', 'bob:bob'], isSelfTesting: true, ...options })
  return { world, box, sent }
}

const view = (box: SimulatedAppliance) => box.engine.selfTest!

const inFlash = (world: World, box: SimulatedAppliance) =>
  world.ask(box, 'mailbox', { aor: SELF_TEST_AOR, afterSeq: 0, limit: 100 })

t.test('a message goes through store and delivery, whatever the configuration', async t => {
  const configs: Record<string, Partial<ApplianceOptions>> = {
    'as it comes': {},
    'digest off': { config: '[auth]\ndigest = false\n' },
    'with a core that does not answer': { config: '[core]\nroute = "sip:10.0.9.9;lr"\n' },
    'pushed over MSRP alone': { config: '[delivery]\nprofile = "msrp"\n' },
    'nobody is pushed to': { config: '[delivery]\nactive_default = false\n' },
    'mailboxes of one message': { config: '[deferral]\nquota_messages = 1\n' },
    'histories and another document server': { config: '[xdms]\nroot = "http://10.0.9.9/"\n' },
    IPv6: { address: '2001:db8::1' },
  }
  for (const [name, options] of Object.entries(configs)) {
    const { world, box, sent } = testing(name, options)
    world.until(() => view(box).result !== 'none yet', 'a first test')
    t.match(view(box), { result: 'passed', failures: 0 }, name)
    world.pass(QUARTER_MS + 5000)
    t.equal(box.engine.describe().self_test?.['passed' as never], 2, 'and again')
    t.same(sent, [], 'nothing of it leaves the box')
    t.same(box.mailboxesChanged, [])
  }
})

t.test('no timer of it is due so long ago that timers of the engine seem to be forgotten', async t => {
  const { world, box } = testing('due')
  const { engine } = box
  const stored = engine.stored.bind(engine)
  const lateMs: number[] = []
  t.capture(engine, 'stored', ((now, ...reply) => {
    stored(now, ...reply)
    lateMs.push(now.at - (engine.nextTimeout() ?? now.at))
  }) as typeof stored)
  world.pass(QUARTER_MS + 15_000)
  t.equal(engine.describe().self_test?.['passed' as never], 2)
  t.ok(lateMs.length > 5)
  t.ok(Math.max(...lateMs) < 10_000, String(Math.max(...lateMs)))
})

t.test('what cannot be tested is said', async t => {
  const { world, box } = testing('off', { config: '[deferral]\nenabled = false\n' })
  world.pass(5000)
  t.match(view(box), { result: 'passed over', detail: /deferral.enabled is off/, failures: 0 })
  t.same(box.counters.describe().messages_refused, undefined)
})

t.test('nobody sees it: no list, total, message counter or alarm has it', async t => {
  const { world, box } = testing('unseen')
  const before = world.ask(box, 'status', {})
  box.disk.faults = { ...GOOD_DISK, flushMinMs: 1000, flushMaxMs: 1000 }
  world.until(() => inFlash(world, box).length === 1, 'the middle of a test')
  const { freeBytes: _, clockFloor: __, ...now } = world.ask(box, 'status', {})
  t.match(before, now)
  t.equal(now.accounts, 2)
  t.same(
    world.ask(box, 'account.list', { limit: 10 }).map(({ aor }) => aor),
    ['sip:alice@example.org', 'sip:bob@example.org'],
  )
  t.same(world.ask(box, 'mailboxes', { limit: 10 }), [])
  t.same(world.ask(box, 'bindings.due', { limit: 10 }), [])
  world.pass(5000)
  t.equal(view(box).result, 'passed')
  const { messages_stored, messages_delivered, push_ended, messages_refused, mailboxes_nearly_full } =
    box.counters.describe()
  t.same(
    [messages_stored, messages_delivered, push_ended, messages_refused, mailboxes_nearly_full],
    Array(5).fill(undefined),
  )
})

t.test('where messages of users went through it is spared', async t => {
  const { world, box } = testing('spared')
  const alice = world.phone('alice')
  const bob = world.phone('bob')
  world.until(() => view(box).result === 'passed', 'the first test')
  say({ world, box, alice, bob }, ['hello'])
  bob.register({ isInstantMessaging: true })
  world.until(() => world.ask(box, 'mailboxes', { limit: 10 }).length === 0, 'delivered')
  world.pass(QUARTER_MS)
  t.match(view(box), { result: 'passed', detail: /messages of users/ })
  t.match(box.engine.describe().self_test, { passed: 1, spared: 1 })
  world.pass(QUARTER_MS)
  t.match(box.engine.describe().self_test, { passed: 2, spared: 1 }, 'a quarter in which nothing was said')
})

t.test('a store that refuses, fails or never answers makes it fail, and it passes again afterwards', async t => {
  for (const [name, faults, detail] of [
    ['full', { ...GOOD_DISK, full: 1 }, /full|no space|storage/],
    ['io', { ...GOOD_DISK, io: 1 }, /storage failed|store/],
    ['hung', { ...GOOD_DISK, flushMinMs: 10_000_000, flushMaxMs: 10_000_000 }, /not answered within 40 s/],
  ] as const) {
    const { world, box, sent } = testing(name)
    world.until(() => view(box).result === 'passed', 'the first test')
    box.disk.faults = faults
    world.pass(QUARTER_MS + LIMIT_MS + 5000)
    t.match(view(box), { result: 'failed', failures: 1, isRefused: name !== 'hung', detail }, name)
    world.pass(60_000 + LIMIT_MS + 1000)
    t.ok(view(box).failures >= 2, `${name}: a minute later again`)
    t.same(sent, [])
    if (name === 'hung') continue
    box.disk.faults = GOOD_DISK
    world.pass(120_000)
    t.match(view(box), { result: 'passed', failures: 0 }, name)
    t.same(inFlash(world, box), [], name)
  }
})

t.test('a store that takes messages and gives none back makes it fail', async t => {
  const { world, box } = testing('half')
  world.until(() => view(box).result === 'passed', 'the first test')
  world.pass(QUARTER_MS - 5000)
  box.disk.faults = { ...GOOD_DISK, flushMinMs: 500, flushMaxMs: 500 }
  world.until(() => inFlash(world, box).length === 1, 'stored')
  box.disk.faults = { ...GOOD_DISK, io: 1 }
  world.pass(LIMIT_MS + 1000)
  t.match(view(box), { result: 'failed', detail: /not deleted from the store within/ })
})

t.test('a power cut at any moment of it leaves nothing behind', async t => {
  for (let count = 1; count <= 16; count++) {
    const { world, box } = testing(`cut ${count}`)
    world.until(() => view(box).result === 'passed', 'the first test')
    world.pass(QUARTER_MS - 3000)
    box.plan = { after: 'step', count, downMs: 1000 }
    world.pass(30_000)
    t.equal(box.crashes, 1)
    t.match(view(box), { result: 'passed', failures: 0 }, `step ${count}`)
    t.same(inFlash(world, box), [], `step ${count}`)
    t.equal(world.ask(box, 'status', {}).accounts, 2)
  }
})

t.test('nobody outside can take part: its address is no user, its flow no one that a peer has', async t => {
  const { world, box } = testing('outside')
  const alice = world.phone('alice')
  for (const to of ['sip:self-test.restante.invalid', 'sip:self-test@example.org', 'restante:self-test'])
    alice.message({ to, body: 'let me in' })
  const eve = world.phone('eve', { password: null })
  eve.message({ to: 'sip:self-test.restante.invalid', body: 'let me in' })
  world.until(() => [...alice.sent, ...eve.sent].every(({ status }) => status !== undefined), 'all are answered')
  for (const { status } of [...alice.sent, ...eve.sent]) t.ok(status! >= 400, String(status))
  world.pass(2 * QUARTER_MS)
  t.equal(view(box).failures, 0)
  t.same(inFlash(world, box), [])
  t.same(world.ask(box, 'mailboxes', { limit: 10 }), [])
})

t.test('a box that stops does not fail its test', async t => {
  const { world, box } = testing('stopping')
  world.until(() => view(box).result === 'passed', 'the first test')
  box.stop()
  world.pass(QUARTER_MS * 2)
  t.match(view(box), { result: 'passed', failures: 0 })
})

t.test('many who wait for their push do not keep it waiting', async t => {
  const names = Array.from({ length: 300 }, (_, index) => `u${index}`)
  const { world, box } = testing('crowd', { users: names.map(name => `${name}:${name}`) })
  for (const [index, name] of names.entries())
    world.phone(name, { address: `10.1.${index >> 8}.${index & 255}` }).register()
  world.pass(QUARTER_MS - 10_000)
  world.network.faults = { ...PERFECT, loss: 1 }
  for (const [index, name] of names.entries()) {
    const recipient = `sip:${name}@example.org`
    const bytes = Buffer.from(`MESSAGE ${recipient} SIP/2.0\r\n${HEAD}\r\n`)
    const { verb, ...asked } = custodyOf(index, { recipient, bytes, receivedAt: world.clock.now().wall })
    box.ask(
      verb,
      { ...asked, message: { ...asked.message, expiresAt: (world.clock.now().wall + 1e9) as WallTime } },
      () => {},
    )
    box.deliver(recipient)
  }
  world.pass(1000)
  for (const name of names) box.deliver(`sip:${name}@example.org`)
  const describe = (name: string) => box.engine.describe()[name] as Record<string, number>
  world.until(() => describe('self_test').passed === 2, 'the second test')
  t.match(describe('delivery'), { running: 257, queued: 44 })
})
