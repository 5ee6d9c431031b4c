import t from 'tap'
import { value } from './sip-parser-lite/access.ts'
import { encodeMessage } from './sip-parser-lite/encode.ts'
import { LargeCall } from './testing/large-call.ts'
import { ALICE, BOB, say, scenario, waitingFor } from './testing/scenario.ts'
import type { SimulatedPhone } from './testing/simulated-phone.ts'
import { counts, countsIn, ids, idsIn, Watch, type WatchOptions, watching } from './testing/watch.ts'

/** DM-DLV-02: nothing is pushed. */
const OFF = '[delivery]\nactive_default = false\n'

t.test('DM-MWI-01, DM-MWI-02, C9: SUBSCRIBE gets 200, then the counts, then the headers of what waits', async t => {
  const run = scenario('second', { config: OFF })
  const { world, alice, bob } = run
  say(run, ['one'])
  const sent = alice.message({
    to: BOB,
    body: 'two',
    from: '"Ann" <sip:alice@example.org>',
    hasCredentials: true,
    headers: [
      ['Subject', 'carpool\r\n tomorrow?'],
      ['Priority', 'Urgent'],
      ['Date', 'Sun, 09 Jul 2006 21:23:01 GMT'],
    ],
  })
  world.until(() => sent.status === 202, 'kept')
  const watch = watching(run, bob)
  t.equal(watch.status, 200)
  t.equal(value(watch.answer!, 'expires'), '3600')
  t.equal(watch.told.length, 2)
  const [first, second] = watch.told
  t.equal(value(first!, 'event'), 'message-summary')
  t.equal(value(first!, 'content-type'), 'application/simple-message-summary')
  t.match(value(first!, 'subscription-state'), /^active;expires=\d+$/)
  const head = 'Messages-Waiting: yes\r\nMessage-Account: sip:bob@example.org\r\nText-Message: 2/0 (1/0)\r\n'
  t.equal(first!.body.toString(), head)
  t.match(second!.body.toString(), head)
  t.match(
    second!.body.toString(),
    new RegExp(
      '\r\n\r\nTo: <sip:bob@example\\.org>\r\nFrom: "Ann" <sip:alice@example\\.org>;tag=[^\r]+\r\n' +
        'Date: Sun, 09 Jul 2006 21:23:01 GMT\r\nSubject: carpool +tomorrow\\?\r\nPriority: Urgent\r\n' +
        'Message-ID: sip:2@10\\.0\\.0\\.1\r\nP-Asserted-Identity: <sip:alice@example\\.org>\r\n$',
    ),
  )
  t.notMatch(second!.body.toString().split('\r\n\r\n')[1], /Subject|Priority/)
  t.same(waitingFor(run).length, 2, 'a message is no older for having been told')
})

t.test('docs/protocol.md mwi.headers: initial has headers at once, off never', async t => {
  for (const [reading, expected] of [
    ['initial', [2]],
    ['off', [0]],
  ] as const) {
    const run = scenario(reading, { config: `${OFF}[mwi]\nheaders = "${reading}"\n` })
    say(run, ['one', 'two'])
    const watch = watching(run, run.bob)
    t.same(
      watch.bodies.map(body => idsIn(body).length),
      expected,
    )
    say(run, ['three'])
    run.world.pass(2000)
    t.equal(countsIn(watch.bodies.at(-1)!), '3/0 (0/0)')
    t.same(idsIn(watch.bodies.at(-1)!), reading === 'off' ? [] : ['sip:3@10.0.0.1'])
  }
})

t.test('RFC 3842 3.5, 3.8: what comes later is told with its own headers, a refresh with counts alone', async t => {
  const run = scenario('later', { config: OFF })
  const { world, bob } = run
  const watch = watching(run, bob)
  t.same(counts(watch), ['0/0 (0/0)'], 'nothing waits and nothing follows')
  t.match(watch.bodies[0], /^Messages-Waiting: no\r\n/)
  say(run, ['one'])
  world.pass(2000)
  say(run, ['two', 'three'])
  world.pass(2000)
  t.same(ids(watch), ['sip:1@10.0.0.1', 'sip:2@10.0.0.1', 'sip:3@10.0.0.1'], 'each once')
  const before = watch.told.length
  bob.act(now => watch.refresh(now, 600))
  world.pass(2000)
  t.equal(watch.status, 200)
  t.equal(watch.told.length, before + 1)
  t.equal(
    watch.bodies.at(-1),
    'Messages-Waiting: yes\r\nMessage-Account: sip:bob@example.org\r\nText-Message: 3/0 (0/0)\r\n',
  )
  bob.act(now => watch.refresh(now, 0))
  world.pass(2000)
  t.match(watch.standing, /^terminated/)
  say(run, ['four'])
  world.pass(2000)
  t.equal(watch.told.length, before + 2)
})

