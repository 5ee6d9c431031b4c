import t from 'tap'
import { headerOf, OFFER, SessionWire } from '../testing/session-wire.ts'
import { ALICE } from '../testing/sip-wire.ts'

const CONTACT = 'Contact: <sip:alice@192.0.2.10:5070>'

t.test('DM-DLV-03..11 the INVITE says who we are, what we take, and that we refresh', async t => {
  const peer = new SessionWire()
  const text = peer.invite({ routes: ['<sip:core.example.org;lr>'] })
  t.equal(text.split('\r\n')[0], 'INVITE sip:alice@192.0.2.10:5070 SIP/2.0')
  t.equal(headerOf(text, 'Route'), '<sip:core.example.org;lr>')
  t.equal(headerOf(text, 'Max-Forwards'), '70')
  t.match(headerOf(text, 'From'), /^<sip:store@example\.org>;tag=[a-z2-7]{16}$/)
  t.equal(headerOf(text, 'To'), '<sip:alice@example.org>')
  t.equal(headerOf(text, 'CSeq'), '1 INVITE')
  t.equal(headerOf(text, 'Contact'), '<sip:im@192.0.2.1:5060>;+g.oma.sip-im;automata')
  t.equal(headerOf(text, 'Accept-Contact'), '*;+g.oma.sip-im;require;explicit')
  t.equal(headerOf(text, 'User-Agent'), 'IM-serv/OMA1.0 edge/1.0')
  t.equal(headerOf(text, 'Allow'), 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE')
  t.equal(headerOf(text, 'Supported'), 'timer')
  t.equal(headerOf(text, 'Session-Expires'), '1800;refresher=uac')
  t.equal(headerOf(text, 'Content-Type'), 'application/sdp')
  t.ok(text.endsWith(OFFER.toString()))
})

t.test('what the caller composes stands in place of ours; no timer, no Session-Expires', async t => {
  const text = new SessionWire().invite({
    headers: [
      ['User-Agent', 'other/2'],
      ['Supported', 'eventlist'],
    ],
    sessionExpiresS: 0,
  })
  t.match(text.match(/User-Agent: .*/g), ['User-Agent: other/2'])
  t.match(text.match(/Supported: .*/g), ['Supported: eventlist'])
  t.equal(headerOf(text, 'Session-Expires'), undefined)
})

t.test('RFC 3261 13.2.2.4 a 2xx is acknowledged along the route set before its owner hears of it', async t => {
  const peer = new SessionWire()
  const invitation = peer.invite()
  peer.reply(invitation, 200, {
    headers: ['Contact: <sip:alice@phone.invalid>', 'Record-Route: <sip:p2.example.org;lr>, <sip:p1.example.org;lr>'],
  })
  const [ack] = peer.texts()
  t.equal(ack?.split('\r\n')[0], 'ACK sip:alice@phone.invalid SIP/2.0')
  t.strictSame(ack?.match(/Route: .*/g), ['Route: <sip:p1.example.org;lr>', 'Route: <sip:p2.example.org;lr>'])
  t.equal(headerOf(ack!, 'CSeq'), '1 ACK')
  t.equal(headerOf(ack!, 'To'), '<sip:alice@example.org>;tag=phone')
  t.equal(headerOf(ack!, 'Content-Length'), '0')
  t.strictSame(peer.events, ['answered 200'])
})

t.test('RFC 3261 13.2.2.4 a 2xx that comes again is acknowledged again, and its owner hears nothing', async t => {
  const peer = new SessionWire()
  const invitation = peer.invite()
  for (let copy = 0; copy < 3; copy++) peer.reply(invitation, 200, { headers: [CONTACT] })
  t.strictSame(peer.lines(), Array(3).fill('ACK sip:alice@192.0.2.10:5070'))
  peer.pass(40_000)
  peer.reply(invitation, 200, { headers: [CONTACT] })
  t.strictSame(peer.lines(), ['ACK sip:alice@192.0.2.10:5070'], 'also when its transaction is gone (RFC 6026)')
  t.strictSame(peer.events, ['answered 200'])
})

t.test('RFC 3261 13.2.2.4 after the session a 2xx is acknowledged for 32 s more, then forgotten', async t => {
  const peer = new SessionWire()
  peer.confirm()
  peer.ask('BYE')
  peer.pass(31_000)
  peer.reply(peer.invitation, 200, { headers: [CONTACT] })
  t.strictSame(peer.lines(), ['ACK sip:alice@192.0.2.10:5070'])
  t.match(peer.sessions.describe(), { active: 0, lingering: 1 })
  peer.pass(40_000)
  peer.reply(peer.invitation, 200, { headers: [CONTACT] })
  t.strictSame(peer.lines(), [])
  t.match(peer.sessions.describe(), { active: 0, lingering: 0 })
  t.equal(peer.wire.running, '', 'no timer is left')
})

t.test('RFC 3261 13.2.2.4 the 2xx of another fork is acknowledged and hung up at once', async t => {
  const peer = new SessionWire()
  const invitation = peer.invite()
  peer.reply(invitation, 200, { headers: [CONTACT] })
  peer.texts()
  peer.reply(invitation, 200, { toTag: 'tablet', headers: ['Contact: <sip:alice@192.0.2.11>'] })
  const [ack, bye] = peer.texts()
  t.match(ack, /^ACK sip:alice@192\.0\.2\.11 /)
  t.match(bye, /^BYE sip:alice@192\.0\.2\.11 /)
  t.equal(headerOf(bye!, 'To'), '<sip:alice@example.org>;tag=tablet')
  t.equal(headerOf(bye!, 'CSeq'), '2 BYE')
  t.strictSame(peer.events, ['answered 200'], 'the first stays')
  t.equal(peer.session?.state, 'confirmed')
})

t.test('a peer that answers under ever new tags is acknowledged ten times and no more', async t => {
  const peer = new SessionWire()
  const invitation = peer.invite()
  for (let fork = 0; fork < 50; fork++) peer.reply(invitation, 200, { toTag: `fork${fork}`, headers: [CONTACT] })
  t.equal(peer.texts().filter(text => text.startsWith('ACK')).length, 10)
  t.equal(peer.wire.counters.get('session_forks_dropped'), 40)
})

t.test('RFC 3261 9.1 CANCEL waits for a provisional response; 487 ends the wait', async t => {
  const peer = new SessionWire()
  const invitation = peer.invite()
  peer.session?.cancel(peer.wire.now)
  t.strictSame(peer.lines(), [])
  peer.reply(invitation, 180, { headers: [CONTACT] })
  t.strictSame(peer.lines(), ['CANCEL sip:alice@192.0.2.10:5070'])
  peer.reply(invitation, 487)
  t.strictSame(peer.lines(), ['ACK sip:alice@192.0.2.10:5070'])
  t.strictSame(peer.events, ['180', 'refused 487 Request Terminated'])
  t.match(peer.sessions.describe(), { active: 0 })
})

t.test('RFC 3261 9.1 nobody answers the cancelled INVITE: it is given up after 32 s', async t => {
  const peer = new SessionWire()
  peer.reply(peer.invite(), 180)
  peer.session?.cancel(peer.wire.now)
  peer.pass(33_000)
  t.match(peer.events[1], /^refused (487|408) /)
  t.equal(peer.events.length, 2)
})

t.test('the ring limit cancels', async t => {
  const peer = new SessionWire()
  peer.reply(peer.invite({ ringLimitS: 20 }), 180)
  peer.pass(19_900)
  t.strictSame(peer.lines(), [])
  peer.pass(200)
  t.strictSame(peer.lines(), ['CANCEL sip:alice@192.0.2.10:5070'])
})

t.test('RFC 3261 9.1, 15 a 2xx that crosses the CANCEL is acknowledged and hung up', async t => {
  const peer = new SessionWire()
  const invitation = peer.invite()
  peer.reply(invitation, 180)
  peer.session?.cancel(peer.wire.now)
  peer.texts()
  peer.reply(invitation, 200, { headers: [CONTACT] })
  t.strictSame(peer.lines(), ['ACK sip:alice@192.0.2.10:5070', 'BYE sip:alice@192.0.2.10:5070'])
  t.strictSame(peer.events, ['180', 'refused 487 Request Terminated'])
})

t.test('RFC 3261 8.1.3.1 silence is 408, a broken transport 503', async t => {
  const silent = new SessionWire()
  silent.invite()
  silent.pass(33_000)
  t.strictSame(silent.events, ['refused 408 Request Timeout'])
  const broken = new SessionWire()
  broken.invite({ target: { ...ALICE, id: 'gone', transport: 'tcp' } })
  broken.pass(10)
  t.match(broken.events, [/^refused 503 /])
  t.equal(broken.events.length, 1)
})

t.test('DM-DLV-03 a refusal of any kind is told as it came', async t => {
  for (const status of [302, 401, 407, 480, 486, 488, 503, 603]) {
    const peer = new SessionWire()
    peer.reply(peer.invite(), status)
    t.match(peer.events, [`refused ${status} `])
    t.match(peer.lines(), [/^ACK /], 'and acknowledged')
    t.match(peer.sessions.describe(), { active: 0, lingering: 1 })
  }
})

t.test('RFC 4028 7.3 422 is tried once more with its Min-SE, in the same call', async t => {
  const peer = new SessionWire()
  const first = peer.invite({ sessionExpiresS: 100 })
  peer.reply(first, 422, { headers: ['Min-SE: 600'] })
  const second = peer.texts().find(text => text.startsWith('INVITE'))!
  t.equal(headerOf(second, 'Session-Expires'), '600;refresher=uac')
  t.equal(headerOf(second, 'Min-SE'), '600')
  t.equal(headerOf(second, 'CSeq'), '2 INVITE')
  for (const name of ['Call-ID', 'From', 'To']) t.equal(headerOf(second, name), headerOf(first, name))
  t.strictSame(second.match(/^Via:/gm)?.length, 1)
  peer.reply(second, 422, { headers: ['Min-SE: 700'] })
  t.strictSame(peer.events, ['refused 422 Session Interval Too Small'])
})

t.test('DM-DLV-13 Allow and Contact are kept from provisional and final responses', async t => {
  const peer = new SessionWire()
  const invitation = peer.invite()
  peer.reply(invitation, 180, { headers: ['Allow: INVITE, BYE', 'Contact: <sip:early@192.0.2.10>'] })
  t.strictSame(peer.session?.remoteAllow, ['INVITE', 'BYE'])
  t.equal(peer.session?.remoteContact, 'sip:early@192.0.2.10')
  peer.reply(invitation, 200, { headers: ['Allow: INVITE, bye, Update', 'm: <sip:session@192.0.2.10>'] })
  t.strictSame(peer.session?.remoteAllow, ['INVITE', 'BYE', 'UPDATE'])
  t.equal(peer.session?.remoteContact, 'sip:session@192.0.2.10')
})

t.test('DM-PSH-08 our BYE goes to the Contact; its answer ends the session', async t => {
  const peer = new SessionWire()
  peer.confirm()
  peer.session?.bye(peer.wire.now)
  peer.session?.bye(peer.wire.now)
  const [bye, again] = peer.texts()
  t.match(bye, /^BYE sip:alice@192\.0\.2\.10:5070 /)
  t.equal(again, undefined)
  t.equal(headerOf(bye!, 'CSeq'), '2 BYE')
  t.strictSame(peer.events, [])
  peer.reply(bye!, 200)
  t.strictSame(peer.events, ['ended local'])
})

t.test('RFC 3261 15.1.1 a BYE that nobody answers ends the session all the same', async t => {
  const peer = new SessionWire()
  peer.confirm()
  peer.session?.bye(peer.wire.now)
  peer.pass(33_000)
  t.strictSame(peer.events, ['ended local'])
})

t.test('a 2xx whose Contact is no address is acknowledged, hung up and refused', async t => {
  for (const contact of ['<sip:alice', '<sip:alice@[1>']) {
    const peer = new SessionWire()
    peer.reply(peer.invite(), 200, { headers: [`Contact: ${contact}`] })
    t.strictSame(peer.lines(), ['ACK sip:alice@192.0.2.10:5070', 'BYE sip:alice@192.0.2.10:5070'], contact)
    t.strictSame(peer.events, ['refused 502 Malformed 2xx'])
  }
})

t.test('sessions are bounded: one too many is refused unsent', async t => {
  const peer = new SessionWire(1)
  peer.invite()
  peer.invite()
  t.equal(peer.invitation, '')
  t.strictSame(peer.events, [], 'not before invite has returned')
  peer.pass(1)
  t.strictSame(peer.events, ['refused 503 Too many sessions'])
  t.match(peer.sessions.describe(), { active: 1 })
})

t.test('RFC 3261 12.2.2 what belongs to no session is 481 if it could belong to none but a session', async t => {
  const peer = new SessionWire()
  peer.invite()
  for (const method of ['BYE', 'UPDATE', 'INFO', 'PRACK', 'INVITE'])
    t.match(peer.ask(method), /^SIP\/2\.0 481 /, method)
  peer.events.length = 0
  peer.invitation = peer.invitation.replace(/Call-ID: .*/, 'Call-ID: unknown')
  peer.ask('SUBSCRIBE')
  t.strictSame(peer.events, ['not ours: SUBSCRIBE'])
})

t.test(
  'RFC 3263 over no flow, requests of the dialog go where its route set leads, else as the INVITE went',
  async t => {
    const asked: string[] = []
    const peer = new SessionWire(10, (now, uri, done) => {
      asked.push(uri)
      done(now, asked.length > 1 ? undefined : { transport: 'udp', address: '192.0.2.99', port: 5099 })
    })
    peer.invite({ target: { transport: 'udp', address: '192.0.2.10', port: 5070 } })
    peer.reply(peer.invitation, 200, { headers: [CONTACT, 'Record-Route: <sip:core.example.org;lr>'] })
    peer.session?.bye(peer.wire.now)
    const sent = peer.wire.take().map(({ flow, text }) => `${text.split(' ')[0]} ${flow.remote.address}`)
    t.strictSame(sent, ['ACK 192.0.2.99', 'BYE 192.0.2.10'])
    t.strictSame(asked, Array(2).fill('sip:core.example.org;lr'))
  },
)
