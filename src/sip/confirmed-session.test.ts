import t from 'tap'
import { bodyOf, headerOf, OFFER, SessionWire, sdpOfPhone } from '../testing/session-wire.ts'
import { ALICE } from '../testing/sip-wire.ts'

const CONTACT = 'Contact: <sip:alice@192.0.2.10:5070>'
const statusOf = (text: string): string => text.slice(8, 11)

t.test('RFC 3261 15.1.2 the peer hangs up: 200, and what comes later is 481', async t => {
  const peer = new SessionWire()
  peer.confirm()
  t.equal(statusOf(peer.ask('BYE')), '200')
  t.strictSame(peer.events, ['ended bye'])
  t.equal(statusOf(peer.ask('INVITE')), '481')
  peer.session?.bye(peer.wire.now)
  t.strictSame(peer.lines(), [], 'nothing is left to hang up')
})

t.test('RFC 3261 15 both hang up at once: each BYE is answered 200', async t => {
  const peer = new SessionWire()
  peer.confirm()
  peer.session?.bye(peer.wire.now)
  const [bye] = peer.texts()
  t.equal(statusOf(peer.ask('BYE')), '200')
  peer.reply(bye!, 481)
  t.strictSame(peer.events, ['ended local'])
})

t.test('RFC 3261 12.2.2 a request out of order is 500, one of another dialog 481', async t => {
  const peer = new SessionWire()
  peer.confirm()
  t.equal(statusOf(peer.ask('OPTIONS', {}, 7)), '200')
  t.equal(statusOf(peer.ask('OPTIONS', { headers: ['X: 2'] }, 6)), '500')
  t.equal(statusOf(peer.ask('BYE', { toTag: 'stranger' })), '481')
  t.equal(peer.session?.state, 'confirmed')
})

