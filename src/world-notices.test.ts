import t from 'tap'
import { silentLog } from './base/log.ts'
import { readCpim } from './content/cpim-read.ts'
import { value } from './sip-parser-lite/access.ts'
import { LargeCall } from './testing/large-call.ts'
import type { Arrived, MessageOptions, Sent } from './testing/phone-types.ts'
import { ALICE, BOB, type Scenario, scenario, waitingFor } from './testing/scenario.ts'
import { seeds } from './testing/seeds.ts'
import type { CrashPlan, SimulatedAppliance } from './testing/simulated-appliance.ts'
import { type Faults, LOSSY, PERFECT } from './testing/simulated-network.ts'
import type { SimulatedPhone } from './testing/simulated-phone.ts'
import { World } from './testing/world.ts'

const SHORT = '[deferral]\ndefault_expiry_s = 20\nmax_expiry_s = 1000\n'
const BOTH = 'processing, negative-delivery'

/** A message/cpim that asks for receipts. */
const asking = (disposition: string, text = 'hello', type = 'text/plain', from = ALICE, to = BOB): Buffer =>
  Buffer.from(
    [
      `From: <${from}>`,
      `To: <${to}>`,
      'DateTime: 2030-01-02T03:04:05Z',
      'NS: imdn <urn:ietf:params:imdn>',
      `imdn.Message-ID: id of ${text.length} ${text}`.replaceAll(' ', '-').replace(':-', ': '),
      `imdn.Disposition-Notification: ${disposition}`,
      '',
      `Content-Type: ${type}`,
      '',
      text,
    ].join('\r\n'),
  )

function write({ world, alice }: Scenario, body: Buffer, more: Partial<MessageOptions> = {}): number | undefined {
  const sent = alice.message({ to: BOB, body, contentType: 'message/cpim', ...more })
  world.until(() => sent.status !== undefined, 'an answer')
  return sent.status
}

interface Told {
  readonly status: string
  readonly about: string
  readonly callId: string
}

/** The IMDNs among what arrived, and what each says. */
const toldIn = (arrived: readonly Arrived[]): Told[] =>
  arrived.flatMap(({ request, body, callId }) => {
    const text = body.toString()
    const about = /<message-id>(.*)<\/message-id>/.exec(text)?.[1]
    const status = /<status><(.*?)\/>/.exec(text)?.[1]
    return request && about !== undefined && status !== undefined ? [{ status, about, callId }] : []
  })

const told = (phone: SimulatedPhone): string[] => toldIn(phone.arrived).map(({ status, about }) => `${status} ${about}`)

/** One for each request, however often it was sent. */
const toldOnce = (phone: SimulatedPhone): string[] => [
  ...new Map(toldIn(phone.arrived).map(one => [one.callId, `${one.status} ${one.about}`])).values(),
]

const counted = (box: SimulatedAppliance, name: string): number =>
  Object.values(box.counters.describe()[name] ?? {}).reduce((sum, count) => sum + count, 0)

t.test('DM-DEC-07, RFC 5438 8: stored when it was asked for, and failed when the message ends unread', async t => {
  const run = scenario('told', { config: SHORT })
  const { world, alice } = run
  alice.register()
  t.equal(write(run, asking(BOTH)), 202)
  world.pass(2000)
  t.same(told(alice), ['stored id-of-5-hello'])
  const [first] = alice.arrived
  t.equal(value(first!.request!, 'p-asserted-identity'), '<sip:store@example.org>')
  t.match(value(first!.request!, 'from'), /^<sip:store@example\.org>;tag=/)
  t.equal(first!.contentType, 'message/cpim')
  t.equal(readCpim(first!.body)?.mediaType, 'message/imdn+xml')
  t.match(first!.body.toString(), `From: <${BOB}>\r\nTo: <${ALICE}>\r\n`)
  t.match(first!.body.toString(), '\r\nSubject: kept until the recipient is back\r\n')
  world.pass(40_000)
  t.same(told(alice), ['stored id-of-5-hello', 'failed id-of-5-hello'])
  t.match(alice.arrived[1]!.body.toString(), 'Subject: not delivered: nobody came for it in time')
  t.equal(world.ask(run.box, 'status', {}).notices, 0)
})

t.test(
  'RFC 5438 8.3: what was delivered is told by its receiver alone, and what was not asked for is not told',
  async t => {
    const run = scenario('delivered', { config: SHORT })
    const { world, alice, bob } = run
    alice.register()
    write(run, asking('positive-delivery, negative-delivery, display'))
    write(run, asking('positive-delivery', 'second'))
    bob.register({ isInstantMessaging: true })
    world.pass(60_000)
    t.equal(bob.arrived.length, 2)
    t.same(told(alice), [])
    bob.register({ expiresS: 0 })
    world.pass(1000)
    write(run, Buffer.from('no receipt'), { contentType: 'text/plain' })
    write(run, asking(BOTH), { contentType: 'text/plain' })
    write(run, asking(BOTH), { headers: [['Content-Encoding', 'deflate']] })
    world.pass(60_000)
    t.same(told(alice), [], 'only of message/cpim that can be read')
  },
)

