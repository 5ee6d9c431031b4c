import t from 'tap'
import { value, values } from './sip-parser-lite/access.ts'
import { breaches, type Scenario, say, scenario, texts, waitingFor } from './testing/scenario.ts'

/** Without jitter's upper half in the way: the first retry comes within 1.25 times `retry_min_s`. */
const RETRY = '[delivery]\nretry_min_s = 30\nretry_max_s = 120\n'

/** A mailbox with so many messages, and bob's phone at home. */
function waitingScenario(seed: string, count: number, options: Parameters<typeof scenario>[1] = {}): Scenario {
  const run = scenario(seed, { config: RETRY, ...options })
  if (say(run, texts(count)).some(status => status !== 202)) throw new Error('not kept')
  return run
}

const arrive = ({ world, bob }: Scenario, ms = 5000): void => {
  bob.register({ isInstantMessaging: true })
  world.pass(ms)
}

t.test('DM-DLV-05..12: the INVITE of a push says what it is', async t => {
  const run = waitingScenario('invite', 1)
  arrive(run)
  const [invite] = run.bob.phone.inbox.invites
  if (!invite) throw new Error('no INVITE')
  t.equal(invite.uri, run.bob.phone.contact)
  t.equal(value(invite, 'to'), '<sip:bob@example.org>')
  t.match(value(invite, 'accept-contact'), /^\*(?=.*;\+g\.oma\.sip-im)(?=.*;require)(?=.*;explicit)/)
  t.match(value(invite, 'user-agent'), /^IM-serv\/OMA1\.0 /)
  t.match(values(invite, 'allow'), ['INVITE', 'ACK', 'CANCEL', 'BYE'])
  t.match(value(invite, 'contact'), /;\+g\.oma\.sip-im;automata/)
  t.match(value(invite, 'session-expires'), /^\d+;refresher=uac$/)
  t.match(invite.body.toString(), /\r\na=sendonly\r\n/)
})

t.test('DM-PSH-01, 02, 05, 08: one MSRP message each, then BYE', async t => {
  const run = waitingScenario('push', 40)
  arrive(run)
  t.same(run.bob.texts, texts(40))
  t.ok(run.bob.arrived.every(({ form, contentType }) => form === 'msrp' && /^multipart\/mixed;/.test(contentType)))
  t.same(
    run.bob.calls.map(({ ended }) => ended),
    ['bye'],
  )
  t.same(waitingFor(run), [])
})

t.test('RFC 6135 4.2: the phone connects, or the box does, or nothing is said and the box does', async t => {
  for (const setup of ['active', 'passive', 'none'] as const) {
    const run = waitingScenario(setup, 3)
    run.bob.phone.behaviour = { ...run.bob.phone.behaviour, invite: () => ({ status: 200, setup }) }
    arrive(run)
    t.same(run.bob.texts, texts(3), setup)
  }
})

t.test('DM-DLV-01: a contact without +g.oma.sip-im gets no INVITE but SIP MESSAGE, one at a time', async t => {
  const run = waitingScenario('plain', 4)
  let open = 0
  let most = 0
  run.bob.phone.behaviour.message = () => {
    most = Math.max(most, ++open)
    return { status: 200, afterMs: 100 }
  }
  run.world.network.onTransmit = (from, _flow, bytes) => {
    if (from === run.bob && bytes.toString('latin1').startsWith('SIP/2.0 200')) open = 0
  }
  run.bob.register()
  run.world.pass(5000)
  t.same(run.bob.texts, texts(4))
  t.equal(most, 1)
  t.same(run.bob.phone.inbox.invites, [])
})

t.test('DM-PSH-04: a plain phone gets the message under its own Call-ID, CSeq and From', async t => {
  const run = waitingScenario('identity', 1)
  run.bob.register()
  run.world.pass(2000)
  const [sent] = run.alice.sent
  const [arrived] = run.bob.arrived
  t.same(
    { callId: arrived?.callId, cseq: arrived?.cseq, fromTag: arrived?.fromTag },
    { callId: sent?.callId, cseq: sent?.cseq, fromTag: sent?.fromTag },
  )
})