t.test('DM-MWI-03: a refresh right before a change is told takes nothing from its headers', async t => {
  const run = scenario('refresh before a change', { config: OFF })
  const { world, bob } = run
  const watch = watching(run, bob)
  say(run, ['one'])
  world.pass(100)
  say(run, ['two'])
  world.pass(100)
  bob.act(now => watch.refresh(now, 600))
  world.pass(2000)
  t.same(ids(watch), ['sip:1@10.0.0.1', 'sip:2@10.0.0.1'], 'each once')
  t.equal(countsIn(watch.bodies.at(-1)!), '2/0 (0/0)')
})

t.test('DM-MWI-01: nobody but the served user is told, and of nobody there is nothing to tell', async t => {
  const run = scenario('who')
  const statusOf = (phone: SimulatedPhone, options: WatchOptions) => watching(run, phone, options).status
  t.equal(statusOf(run.alice, { resource: BOB }), 403)
  t.equal(statusOf(run.alice, { resource: 'sip:nobody@example.org' }), 403, 'nor whether there is such a user')
  t.equal(statusOf(run.alice, { resource: 'sip:x@elsewhere.example' }), 403)
  t.equal(statusOf(run.alice, { resource: 'sip:10.0.0.1' }), 404)
  t.equal(statusOf(run.alice, { event: 'presence' }), 489)
  t.equal(statusOf(run.alice, { headers: [['Accept', 'text/plain']] }), 406)
  t.equal(statusOf(run.alice, { expiresS: 5 }), 423)
  t.equal(statusOf(run.alice, { expiresS: 0 }), 200)
  const stranger = run.world.phone('mallory', { password: null })
  t.equal(statusOf(stranger, { resource: BOB, from: '<sip:mallory@elsewhere.example>' }), 403)
  t.equal(statusOf(stranger, { resource: BOB, from: `<${BOB}>` }), 401)
})

t.test('RFC 3325, DM-MWI-01: by a trusted core the user that it asserts is told', async t => {
  const config = `core.route = "sip:10.0.1.9"\n[auth]\ntrusted_peers = ["10.0.1.9/32"]\n${OFF}`
  const run = scenario('core', { config })
  const core = run.world.phone('core', { address: '10.0.1.9', password: null })
  const from = '<sip:someone@example.org>'
  const asserted = (aor: string): WatchOptions => ({
    resource: aor,
    from,
    headers: [['P-Asserted-Identity', `<${aor}>`]],
  })
  t.equal(watching(run, core, { resource: BOB, from }).status, 403)
  t.equal(watching(run, core, { ...asserted(ALICE), resource: BOB }).status, 403)
  const watch = watching(run, core, asserted('sip:new@example.org'))
  t.equal(watch.status, 200, 'a user of the core who was not heard of before')
  t.same(counts(watch), ['0/0 (0/0)'])
})

t.test('DM-STO-04, DM-MWI-03: of an anonymous sender no identity is told', async t => {
  const run = scenario('anonymous', { config: OFF })
  const sent = run.alice.message({ to: BOB, body: 'x', headers: [['Privacy', 'id']] })
  run.world.until(() => sent.status === 202, 'kept')
  const body = watching(run, run.bob).bodies.at(-1)!
  t.match(body, /\r\nFrom: /)
  t.notMatch(body, /P-Asserted-Identity/)
})

t.test('DM-DLV-02: switched off, a registration pushes nothing, and who subscribed is told what waits', async t => {
  const run = scenario('registered', { config: OFF })
  const { world, bob } = run
  say(run, ['one'])
  bob.register({ isInstantMessaging: true })
  world.pass(2000)
  const watch = watching(run, bob)
  const before = watch.told.length
  bob.register({ isInstantMessaging: true })
  world.pass(2000)
  t.same(bob.phone.inbox.invites, [])
  t.same(bob.arrived, [])
  t.equal(watch.told.length, before + 1)
  t.equal(countsIn(watch.bodies.at(-1)!), '1/0 (0/0)')
})

t.test(
  'docs/protocol.md: after a push, a fetch, expiry and deletion the counts are told, and no at the end',
  async t => {
    const config = '[deferral]\ndefault_expiry_s = 600\n'
    for (const end of ['push', 'fetch', 'expiry', 'delete'] as const) {
      const run = scenario(end, { config: end === 'push' ? config : config + OFF })
      const { world, box, bob } = run
      const watch = watching(run, bob)
      say(run, ['one', 'two', 'three'])
      world.pass(2000)
      t.equal(countsIn(watch.bodies.at(-1)!), '3/0 (0/0)')
      if (end === 'push') bob.register({ isInstantMessaging: true })
      if (end === 'fetch')
        bob.act(now => new LargeCall(bob.phone, now, { to: 'sip:deferred@example.org', fetches: 'all' }))
      if (end === 'expiry') world.pass(620_000)
      if (end === 'delete')
        for (const { seq } of waitingFor(run))
          world.ask(box, 'delete', { aor: BOB, seq, at: world.clock.now().wall, detail: 'by the owner' })
      world.pass(3000)
      t.equal(
        watch.bodies.at(-1),
        'Messages-Waiting: no\r\nMessage-Account: sip:bob@example.org\r\nText-Message: 0/0 (0/0)\r\n',
        end,
      )
    }
  },
)

