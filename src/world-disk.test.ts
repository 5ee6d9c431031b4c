import t from 'tap'
import { parseMessage } from './sip-parser-lite/parse.ts'
import { callId } from './sip-parser-lite/typed.ts'
import { KeyedStore } from './store/keyed.ts'
import { historyOf } from './testing/kept-history.ts'
import { BOB, breaches, CAROL, type Scenario, say, scenario, texts, waitingFor } from './testing/scenario.ts'
import { seeds } from './testing/seeds.ts'
import { BAD_DISK, GOOD_DISK } from './testing/simulated-disk.ts'
import { PERFECT } from './testing/simulated-network.ts'

const CONFIG = '[auth]\ndigest = false\n[delivery]\nretry_min_s = 1\nretry_max_s = 4\n'

/** Call-IDs that were answered 202 while what a power cut leaves did not have them. */
function answeredTooEarly(run: Scenario): string[] {
  const early: string[] = []
  run.world.network.onTransmit = (_from, _flow, bytes) => {
    if (!bytes.toString('latin1').startsWith('SIP/2.0 202')) return
    const id = callId(parseMessage(bytes))
    const store = new KeyedStore({ hostname: run.box.config.hostname, freeBytes: () => Number.MAX_SAFE_INTEGER })
    store.load(run.box.disk.durable)
    const found = store.read(run.box.disk.durable, { verb: 'trace', id, limit: 1 })
    if (!found || 'failure' in found || (found.value as unknown[]).length === 0) early.push(id)
  }
  return early
}

t.test('DM-DEC-02: 202 leaves only after the flush, on a slow and failing disk too', async t => {
  let accepted = 0
  for (const seed of seeds(15)) {
    const run = scenario(seed, { config: CONFIG })
    const early = answeredTooEarly(run)
    run.box.disk.faults = BAD_DISK
    for (const text of texts(12)) {
      run.alice.message({ to: BOB, body: text })
      run.world.pass(run.world.entropy.below(60))
    }
    run.world.until(() => run.alice.sent.every(({ status }) => status !== undefined), 'all answered')
    t.same(early, [], `SEED=${seed}`)
    accepted += run.alice.sent.filter(({ status }) => status === 202).length
  }
  t.ok(accepted > 40, `${accepted} accepted`)
})

t.test(
  'DM-DEC-03: what the disk refuses is answered 603 or 503 with a Warning, and nothing accepted is lost',
  async t => {
    for (const seed of seeds(15)) {
      const run = scenario(seed, { config: CONFIG })
      run.box.disk.faults = { ...BAD_DISK, io: 0.3 }
      say(run, texts(10))
      run.bob.register({ isInstantMessaging: Number(seed) % 2 === 0 })
      run.world.pass(30_000)
      run.box.disk.faults = GOOD_DISK
      run.bob.register()
      run.world.pass(60_000)
      for (const { status, warning } of run.alice.sent) {
        t.ok([200, 202, 603, 503, 480].includes(status ?? 0), `SEED=${seed} ${status}`)
        if (status === 603) t.match(warning, /^399 /)
      }
      t.same(breaches(run, 0), [], `SEED=${seed}`)
    }
  },
)

t.test('DM-DEC-03: a failure of the n-th commit, full or io, harms only what was in it', async t => {
  for (const failure of ['full', 'io'] as const) {
    for (let count = 1; count <= 12; count++) {
      const run = scenario(`${failure} ${count}`, { config: CONFIG })
      const { world, box, alice, bob } = run
      const first = box.disk.flushes
      for (const text of texts(4)) alice.message({ to: BOB, body: text })
      bob.register({ isInstantMessaging: true })
      world.until(() => box.disk.flushes >= first + count || world.clock.at > 5000, 'that many flushes')
      box.disk.faults = { ...GOOD_DISK, [failure]: 1 }
      world.pass(20)
      box.disk.faults = GOOD_DISK
      world.pass(5000)
      bob.register({ isInstantMessaging: true })
      world.pass(20_000)
      t.same(breaches(run, 0), [], `${failure} after commit ${count}`)
    }
  }
})

t.test('contract reserve_bytes: below the reserve nothing new is kept, what waits is delivered', async t => {
  const run = scenario('reserve', { config: '[deferral]\nreserve_bytes = 1000000\n' })
  t.same(say(run, ['before']), [202])
  run.box.disk.freeBytes = 1_000_100
  t.same(say(run, ['beyond']), [603])
  t.match(run.alice.sent.at(-1)?.warning, /storage full/)
  run.bob.register({ isInstantMessaging: true })
  run.world.pass(5000)
  t.same(run.bob.texts, ['before'])
  t.same(waitingFor(run), [])
})

