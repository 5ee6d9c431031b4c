import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { LargeCall, type LargeCallOptions } from './testing/large-call.ts'
import { BOB, type Scenario, scenario, waitingFor } from './testing/scenario.ts'
import { World } from './testing/world.ts'

const call = ({ world, alice }: Scenario, options: Partial<LargeCallOptions> = {}): LargeCall => {
  const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, ...options }))
  world.until(() => made.status !== undefined, 'an answer to the INVITE')
  return made
}

const bytesOf = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31) ^ (at >> 8)))

t.test('DM-DEC-04, DM-INV-02..09: the store answers for an absent user and takes the message', async t => {
  const run = scenario('large to absent')
  const { world, alice } = run
  const made = call(run)
  t.equal(made.status, 200)
  const answer = made.answer!
  t.match(value(answer, 'server'), /^IM-serv\/OMA1\.0 /, 'DM-INV-05')
  t.match(value(answer, 'contact'), /^<sip:im@.*>;\+g\.oma\.sip-im;automata$/, 'DM-INV-06')
  t.match(value(answer, 'date'), / GMT$/, 'DM-INV-07')
  t.equal(value(answer, 'p-asserted-identity'), '<sip:store@example.org>', 'DM-INV-09')
  const body = bytesOf(300_000)
  const sent = alice.act(now => made.send(now, body, 'image/png'))
  world.until(() => sent.outcome !== undefined, 'an outcome')
  t.same(sent.outcome, { status: 200 })
  t.ok(sent.isReported)
  const [kept] = waitingFor(run)
  t.equal(kept?.isLarge, true)
  const piece = world.ask(run.box, 'piece', { aor: BOB, seq: kept!.seq, offset: 0, length: 400_000 })
  t.ok(piece?.equals(body), 'byte for byte')
  alice.act(now => made.hangUp(now))
  world.pass(1000)
  t.equal((run.box.engine.describe().large as { sessions: number }).sessions, 0)
})

t.test('DM-PSH-06, DM-STO-05..07: what was kept comes to its receiver byte for byte, with its headers', async t => {
  const run = scenario('large to and fro', { bob: { transport: 'tcp' } })
  const { world, alice, bob } = run
  const headers: [string, string][] = [
    ['Subject', 'the plans'],
    ['Priority', 'urgent'],
    ['X-Foo', 'not kept'],
    ['Record-Route', '<sip:10.0.0.1;lr>'],
  ]
  const made = call(run, { headers })
  const body = bytesOf(300_000)
  const sent = alice.act(now => made.send(now, body, 'image/png', 'first.message-1'))
  world.until(() => sent.outcome !== undefined, 'an outcome')
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.arrived.length > 0, 'the message')
  const [arrived] = bob.arrived
  t.ok(arrived!.body.equals(body))
  const inner = arrived!.request!
  const names = inner.headers.map(({ name }) => name)
  t.same(
    names.filter(name => !['Via', 'CSeq', 'Content-Length'].includes(name)),
    ['From', 'To', 'Call-ID', 'Subject', 'Priority', 'P-Asserted-Identity', 'Date', 'Message-ID', 'Content-Type'],
  )
  t.equal(value(inner, 'call-id'), value(made.invite, 'call-id'))
  t.equal(value(inner, 'p-asserted-identity'), '<sip:alice@example.org>')
  t.equal(value(inner, 'message-id'), 'first.message-1')
  t.equal(value(inner, 'content-type'), 'image/png')
  world.pass(5000)
  t.same(waitingFor(run), [])
  t.equal(world.ask(run.box, 'sweep', { limit: 100 }), 0, 'swept')
})

/** Kept for bob, in order. */
function keep(run: Scenario, bodies: readonly (readonly [Buffer, string])[], options: Partial<LargeCallOptions> = {}) {
  const { world, alice } = run
  const made = call(run, options)
  const sent = bodies.map(([body, type]) => alice.act(now => made.send(now, body, type)))
  world.until(() => sent.every(({ outcome }) => outcome !== undefined), 'all kept')
  alice.act(now => made.hangUp(now))
  return made
}

const TCP = { bob: { transport: 'tcp' } } as const