t.test('DM-STO-01: bodies that ask for receipts reach their receiver untouched', async t => {
  const run = scenario('untouched')
  const body = asking(BOTH, 'bytes \u0000 \u00ff')
  write(run, body)
  run.bob.register()
  run.world.pass(5000)
  t.ok(run.bob.arrived[0]!.body.equals(body))
})

t.test('a refusal is its own notice', async t => {
  const run = scenario('refused', { config: '[deferral]\nquota_messages = 1\n' })
  run.alice.register()
  t.equal(write(run, asking('negative-delivery')), 202)
  t.equal(write(run, asking(BOTH, 'second')), 603)
  run.world.pass(30_000)
  t.same(told(run.alice), [])
})

t.test(
  'a notice for somebody who is away is kept like any message, outside the count, and told of to nobody',
  async t => {
    const run = scenario('away', { config: `${SHORT}quota_messages = 1\n` })
    const { world, box, alice } = run
    write(run, asking(BOTH), { headers: [['Expires', '15']] })
    world.pass(5000)
    const kept = waitingFor(run, ALICE)
    t.match(kept, [{ sender: 'sip:store@example.org', isReceipt: true }])
    t.match(world.ask(box, 'mailboxes', { limit: 5 }), [
      { aor: ALICE, count: 0, receipts: 1 },
      { aor: BOB, count: 1 },
    ])
    alice.register({ isInstantMessaging: true })
    world.pass(60_000)
    t.same(told(alice), ['stored id-of-5-hello', 'failed id-of-5-hello'])
    alice.register({ expiresS: 0 })
    world.pass(1000)
    write(run, asking('processing'))
    world.pass(120_000)
    t.equal(waitingFor(run, ALICE).length, 0, 'it expired')
    t.equal(world.ask(box, 'status', {}).notices, 0, 'and nothing was told of that')
  },
)

t.test('RFC 5438 14: never about a receipt, whatever it asks for', async t => {
  const run = scenario('receipts', { config: SHORT })
  const { world, alice } = run
  alice.register()
  t.equal(write(run, asking(BOTH, 'a receipt', 'message/imdn+xml')), 202)
  t.equal(write(run, Buffer.from('<imdn/>'), { contentType: 'message/imdn+xml;charset=utf-8' }), 202)
  t.equal(waitingFor(run).filter(({ isReceipt }) => isReceipt).length, 2)
  world.pass(60_000)
  t.equal(waitingFor(run).length, 0)
  t.same(alice.arrived, [])
})

t.test('a receipt as long as a message counts as one', async t => {
  const run = scenario('long receipt')
  write(run, Buffer.alloc(20_000, 'x'), { contentType: 'message/imdn+xml' })
  t.match(run.world.ask(run.box, 'mailboxes', { limit: 5 }), [{ count: 1, receipts: 0 }])
})

t.test('RFC 3994: typing notices are not kept inside message/cpim either, and handed on to who is there', async t => {
  const run = scenario('typing')
  const typing = asking('positive-delivery', '<isComposing/>', 'application/im-iscomposing+xml')
  t.equal(write(run, typing), 603)
  run.bob.register()
  run.world.pass(1000)
  t.equal(write(run, typing), 200)
  t.equal(run.bob.arrived.length, 1)
})

t.test('nobody is written to on the word of a stranger, and an anonymous sender is nobody', async t => {
  const run = scenario('stranger', { config: SHORT })
  const { world, box, alice } = run
  alice.register()
  const eve = '<sip:victim@elsewhere.example>'
  t.equal(write(run, asking(BOTH), { from: eve, hasCredentials: false }), 202)
  t.equal(write(run, asking(BOTH, 'hidden'), { headers: [['Privacy', 'id']] }), 202)
  world.pass(60_000)
  t.equal(world.ask(box, 'status', {}).notices, 0)
  t.equal(counted(box, 'notices_sent') + counted(box, 'notices_given_up'), 0)
  t.same(alice.arrived, [])
})

