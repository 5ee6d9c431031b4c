import t from 'tap'
import { historyOf, keepPagerHistory } from './testing/kept-history.ts'
import { ALICE, BOB, CAROL, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'
import type { SimulatedPhone } from './testing/simulated-phone.ts'
import { asKept, Wiretap } from './testing/wiretap.ts'

const items = ({ world, box }: Scenario, aor: string) => historyOf(world, box, aor)

/** Alice and bob keep histories. */
function keeping(seed: string, options: Parameters<typeof scenario>[1] = {}): Scenario {
  const run = scenario(seed, options)
  keepPagerHistory(run, run.alice)
  keepPagerHistory(run, run.bob)
  return run
}

function register({ world, bob }: Scenario): void {
  bob.register()
  world.pass(1000)
}

const send = (run: Scenario, options: Parameters<SimulatedPhone['message']>[0], phone = run.alice) => {
  const sent = phone.message(options)
  run.world.until(() => sent.status !== undefined, 'an answer')
  run.world.pass(100)
  return sent
}

t.test(
  'HIS-STO-01, 06, 07: a MESSAGE is kept byte for byte, live or deferred, for receiver and sender, and for nobody else',
  async t => {
    for (const [how, status] of [
      ['live', 200],
      ['deferred', 202],
      ['busy', 202],
    ] as const) {
      const run = keeping(how)
      if (how !== 'deferred') register(run)
      if (how === 'busy') run.bob.phone.behaviour.message = () => 486
      const tap = new Wiretap(run.world)
      const body = Buffer.from([0, 255, 13, 10, 10, 0xc3, 0xa4, 0])
      const headers: [string, string][] = [
        ['Subject', 'carpool tomorrow?'],
        ['X-Unknown', ' odd \t value;;'],
        ['Date', 'Sun, 09 Jul 2006 21:23:01 GMT'],
        ['P-Access-Network-Info', 'IEEE-802.11'],
      ]
      const sent = send(run, { to: BOB, body, headers, contentType: 'application/octet-stream' })
      t.equal(sent.status, status, how)
      const wire = tap
        .sip('MESSAGE ')
        .find(bytes => bytes.includes(`Proxy-Authorization`) && bytes.includes(sent.callId))
      const [atBob, ...others] = items(run, BOB)
      const [atAlice, ...more] = items(run, ALICE)
      t.same([others, more, items(run, CAROL)], [[], [], []], `${how}: once each, and isolated`)
      for (const item of [atBob!, atAlice!]) {
        t.equal(asKept(item.bytes), asKept(wire!), `${how}: byte for byte`)
        t.ok(item.bytes.subarray(-body.length).equals(body))
        t.match(item.bytes.toString('latin1'), /^Via: .*branch=z9hG4bK/m)
        t.notMatch(item.bytes.toString('latin1'), /authorization/i, 'no credentials')
        t.match(item, { kind: 'message', from: ALICE, to: BOB, subject: 'carpool tomorrow?', callId: sent.callId })
        t.match(item, { assertedIdentity: ALICE, isAnonymous: false, count: 1, state: 'whole' })
        t.match(item.reference, /^sip:.+@10\.0\.0\.1$/, 'HIS-STO-06')
        t.same(item.pieces, [{ ...item.pieces[0], from: 'caller', isEnd: true, at: item.receivedAt }])
      }
      t.match(atBob, { role: 'receiver', peer: ALICE })
      t.match(atAlice, { role: 'sender', peer: BOB })
      run.world.pass(60_000)
      t.equal(items(run, BOB).length, 1, `${how}: and no more than once`)
    }
  },
)

t.test('RFC 3325 5: what senders assert of themselves is in no history; everything else of the message is', async t => {
  const forged: [string, string] = ['P-Asserted-Identity', '<sip:chief@example.org>']
  const line = `${forged.join(': ')}\r\n`
  for (const status of [200, 202]) {
    const run = keeping(`asserted ${status}`)
    if (status === 200) register(run)
    const tap = new Wiretap(run.world)
    const sent = send(run, {
      to: BOB,
      body: 'mine',
      headers: [forged, ['P-Preferred-Identity', '<sip:chief@example.org>']],
    })
    t.equal(sent.status, status)
    const isIt = (bytes: Buffer): boolean => bytes.includes('Proxy-Authorization') && bytes.includes(sent.callId)
    const wire = tap.sip('MESSAGE ').find(isIt)!.toString('latin1')
    t.match(wire, line)
    for (const aor of [BOB, ALICE]) {
      const [{ bytes, assertedIdentity }] = items(run, aor) as [ReturnType<typeof items>[number]]
      t.equal(asKept(bytes), asKept(Buffer.from(wire.replace(line, ''), 'latin1')))
      t.equal(assertedIdentity, ALICE)
    }
  }
})

t.test('HIS-STO-07: only who wants it has it, from when they want it until they do not', async t => {
  const run = scenario('switched')
  register(run)
  const told = (): [number, number] => {
    run.world.pass(100)
    return [items(run, ALICE).length, items(run, BOB).length]
  }
  say(run, ['one'])
  t.same(told(), [0, 0], 'history.active_default is off')
  keepPagerHistory(run, run.bob)
  say(run, ['two'])
  t.same(told(), [0, 1])
  keepPagerHistory(run, run.bob, false)
  keepPagerHistory(run, run.alice)
  say(run, ['three'])
  t.same(told(), [1, 1])
  const bodies = items(run, ALICE).map(({ bytes }) => bytes.toString().split('\r\n\r\n')[1])
  t.same(bodies, ['three'])
})

t.test('HIS-STO-07: history.active_default decides for who never decided', async t => {
  const run = scenario('default', { config: '[history]\nactive_default = true\n' })
  keepPagerHistory(run, run.alice, false)
  t.same(say(run, ['kept']), [202])
  t.same([items(run, ALICE).length, items(run, BOB).length], [0, 1])
})

t.test('history.enabled = false keeps nothing, whatever users wish', async t => {
  const run = keeping('disabled', { config: '[history]\nenabled = false\nactive_default = true\n' })
  say(run, ['deferred'])
  register(run)
  run.world.pass(5000)
  say(run, ['live'])
  t.same([items(run, ALICE), items(run, BOB)], [[], []])
})

t.test('docs/protocol.md: what was refused, repeated or is nothing that was said is not kept', async t => {
  const run = keeping('not kept', { config: '[deferral]\nquota_messages = 1\n' })
  const first = send(run, { to: BOB, body: 'one' })
  t.equal(send(run, { to: BOB, body: 'no room' }).status, 603)
  const { callId, cseq, fromTag } = first
  t.equal(send(run, { to: BOB, body: 'one', callId, cseq, fromTag }).status, 202, 'the same once more')
  t.equal(items(run, BOB).length, 1)
  register(run)
  run.world.pass(5000)
  run.bob.phone.behaviour.message = () => 603
  t.equal(send(run, { to: BOB, body: 'unwanted' }).status, 603)
  run.bob.phone.behaviour.message = () => 200
  const composing = { to: BOB, body: '<isComposing/>', contentType: 'application/im-iscomposing+xml' }
  const cpim = (type: string, body: string) =>
    `From: <${ALICE}>\r\nTo: <${BOB}>\r\n\r\nContent-Type: ${type}\r\n\r\n${body}`
  const receipt = { to: BOB, body: cpim('message/imdn+xml', '<imdn/>'), contentType: 'message/cpim' }
  const typing = { ...receipt, body: cpim('application/im-iscomposing+xml', '<isComposing/>') }
  for (const options of [composing, receipt, typing]) t.equal(send(run, options).status, 200)
  t.equal(items(run, BOB).length, 1)
  t.equal(items(run, ALICE).length, 1)
  t.equal(send(run, { to: BOB, body: cpim('text/plain', 'hi'), contentType: 'message/cpim' }).status, 200)
  t.equal(items(run, BOB).length, 2)
})

t.test(
  'a 2xx that comes late changes nothing of what is kept already, and keeps what was refused meanwhile',
  async t => {
    for (const config of ['', '[deferral]\nenabled = false\n']) {
      const run = keeping(`late ${config}`, { config })
      register(run)
      run.bob.phone.behaviour.message = () => ({ status: 200, afterMs: 12_000 })
      const sent = send(run, { to: BOB, body: 'slow' })
      t.equal(sent.status, config === '' ? 202 : 603)
      t.equal(items(run, BOB).length, config === '' ? 1 : 0)
      run.world.pass(20_000)
      t.same(waitingFor(run), [])
      t.equal(items(run, BOB).length, 1)
      t.equal(items(run, ALICE).length, 1)
    }
  },
)

t.test('a message to oneself is one item, of what one got', async t => {
  const run = keeping('oneself')
  t.equal(send(run, { to: ALICE, body: 'buy milk' }).status, 202)
  t.match(items(run, ALICE), [{ role: 'receiver', peer: ALICE }])
})

t.test('DM-STO-04: whoever asked for privacy is anonymous in what is known of it, from the start', async t => {
  const run = keeping('anonymous')
  const sent = send(run, { to: BOB, body: 'psst', headers: [['Privacy', 'id']] })
  t.equal(sent.status, 202)
  const [atBob] = items(run, BOB)
  t.match(atBob, { isAnonymous: true, from: 'anonymous', peer: 'anonymous', role: 'receiver' })
  t.notOk(atBob?.assertedIdentity)
  t.match(atBob?.bytes.toString('latin1'), /^Privacy: id\r$/m, 'as received')
  const search = { aor: BOB, filter: { peer: ALICE }, order: 'oldest', limit: 10 } as const
  t.same(run.world.ask(run.box, 'history.list', search).entries, [])
  t.match(items(run, ALICE), [{ role: 'sender', peer: BOB, isAnonymous: true }])
})

t.test('nobody who merely says who they are writes into the history of that user', async t => {
  const run = scenario('claimed', { config: '[auth]\ndigest = false\n[history]\nactive_default = true\n' })
  t.equal(send(run, { to: BOB, body: 'hello' }).status, 202)
  t.same([items(run, ALICE).length, items(run, BOB).length], [0, 1])
})

t.test('HIS-STO-01: what the box itself writes to a sender is in no history', async t => {
  const run = scenario('receipts', { config: '[history]\nactive_default = true\n' })
  const body =
    `From: <${ALICE}>\r\nTo: <${BOB}>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: 1\r\n` +
    'DateTime: 2026-01-01T00:00:00Z\r\nimdn.Disposition-Notification: processing, negative-delivery\r\n\r\n' +
    'Content-Type: text/plain\r\n\r\nhello'
  t.equal(send(run, { to: BOB, body, contentType: 'message/cpim' }).status, 202)
  run.world.pass(10_000)
  t.match(waitingFor(run, ALICE), [{ isReceipt: true }], 'she is told')
  t.match(items(run, ALICE), [{ role: 'sender' }])
})

t.test('history.retention_s: what is older leaves, while the clock is trusted', async t => {
  const run = keeping('retention', { config: '[history]\nretention_s = 3600\n' })
  say(run, ['one'])
  run.world.pass(3_000_000)
  say(run, ['two'])
  t.equal(items(run, BOB).length, 2)
  run.world.pass(700_000)
  t.equal(items(run, BOB).length, 1)
  t.equal(items(run, ALICE).length, 1)
  t.ok(run.box.counters.get('history_expired') > 0)
  run.world.pass(10_000)
  t.equal(run.world.ask(run.box, 'history.sweep', { limit: 100 }), 0, 'and its content is swept')
})

t.test('counters: what is kept and what is not', async t => {
  const run = keeping('counted')
  register(run)
  say(run, ['live'])
  run.world.pass(1000)
  t.equal(run.box.counters.get('history_kept', 'message'), 2)
  run.bob.phone.behaviour.message = () => 486
  say(run, ['deferred'])
  run.world.pass(1000)
  t.equal(run.box.counters.get('history_kept', 'message'), 4)
})