t.test('DM-DLV-01: de-registration pushes nothing', async t => {
  const run = waitingScenario('away', 1)
  run.bob.register({ isInstantMessaging: true, expiresS: 0 })
  run.world.pass(120_000)
  t.same(run.bob.arrived, [])
  t.equal(waitingFor(run).length, 1)
})

t.test('contract [delivery] profile: msrp and message force one form', async t => {
  for (const profile of ['msrp', 'message'] as const) {
    const run = waitingScenario(profile, 2, { config: `[delivery]\nprofile = "${profile}"\n` })
    arrive(run)
    t.same(run.bob.texts, texts(2))
    t.ok(run.bob.arrived.every(({ form }) => form === profile))
  }
  const plain = waitingScenario('msrp alone', 2, { config: '[delivery]\nprofile = "msrp"\n' })
  plain.bob.register()
  plain.world.pass(5000)
  t.same(plain.bob.arrived, [])
})

t.test('docs/protocol.md: the ladder goes by what the answer accepts', async t => {
  const cpim = waitingScenario('cpim', 2)
  cpim.bob.phone.behaviour.invite = () => ({ status: 200, acceptTypes: 'message/cpim', acceptWrappedTypes: '*' })
  arrive(cpim)
  t.same(
    cpim.bob.arrived.map(({ form, contentType }) => [form, contentType]),
    [
      ['msrp', 'message/cpim'],
      ['msrp', 'message/cpim'],
    ],
  )
  t.match(cpim.bob.arrived[0]?.wire.toString(), /^From: .*alice@example\.org[\s\S]*\r\n\r\ntext 1$/)
  const neither = waitingScenario('neither', 2)
  neither.bob.phone.behaviour.invite = () => ({ status: 200, acceptTypes: 'text/plain' })
  arrive(neither)
  t.same(
    neither.bob.arrived.map(({ form, body }) => [form, body.toString()]),
    texts(2).map(text => ['message', text]),
  )
  t.same(
    neither.bob.calls.map(({ ended }) => ended),
    ['bye'],
  )
  const refusing = waitingScenario('488', 2)
  refusing.bob.phone.behaviour.invite = () => ({ status: 488 })
  arrive(refusing)
  t.same(refusing.bob.texts, texts(2))
  t.ok(refusing.bob.arrived.every(({ form }) => form === 'message'))
})

t.test('docs/protocol.md: 486 keeps everything; it is tried again after a back-off that grows', async t => {
  const run = waitingScenario('busy', 2)
  run.bob.phone.behaviour.invite = (_now, _request, number) => (number < 4 ? { status: 486 } : { status: 200 })
  const at: number[] = []
  run.world.network.onTransmit = (from, _flow, bytes) => {
    if (from === run.bob && bytes.toString('latin1').startsWith('SIP/2.0 486')) at.push(run.world.clock.at)
  }
  arrive(run, 400_000)
  t.same(run.bob.texts, texts(2))
  const gaps = at.slice(1).map((time, index) => time - at[index]!)
  t.equal(at.length, 3)
  t.ok(gaps[0]! >= 22_000 && gaps[0]! <= 39_000, `${gaps}`)
  t.ok(gaps[1]! >= 44_000 && gaps[1]! <= 77_000, `${gaps}`)
})

t.test('docs/protocol.md: a message behind one that was refused for itself waits for no back-off', async t => {
  for (const isInstantMessaging of [true, false]) {
    const run = waitingScenario(`behind ${isInstantMessaging}`, 2)
    const isPoison = (body: Buffer): boolean => body.toString() === 'text 1'
    run.bob.phone.behaviour.message = (_now, { body }) => (isPoison(body) ? 413 : 200)
    run.bob.register({ isInstantMessaging })
    run.world.pass(3000)
    t.same(run.bob.texts, ['text 2'])
    t.same(say(run, ['just now']), [202])
    run.world.pass(3000)
    t.same(run.bob.texts, ['text 2', 'just now'])
    const tries = run.bob.arrived.filter(({ body }) => isPoison(body)).length
    t.equal(tries, 1, 'and is not tried each time')
    run.bob.phone.behaviour.message = () => 200
    run.world.pass(60_000)
    t.same(run.bob.texts, ['text 2', 'just now', 'text 1'])
  }
})

