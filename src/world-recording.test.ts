import t from 'tap'
import { parseMultipart } from './content/multipart.ts'
import { value, values } from './sip-parser-lite/access.ts'
import type { SipRequest } from './sip-parser-lite/message.ts'
import { fetchHistory, HistoryInbox } from './testing/history-inbox.ts'
import { HISTORY, recorded, recording, recordingScenario, refer } from './testing/recorded.ts'
import { ALICE, BOB, CAROL } from './testing/scenario.ts'

const TAGGED = `${HISTORY};history-type=session;filename=Team%20%2Fetc%2Fpasswd`

/** Nothing is said any more by anybody. */
const QUIET_MS = 40_000

t.test('HIS-REF-09, HIS-REF-10: 202 first, 100 Trying, then INVITE, and its answer is the last word', async t => {
  const run = recordingScenario('order')
  const referring = refer(run, run.alice)
  run.world.until(() => referring.status !== undefined, 'an answer')
  t.equal(referring.status, 202)
  t.match(value(referring.answer!, 'server'), /^IM-serv\/OMA1\.0/)
  t.equal(run.focus.focus.invites.length, 0, 'not before')
  run.world.until(() => referring.isOver, 'the last word')
  t.same(referring.progress, ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK'])
  t.equal(run.focus.focus.invites.length, 1)
})

t.test('HIS-REF-10, RFC 3515 2.4.4: what the factory says on the way is told as it comes', async t => {
  const run = recordingScenario('progress')
  run.focus.focus.factory = () => ({ status: 200, progress: [180, 183], afterMs: 3000 })
  const referring = refer(run, run.alice)
  run.world.until(() => referring.isOver, 'the last word')
  const told = ['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing', 'SIP/2.0 183 Session Progress', 'SIP/2.0 200 OK']
  t.same(referring.progress, told)
  const states = referring.told.map(notify => value(notify, 'subscription-state')!.split(';')[0])
  t.same(states, ['active', 'active', 'active', 'terminated'])
  t.equal(run.box.counters.get('recordings', 'answered'), 1)
  t.equal(run.box.counters.get('recordings', 'failed'), 0)
})

t.test('RFC 3892: Referred-By goes on with the INVITE as it was written', async t => {
  const run = recordingScenario('referred by')
  const referredBy = '"Alice" <sip:alice@example.org>;cid="20398823.2UWQFN309shb3@referrer.example"'
  recording(run, { headers: [['b', referredBy]] })
  t.same(values(run.focus.focus.invites[0]!, 'referred-by'), [referredBy])
  for (const headers of [[['Referred-By', '<sip:a@']], Array(2).fill(['Referred-By', referredBy])] as const) {
    const refused = refer(run, run.alice, { headers: headers as [string, string][] })
    run.world.until(() => refused.status !== undefined, 'an answer')
    t.equal(refused.status, 400)
  }
})

t.test('HIS-INV-01..07, HIS-REF-07: the INVITE to the Conference-factory-URI', async t => {
  const run = recordingScenario('invite')
  recording(run, { to: TAGGED })
  const [invite] = run.focus.focus.invites as [SipRequest]
  t.equal(invite.uri, `${run.factory};history-type=session;filename=Team%20%2Fetc%2Fpasswd`)
  t.match(value(invite, 'from'), new RegExp(`^<${ALICE}>;tag=`))
  t.equal(value(invite, 'accept-contact'), '*;+g.oma.sip-im;explicit')
  t.match(value(invite, 'user-agent'), /^IM-serv\/OMA1\.0/)
  t.ok(values(invite, 'allow').includes('BYE'))
  t.same(values(invite, 'supported'), ['timer'])
  t.match(value(invite, 'session-expires'), /^\d+;refresher=uac$/)
  t.match(value(invite, 'contact'), /;\+g\.oma\.sip-im/)
  const [, boundary] = /^multipart\/mixed;boundary="([^"]+)"$/.exec(value(invite, 'content-type')!)!
  const parts = parseMultipart(invite.body, boundary!)
  t.equal(parts.length, 1)
  t.same(parts[0]!.headers, [['content-type', 'application/sdp']])
  t.match(parts[0]!.body.toString(), /m=message \d+ TCP\/MSRP \*\r\n.*a=recvonly\r\na=accept-types:\*\r\n/s)
})