t.test('the end of many messages is told in order and not in a storm', async t => {
  const run = scenario('storm', {
    config: `[auth]\ndigest = false\n${SHORT}quota_messages = 1000\n`,
    alice: { transport: 'tcp' },
  })
  const { world, alice } = run
  alice.register()
  const sent = Array.from({ length: 400 }, (_, i) =>
    alice.message({ to: BOB, body: asking('negative-delivery', `${1000 + i}`), contentType: 'message/cpim' }),
  )
  world.until(() => sent.every(({ status }) => status === 202), 'all kept')
  world.until(() => alice.arrived.length === 400, 'all told', 200_000)
  const times = alice.arrived.map(({ at }) => at)
  const inOneSecond = times.map((at, i) => times.filter((other, j) => j >= i && other < at + 1000).length)
  t.ok(Math.max(...inOneSecond) <= 120, `${Math.max(...inOneSecond)} within a second`)
  const numbers = told(alice).map(text => text.slice(-4))
  t.same(numbers, numbers.toSorted())
})

t.test('the sender of a large message is told by what its first bytes ask for, however they come', async t => {
  for (const [what, body, expected] of [
    [
      'asks',
      Buffer.concat([asking(BOTH), Buffer.alloc(50_000, 'x')]),
      ['stored id-of-5-hello', 'failed id-of-5-hello'],
    ],
    ['a receipt', Buffer.concat([asking(BOTH, 'x', 'message/imdn+xml'), Buffer.alloc(9000, 'x')]), []],
  ] as const) {
    const run = scenario(`large ${what}`, { config: SHORT })
    const { world, alice } = run
    alice.register()
    const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB }))
    world.until(() => made.status === 200, 'the store answers')
    const sent = alice.act(now => made.send(now, body, 'message/cpim'))
    world.until(() => sent.outcome !== undefined, 'an outcome')
    t.equal(waitingFor(run).length, 1)
    alice.act(now => made.hangUp(now))
    world.pass(60_000)
    t.same(told(alice), expected, what)
  }
})

t.test('a typing notice inside a large message is answered and not kept', async t => {
  const run = scenario('large typing')
  const { world, alice } = run
  const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB }))
  world.until(() => made.status === 200, 'the store answers')
  const body = asking(BOTH, '<isComposing/>', 'application/im-iscomposing+xml')
  const sent = alice.act(now => made.send(now, body, 'message/cpim'))
  world.until(() => sent.outcome !== undefined, 'an outcome')
  t.same(sent.outcome, { status: 200 })
  world.pass(1000)
  t.same(waitingFor(run), [])
})

/** Alice asks for all, bob never comes; whatever the plan says happens meanwhile. */
function unread(seed: number | string, plan?: CrashPlan, faults: Faults = PERFECT, isThere = true) {
  const run = scenario(seed, { config: '[auth]\ndigest = false\n', faults })
  const { world, box, alice } = run
  if (isThere) alice.register()
  world.pass(50)
  box.plan = plan
  const texts = ['one', 'three', 'seven77']
  const sent = texts.map(text =>
    alice.message({ to: BOB, body: asking(BOTH, text), contentType: 'message/cpim', headers: [['Expires', '20']] }),
  )
  world.until(() => sent.every(({ status }) => status !== undefined), 'answers')
  world.pass(45_000)
  box.plan = undefined
  world.until(() => box.isUp, 'the box is up')
  alice.register()
  world.pass(200_000)
  const kept = sent.flatMap(({ status }, i) => (status === 202 ? [`id-of-${texts[i]!.length}-${texts[i]}`] : []))
  return { ...run, kept }
}

const expectedOf = (kept: readonly string[]): string[] =>
  kept.flatMap(id => [`failed ${id}`, `stored ${id}`]).toSorted()

t.test('exactly once, whatever moment the power fails at, be the sender there or away', async t => {
  let crashes = 0
  for (const isThere of [true, false]) {
    for (const after of ['flush', 'output', 'step'] as const) {
      for (let count = 1; count <= (after === 'flush' ? 16 : 50); count += after === 'flush' ? 1 : 3) {
        const run = unread(`${after} ${count}`, { after, count, downMs: 300 }, PERFECT, isThere)
        crashes += run.box.crashes
        const all = toldOnce(run.alice).toSorted()
        const expected = expectedOf(run.kept)
        t.same(
          all.filter(one => expected.includes(one)),
          expected,
          `${isThere ? 'there' : 'away'}, ${after} ${count}`,
        )
        t.equal(new Set(all).size, all.length, 'each by one request')
        t.equal(run.world.ask(run.box, 'status', {}).notices, 0)
      }
    }
  }
  t.ok(crashes > 60, `${crashes} crashes`)
})

t.test('a notice that a crash repeats is the same request, so a mailbox keeps it once', async t => {
  for (let count = 1; count <= 16; count++) {
    const run = unread(`kept ${count}`, { after: 'flush', count, downMs: 300 }, PERFECT, false)
    t.equal(toldIn(run.alice.arrived).length, toldOnce(run.alice).length, `flush ${count}`)
  }
})

