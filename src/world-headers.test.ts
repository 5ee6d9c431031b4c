import t from 'tap'
import { value, values } from './sip-parser-lite/access.ts'
import type { SipRequest } from './sip-parser-lite/message.ts'
import { parseMessage } from './sip-parser-lite/parse.ts'
import type { MessageOptions } from './testing/phone-types.ts'
import { ALICE, BOB, CAROL, type Scenario, say, scenario, waitingFor } from './testing/scenario.ts'

/** The MESSAGE as bob gets it after it has waited, over MSRP or as SIP MESSAGE. */
function pushed(run: Scenario, options: Partial<MessageOptions>, isIm = true): SipRequest {
  const sent = run.alice.message({ to: BOB, body: 'hello', ...options })
  run.world.until(() => sent.status !== undefined, 'an answer')
  if (sent.status !== 202) throw new Error(`answered ${sent.status}`)
  run.bob.register({ isInstantMessaging: isIm })
  run.world.until(() => run.bob.arrived.length > 0, 'the message')
  return run.bob.arrived[0]!.request!
}

const stored = (run: Scenario): string =>
  waitingFor(run)
    .map(({ head }) => head!.toString('latin1'))
    .join('\n')

t.test('DM-STO-01, DM-PSH-07: every header and body comes back as it was sent', async t => {
  const multipart = '--b1\r\nContent-Type: text/plain\r\n\r\n\xff\x00 raw\r\n--b1\r\n\r\n\r\n--b1--\r\n'
  for (const isIm of [true, false]) {
    const run = scenario(`headers ${isIm}`)
    const request = pushed(
      run,
      {
        body: Buffer.from(multipart, 'latin1'),
        contentType: 'multipart/mixed;boundary=b1',
        headers: [
          ['X-Foo', 'kept  as ;it="is" \xe9'],
          ['Subject', 'carpool tomorrow?'],
          ['Priority', 'urgent'],
          ['Date', 'Mon, 31 Dec 2029 23:59:00 GMT'],
          ['Contribution-ID', 'abc-123'],
          ['Content-Language', 'en'],
        ],
      },
      isIm,
    )
    const [sent] = run.alice.sent
    t.equal(value(request, 'x-foo'), 'kept  as ;it="is" \xe9')
    t.equal(value(request, 'subject'), 'carpool tomorrow?')
    t.equal(value(request, 'priority'), 'urgent')
    t.equal(value(request, 'date'), 'Mon, 31 Dec 2029 23:59:00 GMT')
    t.equal(value(request, 'contribution-id'), 'abc-123')
    t.equal(value(request, 'content-language'), 'en')
    t.equal(value(request, 'content-type'), 'multipart/mixed;boundary=b1')
    t.equal(value(request, 'call-id'), sent?.callId)
    t.equal(value(request, 'to'), `<${BOB}>`)
    t.equal(value(request, 'from'), `<${ALICE}>;tag=${sent?.fromTag}`)
    t.same(request.body, Buffer.from(multipart, 'latin1'))
  }
})

t.test('DM-STO-02, DM-PSH-03: a message without Date gets the time at which it was received', async t => {
  const run = scenario('date')
  const request = pushed(run, {})
  t.match(value(request, 'date'), /^Tue, 01 Jan 2030 00:00:0\d GMT$/)
})

t.test('DM-STO-03: charging headers are not kept', async t => {
  const run = scenario('charging')
  const request = pushed(run, {
    headers: [
      ['P-Charging-Vector', 'icid-value=1234'],
      ['P-Charging-Function-Addresses', 'ccf=192.0.2.9'],
    ],
  })
  t.same(values(request, 'p-charging-vector'), [])
  t.same(values(request, 'p-charging-function-addresses'), [])
})

t.test('DM-STO-04: a sender who asks for privacy stays unknown in store and push', async t => {
  const run = scenario('privacy')
  const options = { from: '"Anonymous" <sip:anonymous@anonymous.invalid>' }
  const config = '[auth]\ntrusted_peers = ["10.0.9.0/24"]\n'
  const trusted = scenario('trusted privacy', { config, alice: { address: '10.0.9.1' } })
  const request = pushed(trusted, {
    ...options,
    headers: [
      ['Privacy', 'id'],
      ['P-Asserted-Identity', `<${ALICE}>`],
    ],
  })
  t.same(values(request, 'p-asserted-identity'), [])
  const trace = trusted.world.ask(trusted.box, 'trace', { id: trusted.alice.sent[0]!.callId, limit: 1 })
  t.notMatch(JSON.stringify(trace), /alice/)
  const own = run.alice.message({ to: BOB, body: 'hush', headers: [['Privacy', 'id']] })
  run.world.until(() => own.status !== undefined, 'an answer')
  t.equal(own.status, 202)
  t.notMatch(stored(run), /P-Asserted-Identity/i)
  t.equal(run.world.ask(run.box, 'trace', { id: own.callId, limit: 1 })[0]?.sender, 'anonymous')
})

t.test('RFC 3325 5: the identity that digest proved is asserted', async t => {
  const request = pushed(scenario('asserted'), {})
  t.same(values(request, 'p-asserted-identity'), [`<${ALICE}>`])
})

t.test('RFC 3325 5: what a stranger asserts is dropped, what a trusted peer asserts is kept', async t => {
  const from = '<sip:mallory@elsewhere.example>'
  const headers = [['P-Asserted-Identity', '<sip:boss@example.org>']] as const
  const stranger = pushed(scenario('stranger', { alice: { password: null } }), { from, headers })
  t.same(values(stranger, 'p-asserted-identity'), [])
  const config = '[auth]\ntrusted_peers = ["10.0.9.0/24"]\n'
  const peer = pushed(scenario('peer', { config, alice: { password: null, address: '10.0.9.1' } }), { from, headers })
  t.same(values(peer, 'p-asserted-identity'), ['<sip:boss@example.org>'])
})