t.test(
  'RFC 3261 11, 8.2 within a session: OPTIONS is answered, other methods 405 or 501, unknown extensions 420',
  async t => {
    const peer = new SessionWire()
    peer.confirm()
    const options = peer.ask('OPTIONS')
    t.equal(headerOf(options, 'Allow'), 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE')
    t.equal(headerOf(options, 'Server'), 'IM-serv/OMA1.0 edge/1.0')
    for (const method of ['INFO', 'MESSAGE', 'REFER', 'NOTIFY']) {
      const refusal = peer.ask(method)
      t.equal(statusOf(refusal), '405', method)
      t.ok(headerOf(refusal, 'Allow'))
    }
    const strange = peer.ask('FROBNICATE', { headers: ['Require: precondition'] })
    t.equal(statusOf(strange), '501', 'RFC 3261 21.5.2, before anything else is looked at (8.2)')
    t.ok(headerOf(strange, 'Allow'))
    t.equal(statusOf(peer.ask('PRACK')), '481')
    const bad = peer.ask('UPDATE', { headers: ['Require: timer, precondition'] })
    t.equal(statusOf(bad), '420')
    t.equal(headerOf(bad, 'Unsupported'), 'precondition')
    t.equal(statusOf(peer.ask('UPDATE', { headers: ['Contact: <sip:alice'] })), '400')
    t.equal(peer.session?.state, 'confirmed')
  },
)

t.test('RFC 3261 14.2 a re-INVITE without offer gets the description that stands, until its ACK is here', async t => {
  const peer = new SessionWire()
  peer.confirm({}, { sessionExpiresS: 0 })
  const answer = peer.ask('INVITE', { headers: ['Contact: <sip:alice@198.51.100.1>'] }, 9)
  t.equal(statusOf(answer), '200')
  t.equal(bodyOf(answer), OFFER.toString())
  t.equal(headerOf(answer, 'Contact'), '<sip:im@192.0.2.1:5060>;+g.oma.sip-im;automata')
  peer.pass(3600)
  t.equal(peer.texts().filter(text => text === answer).length, 3, 'after 0.5, 1.5 and 3.5 s')
  peer.ask('ACK', {}, 8)
  peer.pass(4000)
  t.equal(peer.texts().length, 1, 'the ACK of another INVITE changes nothing')
  peer.ask('ACK', {}, 9)
  peer.pass(40_000)
  t.strictSame(peer.texts(), [])
  peer.session?.bye(peer.wire.now)
  t.match(peer.lines(), ['BYE sip:alice@198.51.100.1'], 'the remote target is the new one')
})

t.test('RFC 3261 14.2 a 2xx that is never acknowledged ends the session with a BYE', async t => {
  const peer = new SessionWire()
  peer.confirm()
  peer.ask('INVITE', { headers: [CONTACT] })
  peer.pass(32_100)
  t.match(peer.lines().at(-1), /^BYE /)
  t.strictSame(peer.events, ['ended gone'])
})

t.test('RFC 3264 8 an offer that moves nothing is answered, one that moves the stream is 488', async t => {
  const peer = new SessionWire()
  peer.confirm()
  const answer = peer.ask('INVITE', { headers: [CONTACT], body: sdpOfPhone('active', 2) })
  t.match(bodyOf(answer), 'o=- 3912345 2 IN IP4 192.0.2.1\r\n')
  t.match(bodyOf(answer), 'a=setup:passive\r\n')
  peer.ask('ACK', {}, 101)
  const again = peer.ask('UPDATE', { headers: [CONTACT], body: sdpOfPhone('actpass', 3) })
  t.equal(bodyOf(again), bodyOf(answer), 'the same answer keeps its version')
  const moved = sdpOfPhone('active', 4, 'elsewhere')
  t.equal(statusOf(peer.ask('UPDATE', { headers: [CONTACT], body: moved })), '488')
  t.equal(statusOf(peer.ask('UPDATE', { headers: [CONTACT], body: 'v=1' })), '488')
  const type = ['Content-Type: text/plain']
  t.equal(statusOf(peer.ask('UPDATE', { headers: [CONTACT, ...type], body: 'hello' })), '415')
  t.equal(peer.session?.state, 'confirmed')
})

t.test('RFC 5621 3.1 within a session the description may be one part of several', async t => {
  const peer = new SessionWire()
  peer.confirm()
  const parts = (kind: string, ...bodies: [head: string, body: string][]) => ({
    headers: [CONTACT, `Content-Type: multipart/${kind};boundary=b`],
    body: `${bodies.map(([head, body]) => `--b\r\n${head}\r\n\r\n${body}\r\n`).join('')}--b--\r\n`,
  })
  const sdp = (version: number): [string, string] => ['Content-Type: application/sdp', sdpOfPhone('active', version)]
  const note = (handling: string): [string, string] => [
    `Content-Type: text/plain\r\nContent-Disposition: render;handling=${handling}`,
    'hello',
  ]
  const answer = peer.ask('INVITE', parts('mixed', sdp(2)))
  t.equal(statusOf(answer), '200')
  t.equal(headerOf(answer, 'Content-Type'), 'application/sdp')
  t.match(bodyOf(answer), 'a=setup:passive\r\n')
  peer.ask('ACK', {}, 101)
  t.equal(statusOf(peer.ask('UPDATE', parts('mixed', note('optional'), sdp(3)))), '200')
  t.equal(statusOf(peer.ask('UPDATE', parts('alternative', note('required'), sdp(4)))), '200')
  for (const unread of [parts('mixed', sdp(5), note('required')), parts('mixed', note('required'))]) {
    const refusal = peer.ask('UPDATE', unread)
    t.equal(statusOf(refusal), '415')
    t.match(headerOf(refusal, 'Accept'), 'multipart/mixed')
  }
  t.equal(statusOf(peer.ask('UPDATE', { headers: [CONTACT], body: sdpOfPhone('active', 4) })), '200', 'as it was')
  for (const optional of [
    parts('mixed', note('optional')),
    { headers: [CONTACT, 'Content-Type: text/plain', 'Content-Disposition: render;handling=optional'], body: 'hello' },
  ]) {
    const silent = peer.ask('UPDATE', optional)
    t.same([statusOf(silent), bodyOf(silent)], ['200', ''], 'RFC 3261 20.11: no offer, and nothing that has to be read')
  }
  const other = new SessionWire()
  other.confirm(parts('mixed', note('optional'), sdp(1)))
  t.equal(
    statusOf(other.ask('UPDATE', { headers: [CONTACT], body: sdpOfPhone('active', 2) })),
    '200',
    'nor is it moved',
  )
})

t.test('DM-DLV-14, RFC 4028 10 at half time the session is refreshed, by UPDATE if the peer takes it', async t => {
  const peer = new SessionWire()
  peer.confirm({ headers: ['Allow: UPDATE', 'Session-Expires: 200;refresher=uac', 'Require: timer'] })
  peer.pass(99_900)
  t.strictSame(peer.lines(), [])
  peer.pass(200)
  const [update] = peer.texts()
  t.match(update, /^UPDATE sip:alice@192\.0\.2\.10:5070 /)
  t.equal(headerOf(update!, 'Session-Expires'), '200;refresher=uac')
  t.equal(headerOf(update!, 'Supported'), 'timer')
  t.equal(headerOf(update!, 'Content-Length'), '0')
  peer.reply(update!, 200, { headers: ['Session-Expires: 200;refresher=uac', 'Contact: <sip:moved@192.0.2.10>'] })
  peer.pass(100_100)
  t.match(peer.lines(), ['UPDATE sip:moved@192.0.2.10'])
})

t.test('DM-DLV-14 else by re-INVITE with the same description, whose 2xx is acknowledged each time', async t => {
  const peer = new SessionWire()
  peer.confirm({ headers: ['Session-Expires: 200'] })
  peer.pass(100_100)
  const [invite] = peer.texts()
  t.match(invite, /^INVITE /)
  t.equal(bodyOf(invite!), OFFER.toString())
  t.equal(headerOf(invite!, 'To'), '<sip:alice@example.org>;tag=phone')
  t.equal(statusOf(peer.ask('INVITE', { headers: [CONTACT] })), '491', 'RFC 3261 14.2')
  for (let copy = 0; copy < 2; copy++) peer.reply(invite!, 200, { headers: ['Session-Expires: 200', CONTACT] })
  const acks = peer.texts()
  t.same(
    acks.map(text => headerOf(text, 'CSeq')),
    ['2 ACK', '2 ACK'],
  )
  peer.pass(40_000)
  peer.reply(invite!, 200, { headers: [CONTACT] })
  t.match(peer.lines().at(-1), /^ACK /, 'also when its transaction is gone')
  peer.pass(60_000)
  t.match(peer.lines(), [/^INVITE /], 'and half an interval later again')
})

t.test('RFC 4028 10 a session that its peer does not refresh ends with a BYE before it expires', async t => {
  const peer = new SessionWire()
  peer.confirm({ headers: ['Session-Expires: 180;refresher=uas'] })
  peer.pass(147_900)
  t.strictSame(peer.lines(), [])
  peer.pass(200)
  t.match(peer.lines(), [/^BYE /])
  t.strictSame(peer.events, ['ended timer'])
})

t.test('RFC 4028 9 a refresh of the peer keeps the session; too short an interval is 422', async t => {
  const peer = new SessionWire()
  peer.confirm({ headers: ['Session-Expires: 180;refresher=uas'] })
  peer.pass(140_000)
  const refresh = ['Supported: timer', 'Session-Expires: 180;refresher=uac', CONTACT]
  const answer = peer.ask('UPDATE', { headers: refresh })
  t.equal(headerOf(answer, 'Session-Expires'), '180;refresher=uac')
  t.equal(headerOf(answer, 'Require'), 'timer')
  peer.pass(147_000)
  t.strictSame(peer.events, [])
  const short = peer.ask('UPDATE', { headers: ['Supported: timer', 'Session-Expires: 60', CONTACT] })
  t.equal(statusOf(short), '422')
  t.equal(headerOf(short, 'Min-SE'), '90')
  const plain = peer.ask('UPDATE', { headers: [CONTACT] })
  t.equal(headerOf(plain, 'Session-Expires'), '180;refresher=uas', 'a peer without timers is refreshed by us')
  peer.pass(91_000)
  t.match(peer.lines(), [/^INVITE /])
})

t.test('RFC 4028 7.2 an answer without Session-Expires means no timer, as does one that is malformed', async t => {
  for (const headers of [[], ['Session-Expires: soon'], ['Session-Expires: 99 99']]) {
    const peer = new SessionWire()
    peer.confirm({ headers })
    peer.pass(7_200_000)
    t.strictSame(peer.lines(), [], headers.join())
    t.equal(peer.session?.state, 'confirmed')
  }
})

t.test('RFC 4028 4 an interval below the least possible is taken as that', async t => {
  const peer = new SessionWire()
  peer.confirm({ headers: ['Session-Expires: 1', 'Allow: UPDATE'] })
  peer.pass(44_900)
  t.strictSame(peer.lines(), [])
  peer.pass(200)
  t.match(peer.lines(), [/^UPDATE /])
})

t.test('RFC 3261 14.1 after 491 the side that made the call waits 2.1 to 4 s', async t => {
  const peer = new SessionWire()
  peer.confirm({ headers: ['Session-Expires: 200'] })
  peer.pass(100_100)
  peer.reply(peer.texts()[0]!, 491)
  t.match(peer.lines(), [/^ACK /])
  peer.pass(2_090)
  t.strictSame(peer.lines(), [])
  peer.pass(1_920)
  t.match(peer.lines(), [/^INVITE /])
})

t.test('RFC 4028 7.4, 10 a refused refresh: 422 with more, 405 the other way, 481 and silence the end', async t => {
  const refreshing = (): { peer: SessionWire; update: string } => {
    const peer = new SessionWire()
    peer.confirm({ headers: ['Session-Expires: 200', 'Allow: UPDATE'] })
    peer.pass(100_100)
    return { peer, update: peer.texts()[0]! }
  }
  const small = refreshing()
  small.peer.reply(small.update, 422, { headers: ['Min-SE: 900'] })
  const larger = small.peer.texts()[0]!
  t.equal(headerOf(larger, 'Session-Expires'), '900;refresher=uac')
  t.equal(headerOf(larger, 'Min-SE'), '900')
  const other = refreshing()
  other.peer.reply(other.update, 405)
  t.match(other.peer.lines(), [/^INVITE /])
  const gone = refreshing()
  gone.peer.reply(gone.update, 481)
  t.match(gone.peer.lines(), [/^BYE /])
  t.strictSame(gone.peer.events, ['ended gone'])
  const silent = refreshing()
  silent.peer.pass(33_000)
  t.strictSame(silent.peer.events, ['ended gone'])
  const busy = refreshing()
  busy.peer.reply(busy.update, 503)
  busy.peer.pass(60_000)
  t.strictSame(busy.peer.events, [], 'any other refusal leaves the session as it is')
  busy.peer.pass(10_000)
  t.strictSame(busy.peer.events, ['ended timer'], 'until its interval is about to end')
})

t.test('a session whose flow is lost ends at its next refresh', async t => {
  const peer = new SessionWire()
  const stream = peer.wire.open({ ...ALICE, id: 'stream-1', transport: 'tcp' })
  peer.invite({ target: stream })
  const text = peer.invitation.slice(0, peer.invitation.indexOf('\r\n\r\n'))
  const kept = text.split('\r\n').filter(line => /^(Via|From|Call-ID|CSeq):/.test(line))
  const to = 'To: <sip:alice@example.org>;tag=phone'
  const expires = 'Session-Expires: 200;refresher=uac'
  peer.wire.receive(['SIP/2.0 200 OK', ...kept, to, CONTACT, expires, 'Content-Length: 0', '', ''].join('\r\n'), stream)
  t.strictSame(peer.events, ['answered 200'])
  peer.wire.transport.flowClosed(peer.wire.now, stream)
  peer.pass(101_000)
  t.strictSame(peer.events, ['answered 200', 'ended transport'])
  peer.pass(70_000)
  t.equal(peer.wire.running, '')
})