t.test('HIS-INV-08..10, HIS-STO-04: what is said is kept as it came, with who was there and all headers', async t => {
  const run = recordingScenario('whole')
  const { world, focus } = run
  focus.focus.factory = () => ({
    status: 200,
    headers: [
      ['X-Room', 'seven'],
      ['Subject', 'weekly'],
    ],
  })
  focus.join(BOB, 'Bob & co')
  const { member } = recording(run, { to: TAGGED })
  world.pass(100)
  const [subscribe] = focus.focus.roster.subscribes as [SipRequest]
  t.equal(value(subscribe, 'event'), 'conference')
  t.equal(subscribe.uri, focus.focus.room)
  t.equal(value(subscribe, 'accept-contact'), '*;+g.oma.sip-im;explicit', 'HIS-INV-01')
  t.same(values(subscribe, 'supported'), ['timer'], 'HIS-INV-03: in all initial requests')
  t.ok(values(subscribe, 'allow').includes('BYE'), 'HIS-INV-02')
  t.match(value(subscribe, 'user-agent'), /^IM-serv\/OMA1\.0/, 'HIS-INV-02')
  t.equal(value(subscribe, 'to'), `<${focus.focus.room.replace(/:\d+$/, '')}>`, 'RFC 3261 19.1.1')
  focus.say(BOB, 'hello')
  focus.join(CAROL)
  focus.say(CAROL, Buffer.from([0, 13, 10, 255, 45, 45, 45]), 'application/octet-stream')
  focus.say(BOB, Buffer.alloc(9000, 'long '), 'message/cpim')
  world.pass(1000)
  focus.leave(BOB)
  world.pass(1000)
  t.ok(member.outcomes.length === 3 && member.outcomes.every(outcome => 'status' in outcome && outcome.status === 200))
  t.match(recorded(run), [{ entry: { state: 'open', kind: 'session', role: 'recorder' } }])
  focus.end()
  world.pass(QUIET_MS)
  const [item, ...others] = recorded(run)
  t.same(others, [])
  t.match(item!.entry, {
    state: 'whole',
    kind: 'session',
    role: 'recorder',
    recordingName: 'Team _etc_passwd',
    from: ALICE,
    assertedIdentity: ALICE,
    to: run.factory,
    peer: focus.focus.room,
    count: item!.sends.length,
  })
  const wire = focus.focus.wireTo(member)
  t.ok(wire.length >= 7, `${wire.length} SENDs, chunks among them`)
  t.same(item!.sends, wire, 'octet for octet, in order')
  const { invite, answer, bye } = item!.heads
  t.match(invite?.toString('latin1'), /^INVITE sip:factory@.*\r\nFrom: /s)
  t.match(answer?.toString('latin1'), /^SIP\/2\.0 200 OK\r\n.*\r\nX-Room: seven\r\nSubject: weekly\r\n/s)
  t.match(bye?.toString('latin1'), /^BYE sip:im@10\.0\.0\.1.*\r\n$/s)
  t.notMatch(bye?.toString('latin1'), /\r\n\r\n/)
  const [alice, bob, carol] = ['alice', 'bob', 'carol'].map(name =>
    item!.participants.find(({ uri }) => uri.includes(name)),
  )
  t.ok(alice, 'the recorder is there by the name of its initiator')
  t.match(bob, { uri: BOB, displayName: 'Bob & co' })
  t.ok(bob!.leftAt! > bob!.joinedAt)
  t.match(carol, { uri: CAROL })
  t.ok(carol!.joinedAt >= bob!.joinedAt)
})

t.test('RFC 6135 4.2: whoever connects, everything is recorded', async t => {
  for (const setup of ['active', 'passive', 'none'] as const) {
    const run = recordingScenario(`setup ${setup}`)
    run.focus.focus.factory = () => ({ status: 200, setup })
    const { member } = recording(run)
    for (const text of ['one', 'two', 'three']) run.focus.say(BOB, text)
    run.world.pass(2000)
    run.focus.end()
    run.world.pass(2000)
    const [item] = recorded(run)
    const wire = run.focus.focus.wireTo(member).filter(send => send.includes('Content-Type'))
    t.equal(wire.length, 3)
    t.same(
      item?.sends.filter(send => send.includes('Content-Type')),
      wire,
      setup,
    )
  }
})