t.test('a receiver who comes back while the message still arrives gets it when it is whole', async t => {
  const run = scenario('meanwhile', TCP)
  const { world, alice, bob } = run
  const made = call(run)
  const { flushes } = run.box.disk
  const body = bytesOf(900_000)
  const sent = alice.act(now => made.send(now, body, 'image/png'))
  world.until(() => run.box.disk.flushes > flushes, 'it is coming in')
  t.equal(sent.outcome, undefined)
  bob.register({ isInstantMessaging: true })
  world.until(() => sent.outcome !== undefined, 'an outcome')
  world.until(() => bob.arrived.length > 0, 'it is pushed at once', 5000)
  t.ok(bob.arrived[0]?.body.equals(body))
})

t.test('2.3: to a client that takes message/cpim alone the content goes in an envelope, or in its own', async t => {
  const run = scenario('cpim', TCP)
  const { world, bob } = run
  bob.phone.behaviour.invite = () => ({ status: 200, acceptTypes: 'message/cpim', acceptWrappedTypes: 'text/plain' })
  const own = Buffer.from('From: <sip:a@x>\r\nTo: <sip:b@x>\r\n\r\nContent-Type: text/plain\r\n\r\nmine')
  keep(run, [
    [bytesOf(100_000), 'text/plain;charset=utf-8'],
    [own, 'message/cpim'],
    [Buffer.from('{}'), 'application/json'],
  ])
  bob.register({ isInstantMessaging: true })
  world.pass(5000)
  const [first, second] = bob.arrived.filter(({ form }) => form === 'msrp')
  t.equal(first?.contentType, 'message/cpim')
  t.match(first!.wire.toString('latin1', 0, 400), /Content-Type: text\/plain;charset=utf-8\r\n\r\n/)
  t.ok(first!.wire.subarray(-100_000).equals(bytesOf(100_000)))
  t.ok(second?.wire.equals(own))
  const others = bob.arrived.filter(({ form }) => form === 'message')
  t.same(
    others.map(({ contentType, body }) => [contentType, body.toString()]),
    [['application/json', '{}']],
    'what it does not take there comes as SIP MESSAGE',
  )
})

t.test(
  'to a plain SIP client a message goes as SIP MESSAGE as far as it fits; a larger one waits and blocks nobody',
  async t => {
    for (const transport of ['tcp', 'udp'] as const) {
      const run = scenario(`plain ${transport}`, { bob: { transport } })
      const { world, bob } = run
      const made = keep(
        run,
        [
          [Buffer.from('first'), 'text/plain'],
          [bytesOf(100_000), 'image/png'],
          [bytesOf(transport === 'tcp' ? 60_000 : 1000), 'text/html'],
        ],
        { headers: [['Subject', 'plans']] },
      )
      bob.register()
      world.pass(20_000)
      t.same(
        bob.arrived.map(({ form, contentType, body }) => [form, contentType, body.length]),
        [
          ['message', 'text/plain', 5],
          ['message', 'text/html', transport === 'tcp' ? 60_000 : 1000],
        ],
      )
      t.equal(bob.arrived[0]?.callId, value(made.invite, 'call-id'), 'DM-PSH-04')
      t.equal(value(bob.arrived[0]!.request!, 'subject'), 'plans')
      t.equal(new Set(bob.arrived.map(({ cseq }) => cseq)).size, 2, 'of one call, and not repetitions')
      const [left] = waitingFor(run)
      t.match(left?.lastFailure, /100000 octets are too many for a SIP MESSAGE/)
      bob.register({ isInstantMessaging: true })
      world.pass(20_000)
      t.equal(bob.arrived.at(-1)?.body.length, 100_000, 'over MSRP it comes')
      t.same(waitingFor(run), [])
    }
  },
)

t.test('a broken delivery goes on where it was: what was confirmed does not come again', async t => {
  const run = scenario('broken', TCP)
  const { world, bob } = run
  keep(run, [
    [Buffer.from('one'), 'text/plain'],
    [bytesOf(900_000), 'image/png'],
    [Buffer.from('three'), 'text/plain'],
  ])
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.arrived.length === 1, 'the first')
  world.pass(4)
  bob.act(now => bob.calls[0]?.hangUp(now))
  world.pass(1000)
  t.equal(bob.arrived.length, 1)
  bob.register({ isInstantMessaging: true })
  world.until(() => bob.arrived.length >= 3, 'the rest')
  t.same(
    bob.arrived.map(({ body }) => body.length),
    [3, 900_000, 5],
  )
})

