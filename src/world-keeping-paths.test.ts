import t from 'tap'
import { addLast } from './sip-parser-lite/access.ts'
import type { SipResponse } from './sip-parser-lite/message.ts'
import { historyOf, type KeptItem, keepPagerHistory } from './testing/kept-history.ts'
import { ALICE, BOB, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'
import { seeds } from './testing/seeds.ts'
import type { SimulatedAppliance } from './testing/simulated-appliance.ts'
import { GOOD_DISK } from './testing/simulated-disk.ts'
import { asKept, Wiretap } from './testing/wiretap.ts'
import { World } from './testing/world.ts'

const items = ({ world, box }: Scenario, aor: string): KeptItem[] => historyOf(world, box, aor)

const ON = '[history]\nactive_default = true\n'

t.test('HIS-STO-01: what a user writes to somebody elsewhere is kept when it was taken there', async t => {
  const world = new World('elsewhere')
  const core = (of: string) => `[core]\nroute = "sip:${of}"\n${ON}`
  const here = world.appliance({ name: 'here', users: ['alice:alice'], config: core('10.0.0.2') })
  const elsewhere = { address: '10.0.0.2', domain: 'example.net' }
  const there = world.appliance({ name: 'there', ...elsewhere, users: ['carol:carol'], config: ON })
  const alice = world.phone('alice')
  const tap = new Wiretap(world)
  const write = (to: string) => {
    const sent = alice.message({ to, body: 'hello over there' })
    world.until(() => sent.status !== undefined, 'an answer')
    world.pass(100)
    return sent.status
  }
  t.equal(write('sip:carol@example.net'), 202)
  t.equal(write('sip:nobody@example.net'), 404)
  const kept = historyOf(world, here, ALICE)
  t.match(kept, [{ role: 'sender', peer: 'sip:carol@example.net', from: ALICE, to: 'sip:carol@example.net' }])
  t.equal(kept.length, 1)
  const sent = tap.sip('MESSAGE ').find(bytes => bytes.includes('Proxy-Authorization') && bytes.includes('carol'))
  t.equal(asKept(kept[0]!.bytes), asKept(sent!))
  t.match(historyOf(world, there, 'sip:carol@example.net'), [{ role: 'receiver', peer: ALICE }], 'a box of its own')
})

/** A core at 10.0.7.7 that sends messages through the box and gets them back. */
function behindCore(seed: string) {
  const config = `[core]\nroute = "sip:10.0.7.7"\n[auth]\ntrusted_peers = ["10.0.7.7"]\n${ON}`
  const run = scenario(seed, { config })
  const core = run.world.phone('core', { password: null, address: '10.0.7.7' })
  const route = (headers: readonly (readonly [string, string])[], to = BOB): number => {
    let answer: SipResponse | undefined
    core.act(now => {
      const request = core.phone.request('MESSAGE', to, `<${to}>`, '<sip:alice@example.org>')
      for (const [name, text] of headers) addLast(request, name, text)
      addLast(request, 'P-Asserted-Identity', `<${ALICE}>`)
      request.body = Buffer.from('by way of the core')
      core.phone.ask(now, request, (_then, response) => (answer = response))
    })
    run.world.until(() => answer !== undefined, 'an answer')
    run.world.pass(100)
    return answer!.status
  }
  const roles = () => [ALICE, BOB].map(aor => items(run, aor).map(({ role }) => role))
  return { run, core, route, roles }
}

/** The box, then on to the core again. */
const ROUTED = ['Route', '<sip:10.0.0.1;lr>, <sip:10.0.7.7;lr>'] as const

t.test('HIS-STO-01, 07: behind a core each side of a message is kept for whom it serves', async t => {
  const { core, route, roles } = behindCore('sides')
  core.phone.behaviour.message = () => 200
  t.equal(route([ROUTED, ['P-Served-User', `<${ALICE}>;sescase=orig;regstate=reg`]]), 200)
  t.same(roles(), [['sender'], []], 'originating')
  t.equal(route([ROUTED, ['P-Served-User', `<${BOB}>;sescase=term;regstate=reg`]]), 200)
  t.same(roles(), [['sender'], ['receiver']], 'terminating')
  t.equal(core.arrived.length, 2, 'both went on')
  t.equal(route([['P-Served-User', `<${BOB}>;sescase=term;regstate=unreg`]]), 202)
  t.same(roles(), [['sender'], ['receiver', 'receiver']], 'into custody')
  t.equal(route([]), 202)
  t.same(
    roles(),
    [
      ['sender', 'sender'],
      ['receiver', 'receiver', 'receiver'],
    ],
    'a core that says nothing of sides',
  )
})

t.test('behind a core: what its receiver refused is not kept', async t => {
  const { core, route, roles } = behindCore('refused')
  core.phone.behaviour.message = () => 486
  t.equal(route([ROUTED, ['P-Served-User', `<${ALICE}>;sescase=orig`]]), 486)
  t.same(roles(), [[], []])
})

t.test('nobody but the core sends through the box by a Route', async t => {
  const { run } = behindCore('stranger')
  const stranger = run.world.phone('eve', { password: null, domain: 'example.com', address: '10.0.8.8' })
  let status: number | undefined
  stranger.act(now => {
    const request = stranger.phone.request('MESSAGE', BOB, `<${BOB}>`)
    addLast(request, ...ROUTED)
    stranger.phone.ask(now, request, (_then, response) => (status = response?.status))
  })
  run.world.until(() => status !== undefined, 'an answer')
  t.equal(status, 403)
})

t.test(
  'HIS-STO-01: after a power cut anywhere around custody histories have what the mailbox has, once on either side',
  async t => {
    const seen = new Set<number>()
    for (const after of ['flush', 'output', 'step'] as const)
      for (const seed of seeds(15)) {
        const run = scenario(`${after} ${seed}`, { config: ON })
        const { world, box, alice } = run
        box.plan = { after, count: 1 + world.entropy.below(after === 'step' ? 30 : 6), downMs: 200 }
        const sent = alice.message({ to: BOB, body: 'once' })
        world.until(() => sent.status !== undefined && box.isUp, 'an answer')
        box.plan = undefined
        world.pass(2000)
        const waiting = waitingFor(run).length
        // A nonce of before the cut is no good after it, and this phone answers a challenge once.
        t.equal(waiting, sent.status === 407 ? 0 : 1, `${after} SEED=${seed}: ${sent.status}`)
        t.same([items(run, BOB).length, items(run, ALICE).length], [waiting, waiting], `${after} SEED=${seed}`)
        if (box.crashes > 0) seen.add(waiting)
      }
    t.same([...seen].sort(), [0, 1], 'cuts before and after it')
  },
)

/** Times and statuses of answers to messages that are kept, delivered live, and refused. */
function answers(wants: boolean, prepare: (box: SimulatedAppliance) => void): unknown[] {
  const run = scenario('same answers', { config: '[deferral]\nquota_messages = 3\n' })
  const { world, box, alice, bob } = run
  box.disk.faults = { ...GOOD_DISK, flushMinMs: 1, flushMaxMs: 1 }
  keepPagerHistory(run, alice, wants)
  keepPagerHistory(run, bob, wants)
  prepare(box)
  const told: unknown[] = []
  const write = (count: number) => {
    for (let at = 0; at < count; at++) {
      const from = world.clock.at
      const sent = alice.message({ to: BOB, body: Buffer.alloc(500, at) })
      world.until(() => sent.status !== undefined, 'an answer')
      told.push([sent.status, world.clock.at - from])
      world.pass(10_000)
    }
  }
  bob.phone.behaviour.message = () => 486
  write(2)
  box.disk.faults = { ...box.disk.faults, io: 0, full: 0 }
  bob.register()
  world.pass(60_000)
  prepare(box)
  write(3)
  bob.phone.behaviour.message = () => 200
  write(3)
  return told
}

t.test('history never delays nor fails an answer: with a slow store, a full or broken disk, no room', async t => {
  const worlds: Record<string, (box: SimulatedAppliance) => void> = {
    good: () => {},
    slow: box => {
      box.disk.faults = { ...GOOD_DISK, flushMinMs: 700, flushMaxMs: 700 }
    },
    'no flash left': box => {
      box.disk.freeBytes = 1000
    },
    broken: box => {
      box.disk.faults = { ...GOOD_DISK, flushMinMs: 1, flushMaxMs: 1, io: 1 }
    },
    full: box => {
      box.disk.faults = { ...GOOD_DISK, flushMinMs: 1, flushMaxMs: 1, full: 1 }
    },
  }
  for (const [name, prepare] of Object.entries(worlds)) t.same(answers(true, prepare), answers(false, prepare), name)
})

t.test(
  'history.quota_bytes: the oldest of a full history makes room, so much a day, and no answer is another',
  async t => {
    const run = scenario('full history', { config: `[history]\nactive_default = true\nquota_bytes = 6000\n` })
    const texts = (first: number, count: number) => Array.from({ length: count }, (_, i) => `${first + i}`.repeat(900))
    const last = () => items(run, BOB).map(({ bytes }) => bytes.toString().at(-1))
    t.same(say(run, texts(1, 3)), Array(3).fill(202))
    run.world.pass(86_400_000)
    t.same(say(run, texts(4, 4)), Array(4).fill(202))
    const kept = last()
    t.ok(kept.length > 3 && kept.length < 7 && kept.at(-1) === '7' && kept[0] !== '1', kept.join())
    t.ok(run.box.counters.get('history_evicted') > 0)
    t.same(say(run, texts(8, 2)), [202, 202])
    t.ok(run.box.counters.get('history_not_kept', 'daily limit') > 0)
    t.notOk(last().includes('9'))
  },
)

t.test('a stranger fills what room there is in a history, and makes nothing leave that was said before', async t => {
  const run = scenario('flood', { config: `[history]\nactive_default = true\nquota_bytes = 9000\n` })
  const mallory = run.world.phone('mallory', { password: null, domain: 'elsewhere.example' })
  t.same(say(run, ['what alice said']), [202])
  const flood = Array.from({ length: 30 }, () => mallory.message({ to: BOB, body: 'x'.repeat(900) }))
  run.world.until(() => flood.every(({ status }) => status !== undefined), 'answers')
  t.ok(flood.every(({ status }) => status === 202 || status === 603))
  t.match(items(run, BOB)[0]!.bytes.toString(), 'what alice said')
  t.equal(run.box.counters.get('history_evicted'), 0)
  t.ok(run.box.counters.get('history_not_kept', 'no room for strangers') > 0)
})

t.test('what could not be kept is counted', async t => {
  const run = scenario('counted', { config: ON })
  run.bob.register()
  run.world.pass(1000)
  run.box.disk.faults = { ...GOOD_DISK, io: 1 }
  t.same(say(run, ['live']), [200])
  run.world.pass(1000)
  t.equal(run.box.counters.get('history_failed', 'io'), 1)
  run.box.disk.faults = GOOD_DISK
  t.same(items(run, BOB), [])
})

t.test(
  'a store that stands still is not filled with histories: custody has its room, and no live message waits',
  async t => {
    const run = scenario('bounded', { config: `${ON}[auth]\ndigest = false\n` })
    run.bob.register()
    run.world.pass(1000)
    run.box.disk.faults = { ...GOOD_DISK, flushMinMs: 60_000, flushMaxMs: 60_000 }
    const waiting = () =>
      (run.box.engine.describe().histories as { waiting: { messages: number; bytes: number } }).waiting
    const answers = Array.from({ length: 1100 }, () => say(run, ['live'])[0])
    t.ok(answers.every(status => status === 200))
    t.equal(waiting().messages, 1024)
    t.ok(run.box.counters.get('history_failed', 'busy') >= 76)
    run.world.pass(300_000)
    t.same(waiting(), { messages: 0, bytes: 0 })
    t.ok(items(run, BOB).length >= 1000)
  },
)
