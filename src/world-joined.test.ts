import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { beside, chat, dial, hangUp, items, keep, saidBy, talk, Wire } from './testing/chat.ts'
import { ALICE, BOB, CAROL, type Scenario } from './testing/scenario.ts'
import { simulatedFingerprint } from './testing/simulated-certificate.ts'
import { LOSSY } from './testing/simulated-network.ts'
import { World } from './testing/world.ts'

const LIE = `sha-256 ${Array(32).fill('00').join(':')}`

t.test(
  'HIS-STO-02, 04, 05, 07: both keep the session, every SEND byte for byte as it was sent, with the heads',
  async t => {
    const run = beside('chat')
    const wire = new Wire(run, run.alice, run.bob)
    const both = chat(run, { headers: [['Subject', 'Lunch?']] })
    talk(run, both, ['one', 'two', 'x'.repeat(100_000)])
    const heard = run.bob.arrived.map(({ wire }) => wire.toString())
    t.same(heard, ['alice: one', 'alice: two', `alice: ${'x'.repeat(100_000)}`])
    t.match(items(run, BOB), [{ state: 'open' }], 'listed while it lasts')
    hangUp(run, both.call)
    for (const [aor, role, peer] of [
      [ALICE, 'sender', BOB],
      [BOB, 'receiver', ALICE],
    ] as const) {
      const [item, ...others] = items(run, aor)
      t.same(others, [])
      t.match(item, { kind: 'session', state: 'whole', role, peer, subject: 'Lunch?', from: ALICE, to: BOB })
      t.equal(saidBy(item!, 'caller'), wire.said(run.alice).toString('latin1'))
      t.equal(saidBy(item!, 'callee'), wire.said(run.bob).toString('latin1'))
      t.match(
        item!.heads.invite?.toString(),
        /^INVITE sip:bob@example\.org SIP\/2\.0\r\n(?:.+\r\n)*Subject: Lunch\?\r\n/,
      )
      t.notMatch(item!.heads.invite?.toString(), /authorization/i)
      t.match(item!.heads.answer?.toString(), /^SIP\/2\.0 200 OK\r\n(?:.+\r\n)*To: .*;tag=/)
      t.match(item!.heads.bye?.toString(), /^BYE .*\r\n(?:.+\r\n)*From: .*alice/)
    }
    t.same(items(run, CAROL), [])
    t.match(run.box.engine.describe().histories, { joined: { open: 0, calls: 0 }, memory: { used: 0 } })
  },
)

t.test('a history of one of them is enough, and off means that not one byte of a description changes', async t => {
  const cases = [
    { keeps: [], kept: [0, 0] },
    { keeps: ['alice'], kept: [1, 0] },
    { keeps: ['bob'], kept: [0, 1] },
  ] as const
  for (const { keeps, kept } of cases) {
    const run = beside(`kept by ${keeps.join()}`)
    const wire = new Wire(run, run.alice, run.bob)
    const both = chat(run, { keeps })
    talk(run, both, ['hello'])
    hangUp(run, both.call)
    t.same([items(run, ALICE).length, items(run, BOB).length], kept)
    const bySip = (name: string): string[] =>
      wire.descriptions.filter(({ by }) => by.startsWith(name)).map(({ text }) => text)
    const given = new Set(bySip('box'))
    const told = [...bySip('alice'), ...bySip('bob')].every(text => given.has(text))
    t.equal(told, keeps.length === 0)
    const paths = [...given].map(text => /^a=path:(.*)\r$/m.exec(text)![1]!.split(' ').length)
    t.ok(paths.every(length => length === (keeps.length === 0 ? 1 : 2)))
  }
})

t.test('history switched off for all, or for the user: nobody joins', async t => {
  const off = beside('off', { config: '[history]\nenabled = false\nactive_default = true\n' })
  const one = chat(off, { keeps: [] })
  talk(off, one, ['hello'])
  hangUp(off, one.call)
  t.same(items(off, BOB), [])
  const byDefault = beside('default', { config: '[history]\nactive_default = true\n' })
  keep(byDefault, byDefault.alice, { session: false })
  const two = chat(byDefault, { keeps: [] })
  talk(byDefault, two, ['hello'])
  hangUp(byDefault, two.call)
  t.same([items(byDefault, ALICE).length, items(byDefault, BOB).length], [0, 1])
})

t.test('over a network that loses, repeats and delays, what is recorded is still what was said', async t => {
  for (let seed = 0; seed < 8; seed++) {
    const run = beside(`lossy ${seed}`, { faults: LOSSY, alice: { transport: seed % 2 ? 'udp' : 'tcp' } })
    const wire = new Wire(run, run.alice, run.bob)
    const both = chat(run)
    talk(run, both, ['one', 'two', 'y'.repeat(20_000), 'four'])
    hangUp(run, both.call)
    run.world.pass(60_000)
    const [item, ...others] = items(run, BOB)
    t.same(others, [])
    t.equal(saidBy(item!, 'caller'), wire.said(run.alice).toString('latin1'), `seed ${seed}`)
    t.equal(saidBy(item!, 'callee'), wire.said(run.bob).toString('latin1'), `seed ${seed}`)
    t.equal(item!.state, 'whole')
  }
})