t.test('docs/protocol.md: 413 in the middle blocks nobody behind, and is tried again', async t => {
  const run = waitingScenario('status 413', 5)
  let refusals = 0
  run.bob.phone.behaviour.message = (_now, arrived) =>
    arrived.body.toString() === 'text 3' && refusals++ === 0 ? 413 : 200
  arrive(run)
  t.same(run.bob.texts, ['text 1', 'text 2', 'text 4', 'text 5'])
  t.same(
    waitingFor(run).map(({ seq, attempts }) => [seq, attempts]),
    [[3, 1]],
  )
  run.world.pass(60_000)
  t.equal(run.bob.texts.at(-1), 'text 3')
})

t.test('docs/protocol.md, 8.2: 415 over MSRP, and the same message comes as SIP MESSAGE at once', async t => {
  const run = waitingScenario('status 415', 5)
  run.bob.phone.behaviour.message = (_now, arrived) =>
    arrived.body.toString() === 'text 3' && arrived.form === 'msrp' ? 415 : 200
  arrive(run)
  t.same(run.bob.texts, ['text 1', 'text 2', 'text 4', 'text 5', 'text 3'])
  t.same(waitingFor(run), [])
})

t.test('DM-PSH-08, docs/protocol.md: a BYE in the middle keeps what was not confirmed', async t => {
  const run = waitingScenario('bye', 30)
  run.bob.phone.behaviour.message = (now, _arrived, number) => {
    if (number === 10) run.bob.calls.at(-1)?.hangUp(now)
    return 200
  }
  arrive(run, 100_000)
  t.equal(run.bob.calls.length, 2)
  const seen = new Set(run.bob.texts)
  t.same([...seen], texts(30))
  t.same(waitingFor(run), [])
})

t.test('RFC 4975 7.1.1: silence of 30 s ends the push; nothing is lost', async t => {
  const run = waitingScenario('silence', 5)
  run.bob.phone.behaviour.message = (_now, _arrived, number) => (number === 3 ? 'silence' : 200)
  arrive(run, 25_000)
  t.same(run.bob.texts, ['text 1', 'text 2'])
  t.equal(run.bob.calls[0]?.ended, undefined)
  run.world.pass(10_000)
  t.equal(run.bob.calls[0]?.ended, 'bye')
  run.bob.phone.isMsrpMute = false
  run.world.pass(60_000)
  t.same([...new Set(run.bob.texts)], texts(5))
  t.same(waitingFor(run), [])
})

t.test('RFC 3261 9.1: a phone that rings and never answers is cancelled; the messages wait', async t => {
  const run = waitingScenario('ringing', 1)
  run.bob.phone.behaviour.invite = (_now, _request, number) =>
    number === 1 ? { status: 200, isRinging: true, afterMs: 600_000 } : { status: 200 }
  arrive(run, 70_000)
  t.same(run.bob.texts, [])
  t.equal(waitingFor(run).length, 1)
  run.world.pass(60_000)
  t.same(run.bob.texts, texts(1))
})

t.test('docs/protocol.md: refreshes every few seconds during a push start no second one', async t => {
  const run = waitingScenario('refresh', 60)
  run.world.network.faults = { ...run.world.network.faults, latencyMinMs: 900, latencyMaxMs: 900 }
  let openMax = 0
  for (let i = 0; i < 30; i++) {
    run.bob.register({ isInstantMessaging: true })
    run.world.pass(2000)
    openMax = Math.max(openMax, run.bob.calls.filter(({ ended }) => ended === undefined).length)
  }
  run.world.pass(60_000)
  t.same(run.bob.texts, texts(60))
  t.equal(openMax, 1)
})

t.test('docs/protocol.md: of two contacts the one that just registered gets it all, once', async t => {
  const run = waitingScenario('two contacts', 6)
  const second = run.world.phone('bob')
  run.bob.phone.behaviour.invite = () => ({ status: 486 })
  run.bob.register({ isInstantMessaging: true })
  run.world.pass(2000)
  t.same(run.bob.texts, [])
  second.register({ isInstantMessaging: true })
  run.world.pass(5000)
  t.same(second.texts, texts(6))
  t.same(run.bob.texts, [])
})