t.test(
  'RFC 3261 18.1.1: over UDP every NOTIFY is one datagram of 1300 octets at most, over a stream there are fewer',
  async t => {
    const notifies: Record<string, number> = {}
    for (const transport of ['udp', 'tcp'] as const) {
      const run = scenario(transport, { config: OFF, bob: { transport } })
      say(
        run,
        Array.from({ length: 90 }, (_, index) => `text ${index}`),
      )
      const watch = watching(run, run.bob)
      run.world.pass(10_000)
      t.same(
        ids(watch),
        Array.from({ length: 90 }, (_, index) => `sip:${index + 1}@10.0.0.1`),
      )
      const sizes = watch.told.map(request => encodeMessage(request).length)
      if (transport === 'udp') t.ok(Math.max(...sizes) <= 1300 && Math.max(...sizes) > 900, `${Math.max(...sizes)}`)
      notifies[transport] = sizes.length
    }
    t.ok(notifies.tcp! <= 6 && notifies.udp! > 20, JSON.stringify(notifies))
  },
)

t.test('docs/protocol.md: a mailbox that gets nearly full says so with the message that made it so', async t => {
  const run = scenario('full', { config: `[deferral]\nquota_messages = 10\nsender_share_percent = 100\n${OFF}` })
  const watch = watching(run, run.bob)
  for (let count = 1; count <= 9; count++) {
    say(run, [`text ${count}`])
    run.world.pass(1000)
  }
  const telling = watch.bodies.filter(body => body.includes('Mailbox-Usage'))
  t.equal(telling.length, 1)
  t.same(idsIn(telling[0]!), ['sip:8@10.0.0.1'])
  t.match(telling[0], /\r\nMailbox-Usage: 80%\r\n$/)
})

t.test('receipts are no messages that anybody waits for', async t => {
  const run = scenario('receipts', { config: OFF })
  const { world, alice } = run
  const body =
    'From: <sip:alice@example.org>\r\nTo: <sip:bob@example.org>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: a\r\n\r\n' +
    'Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n<imdn xmlns="urn:ietf:params:xml:ns:imdn"/>'
  const sent = alice.message({ to: BOB, body, contentType: 'message/cpim' })
  world.until(() => sent.status !== undefined, 'an answer')
  t.equal(sent.status, 202)
  t.equal(waitingFor(run).length, 1)
  const watch = watching(run, run.bob)
  t.same(counts(watch), ['0/0 (0/0)'])
})

t.test('docs/clients.md: a client that subscribes in a loop does not stop others', async t => {
  const run = scenario('loop', { config: OFF })
  const { world, alice, bob } = run
  for (let count = 0; count < 300; count++) alice.act(now => new Watch(alice.phone, now))
  world.pass(1000)
  const watch = watching(run, bob)
  t.equal(watch.status, 200)
  t.same(counts(watch), ['0/0 (0/0)'])
  world.pass(60_000)
  const granted = alice.phone.inbox.watches.filter(({ status }) => status === 200)
  t.ok(granted.length <= 40, `${granted.length}`)
})

t.test(
  'docs/protocol.md mwi.unsolicited: NOTIFY at registration and change to phones that never subscribed',
  async t => {
    const run = scenario('unsolicited', { config: `${OFF}[mwi]\nunsolicited = true\n` })
    const { world, bob } = run
    const tablet = world.phone('bob', { address: '10.0.1.77' })
    say(run, ['one'])
    world.pass(1000)
    bob.register()
    world.pass(2000)
    const [first] = bob.phone.inbox.unsolicited
    t.equal(value(first!, 'event'), 'message-summary')
    t.match(value(first!, 'subscription-state'), /^terminated/)
    t.equal(countsIn(first!.body.toString()), '1/0 (0/0)')
    tablet.register()
    world.pass(2000)
    t.equal(bob.phone.inbox.unsolicited.length, 1, 'the registration of one device is no news for the other')
    bob.register({ expiresS: 0 })
    world.pass(1000)
    const before = bob.phone.inbox.unsolicited.length
    bob.act(now => new LargeCall(bob.phone, now, { to: 'sip:deferred@example.org', fetches: 'all' }))
    world.pass(3000)
    t.equal(countsIn(tablet.phone.inbox.unsolicited.at(-1)!.body.toString()), '0/0 (0/0)')
    t.equal(bob.phone.inbox.unsolicited.length, before, 'who is away is told nothing')
    const told = tablet.phone.inbox.unsolicited.length
    watching(run, bob)
    say(run, ['two'])
    world.pass(3000)
    t.ok(tablet.phone.inbox.unsolicited.length <= told, 'whoever subscribed is told by that')
  },
)

t.test('RFC 6665: by default nobody is told who did not subscribe', async t => {
  const run = scenario('silence', { config: OFF })
  say(run, ['one'])
  run.bob.register()
  run.world.pass(2000)
  t.same(run.bob.phone.inbox.unsolicited, [])
})