t.test('a recording is ended by REFER with method=BYE of its initiator, and by nobody else', async t => {
  const run = recordingScenario('refer bye')
  const { world, focus, alice, bob, factory } = run
  const { member } = recording(run, { to: TAGGED })
  focus.say(BOB, 'first')
  world.pass(1000)
  const byBob = refer(run, bob, { referTo: `<${factory};method=BYE>` })
  const otherName = refer(run, alice, { to: `${HISTORY};filename=x`, referTo: `<${factory};method=BYE>` })
  world.until(() => byBob.status !== undefined && otherName.status !== undefined, 'answers')
  t.equal(byBob.status, 404)
  t.equal(otherName.status, 404)
  t.notOk(member.ended)
  const stop = refer(run, alice, { referTo: `<${focus.focus.room};method=BYE>` })
  world.until(() => stop.isOver, 'stopped')
  t.equal(stop.status, 202)
  t.same(stop.progress, ['SIP/2.0 100 Trying', 'SIP/2.0 200 OK'])
  t.equal(member.ended, 'bye')
  t.match(recorded(run), [{ entry: { state: 'whole', count: 1 }, heads: { bye: Buffer } }])
  world.pass(QUIET_MS)
  t.notOk(focus.focus.roster.isWatched, 'unsubscribed')
})

t.test('RFC 4028: a long recording refreshes its session; history.recording_max_s ends it, cut short', async t => {
  const run = recordingScenario('long', { history: 'recording_max_s = 7200' })
  const { world, focus } = run
  const { member } = recording(run)
  world.pass(7_100_000)
  focus.say(BOB, 'late')
  world.pass(1000)
  t.notOk(member.ended, 'two hours, over two session intervals')
  world.pass(100_000)
  t.equal(member.ended, 'bye')
  t.match(recorded(run), [{ entry: { state: 'cut short', count: 1 } }])
})

t.test('HIS-INV-07: an initiator who asked for privacy is listed as nobody', async t => {
  const run = recordingScenario('privacy')
  recording(run, { headers: [['Privacy', 'id']] })
  const [invite] = run.focus.focus.invites as [SipRequest]
  t.equal(value(invite, 'privacy'), 'id')
  t.notMatch(value(invite, 'p-asserted-identity'), /alice/)
  run.focus.end()
  run.world.pass(2000)
  const [item] = recorded(run)
  t.match(item!.entry, { from: 'anonymous', isAnonymous: true })
  t.equal(item!.entry.assertedIdentity, undefined)
})

t.test('HIS-INV-10: behind a core the INVITE and the SUBSCRIBE go by its route', async t => {
  const run = recordingScenario('core', { config: '[core]\nroute = "sip:10.0.2.9;lr"\n' })
  const core = run.world.focus('10.0.2.9')
  const referring = refer(run, run.alice)
  run.world.until(() => referring.isOver && core.focus.roster.isWatched, 'the recording has begun')
  const [invite] = core.focus.invites as [SipRequest]
  t.equal(invite.uri, run.factory)
  t.equal(value(invite, 'route'), '<sip:10.0.2.9;lr>')
  t.equal(value(core.focus.roster.subscribes[0]!, 'route'), '<sip:10.0.2.9;lr>')
  t.equal(run.focus.focus.invites.length, 0)
})

t.test('RFC 3263 4.3: a factory server that is not there is passed over for the next', async t => {
  const run = recordingScenario('servers')
  const server = (priority: number, name: string) => ({ kind: 'SRV' as const, priority, weight: 1, port: 5060, name })
  run.box.dns.set('SRV _sip._tcp.conf.example.net', [server(1, 'dead.example.net'), server(2, 'live.example.net')])
  run.box.dns.set('A dead.example.net', [{ kind: 'A', address: '10.0.9.9' }])
  run.box.dns.set('A live.example.net', [{ kind: 'A', address: run.focus.address }])
  const { member } = recording(run, { referTo: '<sip:factory@conf.example.net;transport=tcp>' })
  run.focus.say(BOB, 'heard')
  run.world.pass(1000)
  run.focus.end()
  run.world.pass(2000)
  t.same(recorded(run)[0]?.sends, run.focus.focus.wireTo(member))
})

const SECURE = { listen: 'sip_tls = "10.0.0.1:5061"\nmsrp_tls = "10.0.0.1:2856"' }

t.test(
  'RFC 4975 14.4: a factory over TLS is recorded over TLS, whoever connects, by its fingerprint alone',
  async t => {
    for (const setup of ['active', 'passive'] as const) {
      const run = recordingScenario(`secure ${setup}`, SECURE)
      run.focus.focus.factory = () => ({ status: 200, setup })
      const { member } = recording(run, { referTo: `<${run.factory};transport=tls>` })
      t.match(member.remotePath, /^msrps:/)
      run.focus.say(BOB, 'secret')
      run.world.pass(1000)
      run.focus.end()
      run.world.pass(2000)
      const [item] = recorded(run)
      t.equal(item?.sends.length, 1)
      t.same(item?.sends, run.focus.focus.wireTo(member).slice(-1), setup)
    }
  },
)