t.test('on a bad network too', async t => {
  for (const seed of seeds(12)) {
    const run = unread(seed, undefined, LOSSY)
    const expected = expectedOf(run.kept)
    t.same(
      toldOnce(run.alice)
        .toSorted()
        .filter(one => expected.includes(one)),
      expected,
      `SEED=${seed}`,
    )
  }
})

const FROM_AFAR = 'sip:alice@elsewhere.example'

/** Bob's box and that of alice, each the core of the other. */
function twoBoxes(seed: string, limits: string) {
  const world = new World(seed)
  const core = (of: string) => `[auth]\ntrusted_peers = ["${of}/32"]\n[core]\nroute = "sip:${of}"\n${limits}`
  const here = world.appliance({ users: ['bob:bob'], config: core('10.0.0.2') })
  const elsewhere = { address: '10.0.0.2', domain: 'elsewhere.example' }
  const there = world.appliance({ name: 'there', ...elsewhere, users: ['alice:alice'], config: core('10.0.0.1') })
  const alice = world.phone('alice', { box: '10.0.0.2', domain: 'elsewhere.example' })
  const body = asking(BOTH, 'far', 'text/plain', FROM_AFAR)
  const sent = alice.message({ to: BOB, body, contentType: 'message/cpim' })
  world.until(() => sent.status !== undefined, 'an answer')
  return { world, here, there, sent }
}

t.test(
  'a sender of another domain whom the core vouches for is told through the core, and that is the end',
  async t => {
    const { world, here, there, sent } = twoBoxes('two boxes', SHORT)
    t.equal(sent.status, 202)
    world.pass(5000)
    const kept = world.ask(there, 'mailbox', { aor: FROM_AFAR, afterSeq: 0, limit: 9 })
    t.match(kept, [{ isReceipt: true, sender: 'sip:store@example.org' }], 'kept by her own box')
    world.pass(200_000)
    t.equal(counted(here, 'notices_sent'), 2, 'stored and failed')
    t.equal(counted(there, 'notices_sent'), 0, 'and nothing about these, though they expired unread')
  },
)

t.test('who cannot be reached is tried again, with more and more time between, and given up', async t => {
  for (const [downMs, sent, givenUp] of [
    [600_000, 1, 0],
    [36_000_000, 0, 1],
  ] as const) {
    const { world, here, there } = twoBoxes(`down ${downMs}`, '')
    there.crashFor(downMs)
    world.pass(60_000)
    t.equal(world.ask(here, 'status', {}).notices, 1)
    world.pass(10_000_000)
    t.equal(counted(here, 'notices_sent'), sent)
    t.equal(counted(here, 'notices_given_up'), givenUp)
    t.equal(world.ask(here, 'status', {}).notices, 0)
  }
})

t.test('a client that refuses a notice for what it is has had its chance', async t => {
  const run = scenario('deaf', { config: SHORT })
  const { world, box, alice } = run
  alice.phone.behaviour.message = () => 415
  alice.register()
  write(run, asking('processing'))
  world.pass(5000)
  t.equal(counted(box, 'notices_given_up'), 1)
  t.equal(world.ask(box, 'status', {}).notices, 0)
})

t.test('one sender cannot fill the mailbox of another, who hears why, and the log says that it fills', async t => {
  const logged: [string, object | undefined][] = []
  const world = new World('shares')
  const log = { ...silentLog, warn: (text: string, fields?: object) => void logged.push([text, fields]) }
  const box = world.appliance({
    users: ['alice:alice', 'bob:bob', 'carol:carol'],
    config: '[deferral]\nquota_messages = 200\nsender_share_percent = 50\n',
    log,
  })
  const [alice, carol] = [world.phone('alice'), world.phone('carol')]
  const flood = (phone: SimulatedPhone, count: number): readonly Sent[] => {
    const sent = Array.from({ length: count }, (_, i) => phone.message({ to: BOB, body: `${i}` }))
    world.until(() => sent.every(({ status }) => status !== undefined), 'answers')
    return sent
  }
  const mine = flood(alice, 120)
  t.equal(mine.filter(({ status }) => status === 202).length, 100)
  const refused = mine.find(({ status }) => status === 603)
  t.match(refused?.warning, /you have too many messages waiting for this person already/)
  t.same(
    logged.filter(([text]) => text.includes('nearly full')),
    [],
  )
  t.equal(flood(carol, 70).filter(({ status }) => status === 202).length, 70)
  t.same(
    logged.filter(([text]) => text.includes('nearly full')),
    [['a mailbox is nearly full', { aor: BOB, percent: 80, waiting: 160 }]],
  )
  t.equal(counted(box, 'mailboxes_nearly_full'), 1)
})