t.test('docs/protocol.md: a client that answers late got the message already, and gets it once', async t => {
  const run = scenario('late', { config: RETRY })
  run.bob.register()
  run.world.pass(1000)
  run.bob.phone.behaviour.message = (_now, _arrived, number) => (number === 1 ? { status: 200, afterMs: 14_000 } : 200)
  t.same(say(run, ['slow']), [202])
  run.world.pass(200_000)
  t.same(run.bob.texts, ['slow'])
  t.same(waitingFor(run), [])
})

t.test('RFC 3428 5: somebody who is there gets the message at once, and the sender their answer', async t => {
  const run = scenario('there')
  run.bob.register()
  run.world.pass(1000)
  t.same(say(run, ['now']), [200])
  run.bob.phone.behaviour.message = () => 603
  t.same(say(run, ['refused']), [603])
  t.same(run.bob.texts, ['now'])
  t.same(waitingFor(run), [])
})

t.test('docs/protocol.md: 480, 486 and silence of a registered client keep the message', async t => {
  for (const verdict of [480, 486, 503, 'silence'] as const) {
    const run = scenario(`kept ${verdict}`, { config: RETRY })
    run.bob.register()
    run.world.pass(1000)
    run.bob.phone.behaviour.message = (_now, _arrived, number) => (number === 1 ? verdict : 200)
    t.same(say(run, ['kept']), [202], String(verdict))
    run.world.pass(120_000)
    t.same(run.bob.texts, ['kept'], String(verdict))
  }
})

t.test('DM-DLV-14, RFC 4028 7.2: a push longer than half of the session interval is refreshed and goes on', async t => {
  const run = waitingScenario('timer', 64)
  run.bob.phone.behaviour.invite = () => ({ status: 200, sessionExpires: '90;refresher=uac' })
  run.bob.register({ isInstantMessaging: true })
  run.world.until(() => run.bob.calls.length > 0, 'the call')
  run.world.network.faults = { ...run.world.network.faults, latencyMinMs: 7000, latencyMaxMs: 7000 }
  run.world.pass(200_000)
  t.same(run.bob.texts, texts(64))
  t.equal(run.bob.calls.length, 1)
  t.ok(run.bob.calls[0]!.refreshes >= 1, `${run.bob.calls[0]!.refreshes} refreshes`)
})

t.test('a push is traced by its MSRP Message-ID as well', async t => {
  const run = waitingScenario('traced', 3)
  arrive(run)
  const [story] = run.world.ask(run.box, 'trace', { id: 'sip:2@10.0.0.1', limit: 1 })
  const delivered = story?.events.find(event => event.event === 'delivered')
  const messageId = /Message-ID (\S+)$/.exec(delivered && 'detail' in delivered ? delivered.detail : '')?.[1] ?? ''
  t.same(
    run.world.ask(run.box, 'trace', { id: messageId, limit: 9 }).map(({ seq }) => seq),
    [2],
  )
})

t.test(
  'docs/protocol.md: who registers is handed what waits, whatever is still tried at an address that nobody is at',
  async t => {
    for (const isInstantMessaging of [true, false]) {
      const run = waitingScenario(`dead ${isInstantMessaging}`, 2)
      const { world, bob } = run
      const gone = ['10.0.1.70', '10.0.1.71', '10.0.1.72'].map(address => world.phone('bob', { address }))
      for (const phone of gone) {
        phone.phone.behaviour.invite = () => ({ status: 'silence' })
        phone.phone.behaviour.message = () => 'silence'
        phone.register({ isInstantMessaging })
        world.pass(100)
      }
      world.pass(5000)
      bob.register({ isInstantMessaging })
      // Timer F of the one that is being asked is waited for: a MESSAGE may still be answered. None of the others is asked first.
      world.pass(isInstantMessaging ? 2000 : 33_000)
      t.same(bob.texts, texts(2), `${isInstantMessaging}`)
      world.pass(120_000)
      t.same(breaches(run, 0), [])
    }
  },
)

t.test('RFC 5621 3.1: the answer to the push may be one part of a body', async t => {
  const run = waitingScenario('multipart answer', 2)
  run.bob.phone.behaviour.invite = () => ({ status: 200, isMultipart: true })
  run.bob.register({ isInstantMessaging: true })
  run.world.until(() => run.bob.texts.length === 2, 'both')
  t.same(run.bob.texts, texts(2))
  t.ok(run.bob.arrived.every(({ form }) => form === 'msrp'))
})