t.test('RFC 6135: whoever connects, the answer decides for both legs', async t => {
  for (const setup of ['active', 'passive', 'none'] as const) {
    const run = beside(`setup ${setup}`)
    run.bob.phone.behaviour.invite = () => ({ status: 200, setup })
    const both = chat(run)
    talk(run, both, ['hello'])
    hangUp(run, both.call)
    const ours = run.box.counters.get('msrp_connection', 'opened')
    t.equal(ours, 1, setup)
    t.match(items(run, BOB), [{ count: 2, state: 'whole' }])
  }
})

t.test('RFC 4975 10: a phone that refuses the empty SEND which binds is talked to all the same', async t => {
  for (const [status, count] of [
    [400, 2],
    [413, 2],
    [415, 2],
    [481, 0],
  ] as const) {
    const run = beside(`binding ${status}`)
    run.bob.phone.bindingStatus = status
    const both = chat(run)
    if (count > 0) talk(run, both, ['hello'])
    run.world.pass(5000)
    hangUp(run, both.call)
    t.match(items(run, BOB), [{ count, state: 'whole' }], String(status))
  }
})

t.test('RFC 3261 14: a refresh changes no path, and the session goes on', async t => {
  const run = beside('refresh')
  const wire = new Wire(run, run.alice, run.bob)
  const both = chat(run)
  talk(run, both, ['before'])
  const answers: number[] = []
  run.alice.act(now => both.call.refresh(now, ({ status }) => answers.push(status)))
  run.world.until(() => answers.length > 0, 'an answer to the refresh')
  t.same(answers, [200])
  talk(run, both, ['after'])
  hangUp(run, both.call)
  const paths = new Set(wire.descriptions.flatMap(({ text }) => /^a=path:(.*)\r$/m.exec(text)?.[1] ?? []))
  t.equal(paths.size, 4, 'each side was told one path, and told one itself')
  t.match(items(run, BOB), [{ count: 4, state: 'whole' }])
})

t.test('CANCEL and refusals leave no record', async t => {
  const run = beside('cancel')
  run.bob.phone.behaviour.invite = () => ({ status: 200, isRinging: true, afterMs: 60_000 })
  const call = dial(run)
  run.world.pass(1000)
  run.alice.act(now => call.cancel(now))
  run.world.until(() => call.status !== undefined, 'an answer')
  t.equal(call.status, 487)
  run.bob.phone.behaviour.invite = () => ({ status: 486 })
  const busy = dial(run, { keeps: [] })
  run.world.until(() => busy.status !== undefined, 'an answer')
  t.equal(busy.status, 486)
  run.world.pass(60_000)
  t.same(items(run, BOB), [])
  t.match(run.box.engine.describe(), { histories: { joined: { open: 0, calls: 0 } } })
})

t.test(
  'RFC 3261 16.7: of two phones the one that answers first has the session, and only its own is recorded',
  async t => {
    const run = beside('fork')
    const second = run.world.phone('bob', { transport: 'tcp' })
    second.register({ isInstantMessaging: true })
    run.world.until(() => second.phone.registered === 200, 'the second is there')
    second.phone.behaviour.invite = () => ({ status: 200, isRinging: true, afterMs: 5000 })
    const both = chat(run)
    talk(run, both, ['hello'])
    run.world.pass(20_000)
    hangUp(run, both.call)
    t.match(items(run, BOB), [{ count: 2, state: 'whole' }])
    t.match(run.box.engine.describe(), { histories: { joined: { open: 0, calls: 0 } } })
    t.equal(value(run.bob.phone.inbox.invites[0]!, 'content-type'), 'application/sdp')
  },
)

t.test('RFC 3261 13.2.2.4: a second phone behind the same address is hung up on, and the first goes on', async t => {
  const run = beside('two behind one', { bob: { transport: 'udp' } })
  const heard: string[] = []
  let ok = ''
  run.world.network.onTransmit = (from, flow, bytes) => {
    const text = bytes.toString('latin1')
    if (from.name.startsWith('bob') && /^SIP\/2\.0 200 (?:.*\r\n)*CSeq: \d+ INVITE\r/.test(text)) ok = text
    if (flow.protocol === 'sip' && text.includes(';tag=second'))
      heard.push(`${from.name.split(' ')[0]}: ${text.split(' ')[0]}`)
  }
  const both = chat(run)
  const second = ok.replace(/^(To: .*;tag=)[^\r]+/m, '$1second')
  run.bob.act(now => run.bob.phone.raw(now, Buffer.from(second, 'latin1')))
  run.world.pass(5000)
  t.same(new Set(heard), new Set(['bob: SIP/2.0', 'box: ACK', 'box: BYE']), 'alice hears nothing of it')
  talk(run, both, ['hello'])
  hangUp(run, both.call)
  t.match(items(run, BOB), [{ count: 2, state: 'whole' }])
})