t.test('RFC 4975 14.4: a focus that shows another certificate is not recorded, and nothing stays open', async t => {
  for (const setup of ['active', 'passive'] as const) {
    const run = recordingScenario(`lie ${setup}`, SECURE)
    const fingerprint = `sha-256 ${Array.from({ length: 32 }, () => '00').join(':')}`
    run.focus.focus.factory = () => ({ status: 200, setup, fingerprint })
    const referring = refer(run, run.alice, { referTo: `<${run.factory};transport=tls>` })
    run.world.until(() => referring.isOver, 'the last word')
    run.focus.say(BOB, 'secret')
    run.world.pass(120_000)
    t.equal(run.focus.members.length, 0, 'hung up on')
    t.match(recorded(run), [{ entry: { state: 'interrupted', count: 0 } }], setup)
  }
})

t.test('HIS-INV-07, HIS-INV-10: a user whom the core asserts, and who is anonymous to all others', async t => {
  const config = '[auth]\ntrusted_peers = ["10.0.1.1/32"]\n[core]\nroute = "sip:10.0.2.9;lr"\n'
  const run = recordingScenario('asserted', { config })
  const core = run.world.focus('10.0.2.9')
  const zoe = 'sip:zoe@example.org'
  const from = '"Anonymous" <sip:anonymous@anonymous.invalid>'
  const unasserted = refer(run, run.alice, { from, headers: [['Privacy', 'id']] })
  run.world.until(() => unasserted.status !== undefined, 'an answer')
  t.equal(unasserted.status, 403, 'HIS-REF-01: without P-Asserted-Identity')
  const referring = refer(run, run.alice, {
    from,
    headers: [
      ['P-Asserted-Identity', `<${zoe}>`],
      ['Privacy', 'id'],
    ],
  })
  run.world.until(() => referring.isOver, 'the last word')
  t.equal(referring.progress.at(-1), 'SIP/2.0 200 OK')
  const [invite] = core.focus.invites as [SipRequest]
  t.match(value(invite, 'from'), /^<sip:anonymous@anonymous\.invalid>;tag=/)
  t.notOk(
    invite.headers.some(({ value: text }) => text.includes('zoe')),
    'nothing says who it is',
  )
  core.say(BOB, 'heard')
  run.world.pass(1000)
  core.end()
  run.world.pass(2000)
  t.match(recorded(run, zoe), [{ entry: { state: 'whole', from: 'anonymous', isAnonymous: true, count: 1 } }])
})

t.test('HIS-DLV-05, 06: what was recorded is given back as it was said', async t => {
  const run = recordingScenario('given back')
  const { world, focus, alice } = run
  recording(run)
  for (const text of ['one', 'two', 'three']) focus.say(BOB, text)
  world.pass(1000)
  focus.end()
  world.pass(3000)
  const inbox = new HistoryInbox(alice)
  t.equal(fetchHistory(run, alice).status, 200)
  const [item, ...others] = inbox.items
  t.same(others, [])
  const said = ['one', 'two', 'three'].map(text => `${BOB}: ${text}`)
  t.same(
    item?.sends.map(({ body }) => body.toString()),
    said,
  )
})

t.test(
  'RFC 4575 4.6: a conference that is told to be no more is unsubscribed from, and what is said is still recorded',
  async t => {
    const run = recordingScenario('deleted')
    const { world, focus } = run
    focus.join(BOB)
    recording(run)
    world.pass(1000)
    const { roster } = focus.focus
    t.ok(roster.isWatched)
    const deleted =
      '<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:room@10.0.2.3" state="deleted" version="9"/>'
    focus.act(now => roster.tell(now, deleted))
    world.pass(1000)
    t.notOk(roster.isWatched, 'the last NOTIFY, which names bob once more, counts for nothing')
    focus.say(BOB, 'still here')
    world.pass(1000)
    focus.end()
    world.pass(QUIET_MS)
    const [item] = recorded(run)
    t.equal(item!.entry.state, 'whole')
    t.ok(item!.sends.some(send => send.includes('still here')))
    t.ok(item!.participants.find(({ uri }) => uri === BOB)!.leftAt! < world.clock.now().wall - QUIET_MS)
    t.equal(roster.subscribes.length, 1, 'nor asked for again')
  },
)
