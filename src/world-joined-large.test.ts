import t from 'tap'
import { beside, chat, hangUp, items, keep, saidBy, talk, Wire } from './testing/chat.ts'
import { LargeCall, type LargeCallOptions } from './testing/large-call.ts'
import { ALICE, BOB, type Scenario } from './testing/scenario.ts'
import { LOSSY } from './testing/simulated-network.ts'

/** Alice's INVITE for large messages, answered. */
function large(run: Scenario, options: Partial<LargeCallOptions> = {}): LargeCall {
  const call = run.alice.act(now => new LargeCall(run.alice.phone, now, { to: BOB, ...options }))
  run.world.until(() => call.status !== undefined, 'an answer')
  return call
}

/** One after the other, each answered before the next. */
function sendAll({ world, alice }: Scenario, call: LargeCall, bodies: readonly string[]): void {
  for (const body of bodies) {
    const sent = alice.act(now => call.send(now, Buffer.from(body), 'text/plain'))
    world.until(() => sent.outcome !== undefined, 'it was sent')
  }
}

t.test(
  'HIS-STO-03, 06: large messages delivered live are an item each, with the heads of INVITE, 200 and BYE',
  async t => {
    for (const faults of [undefined, LOSSY]) {
      const run = beside('large', faults && { faults })
      keep(run, run.alice, { pager: true })
      keep(run, run.bob, { pager: true })
      const wire = new Wire(run, run.alice)
      const call = large(run, { headers: [['Subject', 'Three']] })
      const bodies = ['a'.repeat(100_000), 'b', 'c'.repeat(5000)]
      sendAll(run, call, bodies)
      hangUp(run, call)
      t.same(
        run.bob.arrived.map(({ wire: { length } }) => length),
        bodies.map(({ length }) => length),
      )
      for (const [aor, role] of [
        [ALICE, 'sender'],
        [BOB, 'receiver'],
      ] as const) {
        const kept = items(run, aor)
        t.equal(kept.length, 3)
        t.equal(kept.map(item => saidBy(item, 'caller')).join(''), wire.said(run.alice).toString('latin1'))
        for (const item of kept) {
          t.match(item, { kind: 'large', state: 'whole', role, subject: 'Three' })
          t.match(item.bytes.toString('latin1'), /^MSRP \S+ SEND\r\nTo-Path: msrp:\S+ msrp:\S+\r\nFrom-Path: /)
          t.match(item.heads.invite?.toString(), /^INVITE /)
          t.match(item.heads.answer?.toString(), /^SIP\/2\.0 200/)
          t.match(item.heads.bye?.toString(), /^BYE /)
        }
        t.equal(new Set(kept.map(({ reference }) => reference)).size, 3)
      }
    }
  },
)

t.test(
  'a large message that broke off was not delivered, and nothing of it is kept; more than sixteen are',
  async t => {
    const run = beside('broken')
    keep(run, run.bob, { pager: true })
    const call = large(run)
    sendAll(
      run,
      call,
      Array.from({ length: 20 }, (_, index) => `message ${index}`),
    )
    run.alice.act(now => call.send(now, Buffer.alloc(3_000_000), 'text/plain'))
    run.world.network.faults = { ...run.world.network.faults, latencyMinMs: 50, latencyMaxMs: 50 }
    run.world.pass(120)
    run.alice.act(now => call.hangUp(now))
    run.world.pass(60_000)
    const kept = items(run, BOB)
    t.equal(kept.length, 20)
    t.ok(kept.every(({ state }) => state === 'whole'))
    const withBye = kept.filter(({ heads }) => heads.bye !== undefined)
    t.equal(withBye.length, 15, 'the others made room before it came')
  },
)

t.test('a large message that a phone cannot take is kept for it, and is in the history once', async t => {
  const run = beside('deferred')
  keep(run, run.bob, { pager: true })
  run.bob.phone.behaviour.invite = () => ({ status: 480 })
  const call = large(run)
  t.equal(call.status, 200, 'the box has answered')
  sendAll(run, call, ['kept'])
  run.alice.act(now => call.hangUp(now))
  run.world.pass(10_000)
  t.match(items(run, BOB), [{ kind: 'large', state: 'whole', count: 1 }])
  t.match(run.box.engine.describe().histories, { joined: { open: 0, calls: 0 } })
})

t.test('typing and receipts by a large-message session are in no history', async t => {
  const run = beside('noise')
  keep(run, run.bob, { pager: true })
  const call = large(run)
  const receipt = '<imdn xmlns="urn:ietf:params:xml:ns:imdn"/>'
  const cpim = `From: <${ALICE}>\r\nTo: <${BOB}>\r\n\r\nContent-Type: message/imdn+xml\r\n\r\n${receipt}`
  const typing = '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"/>'
  for (const [body, type] of [
    [cpim, 'message/cpim'],
    [typing, 'application/im-iscomposing+xml'],
    ['said', 'text/plain'],
  ] as const) {
    const sent = run.alice.act(now => call.send(now, Buffer.from(body), type))
    run.world.until(() => sent.outcome !== undefined, 'it was sent')
  }
  hangUp(run, call)
  t.equal(run.bob.arrived.length, 3)
  const kept = items(run, BOB)
  t.equal(kept.length, 1)
  t.match(kept[0]!.bytes.toString(), /said/)
})

t.test('each kind of history has a switch of its own', async t => {
  const run = beside('kinds')
  keep(run, run.bob, { session: true })
  const call = large(run)
  sendAll(run, call, ['large'])
  hangUp(run, call)
  t.same(items(run, BOB), [])
  keep(run, run.bob, { session: false, pager: true })
  const both = chat(run, { keeps: [] })
  talk(run, both, ['session'])
  hangUp(run, both.call)
  t.same(items(run, BOB), [])
})

t.test('HIS-STO-07: a user who calls somebody elsewhere keeps it too', async t => {
  const run = beside('outward')
  const other = run.world.appliance({
    name: 'other',
    address: '10.0.0.2',
    domain: 'example.net',
    users: ['dora:dora'],
  })
  const dora = run.world.phone('dora', { domain: 'example.net', box: '10.0.0.2', transport: 'tcp' })
  dora.register({ isInstantMessaging: true })
  run.world.until(() => dora.phone.registered === 200, 'dora is there')
  run.box.dns.set('A example.net', [{ kind: 'A', address: '10.0.0.2' }])
  const elsewhere = { ...run, bob: dora }
  const wire = new Wire(elsewhere, run.alice, dora)
  keep(run, run.alice, { session: true })
  const both = chat(elsewhere, { to: 'sip:dora@example.net', keeps: [] })
  talk(elsewhere, both, ['hello', 'over there'])
  hangUp(elsewhere, both.call)
  const [item, ...others] = items(run, ALICE)
  t.same(others, [])
  t.match(item, { role: 'sender', peer: 'sip:dora@example.net', state: 'whole', count: 4 })
  t.equal(saidBy(item!, 'caller'), wire.said(run.alice).toString('latin1'))
  t.equal(saidBy(item!, 'callee'), wire.said(dora).toString('latin1'))
  t.same(items({ ...run, box: other }, 'sip:dora@example.net'), [])
})