t.test('RFC 3261 22: credentials are neither stored nor passed on', async t => {
  const run = scenario('credentials')
  say(run, ['first', 'second'])
  t.notMatch(stored(run), /Authorization/i)
  const request = pushed(run, { body: 'third' })
  t.same([...values(request, 'authorization'), ...values(request, 'proxy-authorization')], [])
  run.world.pass(5000)
  say(run, ['passed on'])
  t.notMatch(run.bob.arrived.map(each => JSON.stringify(each.request?.headers)).join('\n'), /authorization/i)
})

t.test('RFC 3261 22.4: a From of somebody else is refused, as are wrong passwords and unknown users', async t => {
  const run = scenario('spoofed')
  const spoofed = run.alice.message({ to: BOB, body: 'I am carol', from: `<${CAROL}>`, hasCredentials: true })
  const claimed = run.alice.message({ to: BOB, body: 'I am carol', from: `<${CAROL}>` })
  const wrong = run.world.phone('carol', { password: 'guessed' })
  const guessed = wrong.message({ to: BOB, body: 'I am carol too' })
  const nobody = run.world.phone('nobody').message({ to: BOB, body: 'I am nobody' })
  run.world.pass(5000)
  t.ok(spoofed.status === 407 || spoofed.status === 403)
  t.equal(claimed.status, 407)
  t.equal(guessed.status, 407)
  t.equal(nobody.status, 407)
  t.same(waitingFor(run), [])
})

t.test('RFC 3261 16.3: the box is no relay for strangers, by Request-URI or by Route', async t => {
  const run = scenario('relay', { alice: { password: null } })
  const from = '<sip:mallory@elsewhere.example>'
  const beyond = run.alice.message({ to: 'sip:victim@third.example', body: 'spam', from })
  const routed = run.alice.message({ to: BOB, body: 'spam', from, headers: [['Route', '<sip:10.0.5.5;lr>']] })
  let escaped = 0
  run.world.network.onTransmit = (_from, flow) => {
    if (flow.remote.address === '10.0.5.5') escaped++
  }
  run.world.pass(40_000)
  t.equal(beyond.status, 403)
  t.equal(routed.status, 403)
  t.equal(escaped, 0)
})

t.test('RFC 3261 16.3: a stranger may write to a user of ours', async t => {
  const run = scenario('stranger in', { alice: { password: null } })
  const sent = run.alice.message({ to: BOB, body: 'hi', from: '<sip:dave@elsewhere.example>' })
  const toNobody = run.alice.message({ to: 'sip:nobody@example.org', body: 'hi', from: '<sip:dave@elsewhere.example>' })
  run.world.pass(2000)
  t.equal(sent.status, 202)
  t.equal(toNobody.status, 404)
})

t.test(
  'DM-DEC-01, DM-DEC-03: storing switched off, typing notices and Expires: 0 get 603 and leave nothing',
  async t => {
    const off = scenario('off', { config: '[deferral]\nenabled = false\n' })
    t.same(say(off, ['not kept']), [603])
    const on = scenario('on')
    const typing = on.alice.message({ to: BOB, body: '<isComposing/>', contentType: 'application/im-iscomposing+xml' })
    const zero = on.alice.message({ to: BOB, body: 'now or never', headers: [['Expires', '0']] })
    on.world.pass(2000)
    t.equal(typing.status, 603)
    t.equal(zero.status, 603)
    t.match(zero.warning, /^399 /)
    t.same(waitingFor(on), [])
  },
)

t.test('DM-STO-08, 09: store ids are sip:N@hostname, unique over a restart; nobody else gets the message', async t => {
  const run = scenario('store id')
  say(run, ['one', 'two'])
  run.box.crashFor(500)
  run.world.pass(1000)
  say(run, ['three'])
  const ids = waitingFor(run).map(({ storeId }) => storeId)
  t.equal(new Set(ids).size, 3)
  for (const id of ids) t.match(id, /^sip:\d+@10\.0\.0\.1$/)
  const carol = run.world.phone('carol')
  carol.register({ isInstantMessaging: true })
  run.world.pass(60_000)
  t.same(carol.arrived, [])
})

t.test('RFC 3428 7: the 202 has no body and no Contact, but Server and Date', async t => {
  const run = scenario('202')
  let answer = ''
  run.world.network.onTransmit = (_from, _flow, bytes) => {
    if (bytes.toString('latin1').startsWith('SIP/2.0 202')) answer = bytes.toString('latin1')
  }
  say(run, ['hello'])
  const response = parseMessage(Buffer.from(answer, 'latin1'))
  t.equal(response.body.length, 0)
  t.same(values(response, 'contact'), [])
  t.match(value(response, 'server'), /^IM-serv\/OMA1\.0 /)
  t.match(value(response, 'date'), / GMT$/)
})

t.test('RFC 7616 3.4.2: a client may log in by its user name or by its whole address', async t => {
  for (const username of ['alice', 'alice@example.org', 'alice@other.example', 'bob@example.org']) {
    const run = scenario(`username ${username}`, { alice: { username } })
    run.alice.register()
    run.world.until(() => run.alice.phone.registered !== undefined, 'an answer')
    t.equal(
      run.alice.phone.registered,
      username.startsWith('alice@o') || username.startsWith('bob') ? 401 : 200,
      username,
    )
  }
})