t.test('contract reserve_bytes: histories stop at twice of it, where messages are still taken', async t => {
  const run = scenario('two reserves', {
    config: '[deferral]\nreserve_bytes = 1000000\n[history]\nactive_default = true\n',
  })
  t.same(say(run, ['room for both']), [202])
  t.equal(historyOf(run.world, run.box, BOB).length, 1)
  run.box.disk.freeBytes = 1_999_000
  t.same(say(run, ['room for messages']), [202])
  run.bob.register({ isInstantMessaging: true })
  run.world.pass(5000)
  t.same(say(run, ['live']), [200])
  run.world.pass(5000)
  t.same(run.bob.texts, ['room for both', 'room for messages', 'live'])
  t.equal(historyOf(run.world, run.box, BOB).length, 1)
})

t.test('contract quota_messages, quota_bytes: exact when everybody writes at once', async t => {
  for (const seed of seeds(10)) {
    const config = '[auth]\ndigest = false\n[deferral]\nquota_messages = 7\n'
    const run = scenario(seed, { config, faults: { ...PERFECT, latencyMaxMs: 30 } })
    const others = ['carol', 'alice', 'carol'].map(name => run.world.phone(name))
    for (const phone of [run.alice, ...others]) for (const text of texts(5)) phone.message({ to: BOB, body: text })
    const all = [run.alice, ...others].flatMap(phone => phone.sent)
    run.world.until(() => all.every(({ status }) => status !== undefined), 'all answered')
    t.equal(all.filter(({ status }) => status === 202).length, 7, `SEED=${seed}`)
    t.equal(all.filter(({ status, warning }) => status === 603 && /mailbox full/.test(warning ?? '')).length, 13)
    t.equal(waitingFor(run).length, 7)
    const elsewhere = run.alice.message({ to: CAROL, body: 'not her quota' })
    run.world.until(() => elsewhere.status !== undefined, 'an answer')
    t.equal(elsewhere.status, 202)
  }
  const bytes = scenario('bytes', { config: '[deferral]\nquota_bytes = 5000\nmax_message_bytes = 5000\n' })
  const statuses = say(
    bytes,
    texts(6).map(text => text.padEnd(1000, '.')),
  )
  const accepted = statuses.filter(status => status === 202).length
  t.ok(accepted === 3 || accepted === 4, `${accepted} of about 1300 octets each`)
  t.ok(waitingFor(bytes).reduce((sum, { size }) => sum + size, 0) <= 5000)
})

t.test('contract max_message_bytes: one octet more is 513', async t => {
  const run = scenario('size', { config: '[deferral]\nmax_message_bytes = 1000\n' })
  t.same(say(run, ['.'.repeat(1000), '.'.repeat(1001)]), [202, 513])
  t.equal(waitingFor(run).length, 1)
})

t.test(
  'DM-DLV-03: a deletion that flash refuses is asked again; the message is not pushed a second time meanwhile',
  async t => {
    const run = scenario('stubborn', { config: CONFIG })
    say(run, texts(3))
    run.bob.phone.behaviour.message = (_now, _arrived, number) => {
      if (number === 1) run.box.disk.faults = { ...GOOD_DISK, io: 1 }
      return 200
    }
    run.bob.register({ isInstantMessaging: true })
    run.world.pass(20_000)
    t.same(run.bob.texts, texts(3))
    run.box.disk.faults = GOOD_DISK
    run.world.pass(20_000)
    t.same(run.bob.texts, texts(3))
    t.same(waitingFor(run), [])
  },
)

t.test('DM-STO-01: a record that flash has spoilt is set aside, is not pushed, and blocks nobody', async t => {
  const run = scenario('spoilt', { config: CONFIG })
  say(run, ['first', 'spoilt one', 'third'])
  let spoilt = 0
  for (const { key, value } of run.box.disk.durable.range('', '\xff\xff\xff')) {
    const at = value.indexOf('spoilt one')
    if (at < 0) continue
    const bytes = Buffer.from(value)
    bytes[at] = bytes[at]! ^ 1
    run.box.disk.durable.put(key, bytes)
    spoilt++
  }
  t.equal(spoilt, 1)
  run.bob.register({ isInstantMessaging: true })
  run.world.pass(10_000)
  t.same(run.bob.texts, ['first', 'third'])
  t.equal(run.world.ask(run.box, 'status', {}).damaged, 1)
  t.same(waitingFor(run), [])
})