t.test('a damaged message is set aside, and those behind it go on', async t => {
  const run = scenario('damaged', TCP)
  const { world, box, bob } = run
  keep(run, [
    [bytesOf(200_000), 'image/png'],
    [Buffer.from('behind'), 'text/plain'],
  ])
  const [block] = box.disk.durable.range('c', 'd', { limit: 1, reverse: false })
  const flipped = Buffer.from(block!.value)
  flipped[flipped.length - 1]! ^= 1
  box.disk.durable.put(block!.key, flipped)
  bob.register({ isInstantMessaging: true })
  world.pass(30_000)
  t.same(
    bob.arrived.map(({ body }) => body.toString()),
    ['behind'],
  )
  t.same(waitingFor(run), [], 'in quarantine')
})

t.test('others get their small messages while a large one goes out', async t => {
  const run = scenario('fair', TCP)
  const { world, alice, bob } = run
  keep(run, [[bytesOf(900_000), 'image/png']])
  const carol = world.phone('carol', { transport: 'tcp' })
  const small = alice.message({ to: 'sip:carol@example.org', body: 'quick' })
  world.until(() => small.status !== undefined, 'kept')
  world.network.faults = { ...world.network.faults, latencyMinMs: 200, latencyMaxMs: 200 }
  bob.register({ isInstantMessaging: true })
  carol.register({ isInstantMessaging: true })
  world.until(() => carol.arrived.length > 0, 'hers')
  t.same(bob.arrived, [], 'his is still on its way')
  world.until(() => bob.arrived.length > 0, 'his')
  t.ok(bob.arrived[0]?.body.equals(bytesOf(900_000)))
})

t.test('DM-STO-13: a large message has the default expiry, whatever Expires of its INVITE says', async t => {
  const run = scenario('expiry', { config: '[deferral]\ndefault_expiry_s = 20\nmax_expiry_s = 100\n' })
  keep(run, [[Buffer.from('soon gone'), 'text/plain']], { headers: [['Expires', '60']] })
  const [kept] = waitingFor(run)
  t.equal(kept!.expiresAt - kept!.receivedAt, 20_000)
  run.world.pass(31_000)
  t.same(waitingFor(run), [])
  run.world.pass(10_000)
  t.equal(run.box.disk.durable.range('c', 'd').length, 0, 'and its blocks are swept')
})

t.test('RFC 6135: a sender who waits is connected to; one who says nothing connects', async t => {
  for (const setup of ['passive', 'active', 'actpass', 'none'] as const) {
    const run = scenario(`setup ${setup}`)
    keep(run, [[bytesOf(5000), 'image/png']], { setup })
    t.equal(waitingFor(run).length, 1, setup)
  }
})

t.test('DM-DEC-07: several messages of one session are kept one by one, each with its own Message-ID', async t => {
  const run = scenario('several')
  keep(
    run,
    [1, 2, 3].map(number => [Buffer.from(`number ${number}`), 'text/plain'] as const),
  )
  t.equal(waitingFor(run).length, 3)
  t.equal(new Set(waitingFor(run).map(({ storeId }) => storeId)).size, 3)
})

t.test(
  'RFC 4975 14: over TLS the answer has our fingerprint, and only who holds the offered certificate is heard',
  async t => {
    for (const isSecure of [true, 'lie'] as const) {
      const world = new World(`secure ${isSecure}`)
      const listen = '\n  sip_tls = "10.0.0.1:5061"\n  msrp_tls = "10.0.0.1:2856"'
      const box = world.appliance({ users: ['alice:alice', 'bob:bob'], listen })
      const alice = world.phone('alice', { transport: 'tls' })
      const made = alice.act(now => new LargeCall(alice.phone, now, { to: BOB, isSecure }))
      world.until(() => made.status !== undefined, 'an answer')
      t.equal(made.status, 200)
      const answer = made.answer!.body.toString()
      t.match(answer, /^m=message 2856 TCP\/TLS\/MSRP \*\r$/m)
      t.match(answer, /^a=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\r$/m)
      t.match(answer, /^a=path:msrps:/m)
      const sent = alice.act(now => made.send(now, bytesOf(100_000)))
      world.until(() => sent.outcome !== undefined, 'an outcome')
      const waiting = world.ask(box, 'mailbox', { aor: BOB, afterSeq: 0, limit: 9 })
      if (isSecure === true) t.same(sent.outcome, { status: 200 })
      t.equal(waiting.length, isSecure === true ? 1 : 0)
    }
  },
)