t.test('a phone that is gone never says BYE: its record is closed all the same', async t => {
  const run = beside('gone')
  const both = chat(run)
  talk(run, both, ['hello'])
  run.world.network.unplug(run.alice)
  run.world.network.unplug(run.bob)
  run.world.pass(3 * 3600 * 1000)
  t.match(items(run, BOB), [{ count: 2, state: 'interrupted' }])
  run.world.pass(25 * 3600 * 1000)
  t.match(run.box.engine.describe(), { histories: { joined: { open: 0, calls: 0 } } })
})

t.test(
  'a box that crashes closes its records at its next start; one that stops says that they were broken off',
  async t => {
    const crashed = beside('crash')
    const both = chat(crashed)
    talk(crashed, both, ['hello'])
    crashed.world.pass(1000)
    crashed.box.crashFor(1000)
    crashed.world.until(() => crashed.box.isUp, 'it is up')
    crashed.world.pass(1000)
    const [item] = items(crashed, BOB)
    t.match(item, { count: 2, state: 'interrupted' })
    t.match(item!.heads.answer?.toString(), /^SIP\/2\.0 200/)

    const stopped = beside('stop')
    const again = chat(stopped)
    talk(stopped, again, ['hello'])
    stopped.box.stop()
    stopped.world.pass(1000)
    t.match(items(stopped, BOB), [{ count: 2, state: 'interrupted' }])
  },
)

/** Both signal and speak over TLS. */
function secured(name: string): Scenario {
  const world = new World(name)
  const listen = 'sip_tls = "10.0.0.1:5061"\nmsrp_tls = "10.0.0.1:2856"'
  const box = world.appliance({ users: ['alice:alice', 'bob:bob'], listen })
  const phones = { alice: world.phone('alice', { transport: 'tls' }), bob: world.phone('bob', { transport: 'tls' }) }
  phones.bob.register({ isInstantMessaging: true })
  world.until(() => phones.bob.phone.registered === 200, 'bob is there')
  return { world, box, ...phones }
}

t.test('RFC 4975 14, RFC 8122: over TLS each side is shown the box’s certificate, and held to its own', async t => {
  for (const setup of ['active', 'passive'] as const) {
    const run = secured(`tls ${setup}`)
    run.bob.phone.behaviour.invite = () => ({ status: 200, setup })
    const wire = new Wire(run, run.alice, run.bob)
    const both = chat(run, { isSecure: true })
    talk(run, both, ['hello', 'there'])
    hangUp(run, both.call)
    const [item] = items(run, BOB)
    t.match(item, { state: 'whole', count: 4 })
    t.equal(saidBy(item!, 'caller'), wire.said(run.alice).toString('latin1'))
    t.equal(saidBy(item!, 'callee'), wire.said(run.bob).toString('latin1'))
    const given = wire.descriptions.filter(({ by }) => by.startsWith('box')).map(({ text }) => text)
    t.ok(given.length > 0 && given.every(text => text.includes(simulatedFingerprint('10.0.0.1'))))
    t.ok(given.every(text => text.match(/^a=fingerprint:/gm)?.length === 1))
  }
  const lying = secured('lying')
  lying.bob.phone.behaviour.invite = () => ({ status: 200, setup: 'passive', fingerprint: LIE })
  const { call, answered } = chat(lying, { isSecure: true })
  lying.bob.act(now => answered.send(now, 'hello'))
  lying.world.pass(60_000)
  t.equal(lying.alice.arrived.length, 0)
  t.not(call.closed, undefined, 'the caller hears that there is nobody')
})

t.test('RFC 3261 13.2.2.4: two phones answer at once, and each has a session of its own', async t => {
  const run = beside('both answer')
  const second = run.world.phone('bob', { transport: 'tcp' })
  second.register({ isInstantMessaging: true })
  run.world.until(() => second.phone.registered === 200, 'the second is there')
  const both = chat(run)
  run.world.pass(1000)
  t.equal(second.calls.length, 1)
  talk(run, both, ['hello'])
  const other = second.calls[0]!
  second.act(now => other.hangUp(now))
  run.world.pass(10_000)
  run.bob.act(now => both.answered.hangUp(now))
  run.world.pass(10_000)
  const kept = items(run, BOB)
  t.same(kept.map(({ count, state }) => `${count} ${state}`).sort(), ['0 whole', '2 whole'])
})
