import t from 'tap'
import { field } from '../sip-parser-lite/names.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { ANSWER, CALLER_CONTACT, CallerWire, sdpOfCaller } from '../testing/caller-wire.ts'
import { bodyOf, headerOf, sdpOfPhone } from '../testing/session-wire.ts'
import { exampleRequest } from '../testing/sip-examples.ts'
import { ALICE, inbound } from '../testing/sip-wire.ts'
import { acceptRefusal } from './accepted-session.ts'

const statusOf = (text: string): string => text.slice(8, 11)

t.test('DM-INV-04..09, RFC 3261 13.3.1.4 the 200 says who answers, what it takes and for how long', async t => {
  const caller = new CallerWire()
  caller.ring({ headers: [CALLER_CONTACT, 'Record-Route: <sip:p2;lr>', 'Record-Route: <sip:p1;lr>'] })
  const answer = caller.accept()
  t.equal(statusOf(answer), '200')
  t.match(headerOf(answer, 'To'), /^<sip:bob@example\.org>;tag=[a-z2-7]{16}$/)
  t.equal(headerOf(answer, 'From'), '<sip:alice@example.org>;tag=c1')
  t.equal(headerOf(answer, 'CSeq'), '1 INVITE')
  t.equal(headerOf(answer, 'Server'), 'IM-serv/OMA1.0 edge/1.0')
  t.match(headerOf(answer, 'Date'), /GMT$/)
  t.equal(headerOf(answer, 'Contact'), '<sip:im@192.0.2.1:5060>;automata')
  t.equal(headerOf(answer, 'Allow'), 'INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE')
  t.equal(headerOf(answer, 'Supported'), 'timer')
  t.equal(headerOf(answer, 'P-Asserted-Identity'), '<sip:store@example.org>')
  t.strictSame(answer.match(/Record-Route: .*/g), ['Record-Route: <sip:p2;lr>', 'Record-Route: <sip:p1;lr>'])
  t.equal(headerOf(answer, 'Session-Expires'), '1800;refresher=uas', 'a caller without timers is refreshed by us')
  t.equal(headerOf(answer, 'Require'), undefined)
  t.equal(headerOf(answer, 'Content-Type'), 'application/sdp')
  t.equal(bodyOf(answer), ANSWER.toString())
})

t.test('what the owner adds stands in place of ours', async t => {
  const caller = new CallerWire()
  caller.ring()
  const answer = caller.accept({ headers: [['Server', 'other/1']] })
  t.strictSame(answer.match(/Server: .*/g), ['Server: other/1'])
})

t.test('RFC 3261 13.3.1.4 the 200 goes out until its ACK, on any transport; then the session is confirmed', async t => {
  for (const flow of [ALICE, inbound('s1')]) {
    const caller = new CallerWire()
    if (flow !== ALICE) caller.wire.open(flow)
    caller.ring({ flow })
    const first = caller.accept()
    caller.pass(3600)
    t.strictSame(caller.texts(), [first, first, first], 'after 0.5, 1.5 and 3.5 s')
    t.strictSame(caller.events, [])
    t.equal(caller.session?.state, 'answered')
    caller.ack({ flow })
    caller.ack({ flow })
    t.strictSame(caller.events, ['confirmed'])
    t.equal(caller.session?.state, 'confirmed')
    caller.pass(40_000)
    t.strictSame(caller.texts(), [])
  }
})

t.test('RFC 6026 7.1 a retransmitted INVITE is no second call', async t => {
  const caller = new CallerWire()
  caller.ring()
  caller.accept()
  caller.transaction = undefined
  caller.ring()
  caller.ack()
  caller.ring()
  t.equal(caller.transaction, undefined)
  t.match(caller.sessions.describe(), { active: 1 })
})

t.test('RFC 3261 13.3.1.4 without ACK it is hung up after 32 s', async t => {
  const caller = new CallerWire()
  caller.ring()
  caller.accept()
  caller.pass(31_900)
  t.notOk(caller.lines().some(line => line.startsWith('BYE')))
  caller.pass(200)
  t.match(caller.lines().at(-1), /^BYE sip:alice@192\.0\.2\.10:5070/)
  t.strictSame(caller.events, ['ended gone'])
  caller.pass(70_000)
  t.equal(caller.wire.running, '')
  t.match(caller.sessions.describe(), { active: 0, lingering: 0 })
})

t.test('an ACK with other tags or another number confirms nothing', async t => {
  const caller = new CallerWire()
  caller.ring()
  caller.accept()
  caller.ack({ fromTag: 'stranger' })
  caller.ack({ toTag: 'stranger' })
  caller.ack({ seq: 2 })
  t.strictSame(caller.events, [])
  t.equal(statusOf(caller.ask('BYE', { fromTag: 'stranger' })), '481')
  t.equal(statusOf(caller.ask('BYE', { callId: 'other' })), '481')
  caller.ack()
  t.strictSame(caller.events, ['confirmed'])
})

t.test('RFC 3261 15 our BYE waits for the ACK', async t => {
  const caller = new CallerWire()
  caller.ring()
  caller.accept()
  caller.session?.bye(caller.wire.now)
  t.strictSame(caller.lines(), [])
  caller.ack()
  const [bye] = caller.texts()
  t.match(bye, /^BYE sip:alice@192\.0\.2\.10:5070 /)
  t.equal(headerOf(bye!, 'CSeq'), '1 BYE')
  t.match(headerOf(bye!, 'From'), /^<sip:bob@example\.org>;tag=/)
  t.equal(headerOf(bye!, 'To'), '<sip:alice@example.org>;tag=c1')
  caller.reply(bye!, 200)
  t.strictSame(caller.events, ['confirmed', 'ended local'])
})

t.test('RFC 3261 15 or for it to be clear that there will be none', async t => {
  const caller = new CallerWire()
  caller.ring()
  caller.accept()
  caller.session?.bye(caller.wire.now)
  caller.pass(32_100)
  t.match(caller.lines().at(-1), /^BYE /)
  caller.pass(33_000)
  t.strictSame(caller.events, ['ended local'])
})

t.test('RFC 3261 15.1.2 the caller hangs up, before or after its ACK', async t => {
  const early = new CallerWire()
  early.ring()
  early.accept()
  t.equal(statusOf(early.ask('BYE')), '200')
  early.pass(40_000)
  t.strictSame(early.lines(), [], 'the 200 to the INVITE is repeated no more')
  t.strictSame(early.events, ['ended bye'])
  const late = new CallerWire()
  late.confirm()
  t.equal(statusOf(late.ask('BYE')), '200')
  t.strictSame(late.events, ['ended bye'])
  t.equal(statusOf(late.ask('BYE')), '481')
})

t.test('RFC 3261 15 both hang up at once: each BYE is answered', async t => {
  const caller = new CallerWire()
  caller.confirm()
  caller.session?.bye(caller.wire.now)
  const [bye] = caller.texts()
  t.equal(statusOf(caller.ask('BYE')), '200')
  caller.reply(bye!, 200)
  t.strictSame(caller.events, ['ended local'])
})

t.test('DM-INV-02, RFC 3261 12.1.1 requests of ours go along the route set to the Contact', async t => {
  const asked: string[] = []
  const caller = new CallerWire(10, (now, uri, done) => {
    asked.push(uri)
    done(now, { transport: 'udp', address: '192.0.2.77', port: 5060 })
  })
  const routes = ['Record-Route: <sip:p2.example.org;lr>, <sip:p1.example.org;lr>']
  caller.ring({ headers: ['Contact: <sip:alice@phone.example.org>', ...routes] })
  caller.accept()
  caller.ack()
  caller.session?.bye(caller.wire.now)
  const [bye] = caller.wire.take().filter(({ text }) => text.startsWith('BYE'))
  t.equal(bye?.flow.remote.address, '192.0.2.77')
  t.strictSame(asked, ['sip:p2.example.org;lr'])
  t.match(bye?.text, /^BYE sip:alice@phone\.example\.org /)
  t.strictSame(
    bye?.text.match(/^Route: .*/gm)?.map(line => line.trim()),
    ['Route: <sip:p2.example.org;lr>', 'Route: <sip:p1.example.org;lr>'],
  )
  t.equal(caller.session?.remoteContact, 'sip:alice@phone.example.org')
})

t.test('RFC 7118 5, RFC 5626 a browser is reached over its connection, whatever its Contact says', async t => {
  const asked: string[] = []
  const caller = new CallerWire(10, (now, uri, done) => {
    asked.push(uri)
    done(now, undefined)
  })
  const flow = caller.wire.open(inbound('s1'))
  caller.ring({ flow, headers: ['Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>'] })
  caller.accept()
  caller.ack({ flow })
  caller.texts()
  caller.session?.bye(caller.wire.now)
  const [bye] = caller.wire.take()
  t.equal(bye?.flow.id, 's1')
  t.match(bye?.text, /^BYE sip:alice@df7jal23ls0d\.invalid;transport=ws /)
  t.strictSame(asked, [])
})

t.test('RFC 3261 12.1.1, RFC 4028 9 what cannot be accepted gets the failure that says why', async t => {
  const cases: [headers: string[], status: string, header?: [string, string]][] = [
    [[], '400'],
    [['Contact: <sip:alice'], '400'],
    [['Contact: *'], '400'],
    [['Contact: <mailto:alice@example.org>'], '400'],
    [[CALLER_CONTACT, 'Record-Route: <sip:p'], '400'],
    [[CALLER_CONTACT, 'Supported: timer', 'Session-Expires: 89'], '422', ['Min-SE', '90']],
  ]
  for (const [headers, status, header] of cases) {
    const caller = new CallerWire()
    caller.ring({ headers })
    const answer = caller.accept()
    t.equal(statusOf(answer), status, headers.join())
    t.ok(headerOf(answer, 'Server'))
    if (header) t.equal(headerOf(answer, header[0]), header[1])
    t.strictSame(caller.events, [], 'not before accept has returned')
    caller.session?.bye(caller.wire.now)
    caller.pass(1)
    t.strictSame(caller.events, ['ended refused'])
    t.match(caller.sessions.describe(), { active: 0, lingering: 0 })
  }
})

t.test('RFC 3261 9.2 an INVITE that was cancelled meanwhile is not accepted any more', async t => {
  const caller = new CallerWire()
  caller.ring()
  caller.ask('CANCEL', { seq: 1, toTag: '', via: ['SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bKINVITE1call-1'] })
  t.equal(caller.accept(), '')
  caller.pass(1)
  t.strictSame(caller.events, ['ended refused'])
})

t.test('RFC 4028 9 the caller refreshes if it can, and when it does not the session ends', async t => {
  const caller = new CallerWire()
  caller.confirm(['Supported: timer', 'Session-Expires: 180'])
  t.equal(headerOf(caller.answer, 'Session-Expires'), '180;refresher=uac')
  t.equal(headerOf(caller.answer, 'Require'), 'timer')
  caller.pass(140_000)
  const refresh = ['Supported: timer', 'Session-Expires: 180;refresher=uac', CALLER_CONTACT]
  const again = caller.ask('INVITE', { headers: refresh, body: sdpOfCaller() })
  t.equal(statusOf(again), '200')
  t.equal(bodyOf(again), ANSWER.toString(), 'the description stands')
  caller.ask('ACK', { seq: 11 })
  caller.pass(147_900)
  t.strictSame(caller.lines(), [])
  caller.pass(200)
  t.match(caller.lines(), [/^BYE /])
  t.strictSame(caller.events, ['ended timer'])
})

t.test('RFC 4028 9 else we refresh, by UPDATE where the caller takes it, and end when nobody answers', async t => {
  const caller = new CallerWire()
  caller.confirm(['Allow: INVITE, UPDATE', 'Session-Expires: 200'])
  t.equal(headerOf(caller.answer, 'Session-Expires'), '200;refresher=uas')
  caller.pass(100_100)
  const [update] = caller.texts()
  t.match(update, /^UPDATE sip:alice@192\.0\.2\.10:5070 /)
  t.equal(headerOf(update!, 'Session-Expires'), '200;refresher=uac')
  caller.reply(update!, 200, ['Session-Expires: 200;refresher=uac'])
  caller.pass(100_100)
  t.match(caller.lines(), [/^UPDATE /])
  caller.pass(33_000)
  t.strictSame(caller.events, ['ended gone'])
})

t.test('RFC 4028 9 and by re-INVITE where it does not; its 2xx is acknowledged each time', async t => {
  const caller = new CallerWire()
  caller.confirm(['Session-Expires: 200;refresher=uas', 'Supported: timer'])
  t.equal(headerOf(caller.answer, 'Session-Expires'), '200;refresher=uas')
  caller.pass(100_100)
  const [invite] = caller.texts()
  t.match(invite, /^INVITE /)
  t.equal(bodyOf(invite!), ANSWER.toString())
  caller.reply(invite!, 200, [CALLER_CONTACT, 'Session-Expires: 200'])
  t.match(caller.lines(), [/^ACK /])
  caller.pass(40_000)
  caller.reply(invite!, 200, [CALLER_CONTACT])
  t.match(caller.lines(), [/^ACK /], 'also when its transaction is gone')
})

t.test('RFC 3264 8 within the session: an offer that stops or moves the stream is 488', async t => {
  const caller = new CallerWire()
  caller.confirm()
  const offer = (body: string): string => statusOf(caller.ask('UPDATE', { headers: [CALLER_CONTACT], body }))
  t.equal(offer(sdpOfCaller(2)), '200')
  t.equal(offer(sdpOfCaller(3, 'elsewhere')), '488')
  t.equal(offer(sdpOfPhone('active', 4, 'caller')), '488', 'the caller sends no more')
  t.equal(caller.session?.state, 'confirmed')
})

t.test('an offer within a larger body is told by the owner', async t => {
  const caller = new CallerWire()
  caller.ring({ body: '--x\r\n...' })
  caller.accept({ remoteSdp: Buffer.from(sdpOfCaller()) })
  caller.ack()
  t.equal(statusOf(caller.ask('UPDATE', { headers: [CALLER_CONTACT], body: sdpOfCaller() })), '200')
})

t.test('RFC 3261 12.1.1 the answer has a tag of its own, each call another', async t => {
  const tags = new Set<string | undefined>()
  const caller = new CallerWire()
  for (const callId of ['one', 'two', 'three']) {
    caller.session = undefined
    caller.ring({ callId })
    caller.transaction!.respond(caller.wire.now, responseTo(caller.transaction!.request, 180, undefined, 'phone'))
    caller.texts()
    tags.add(/tag=(\S+)/.exec(headerOf(caller.accept(), 'To')!)?.[1])
    caller.ack({ callId })
  }
  t.equal(tags.size, 3)
  t.notOk(tags.has('phone'))
  t.strictSame(caller.events, Array(3).fill('confirmed'))
})

t.test('a full table: who never acknowledged makes room, and is hung up on should the ACK come', async t => {
  const caller = new CallerWire(2)
  caller.confirm()
  caller.session = undefined
  caller.ring({ callId: 'silent' })
  caller.accept()
  const silent = caller.session!
  caller.session = undefined
  caller.ring({ callId: 'third' })
  t.equal(statusOf(caller.accept()), '200')
  t.strictSame(caller.events, ['ended gone'])
  t.equal(caller.wire.counters.get('sessions_displaced'), 1)
  caller.ack({ callId: 'third' })
  t.equal(statusOf(caller.ask('UPDATE', { callId: 'silent', toTag: silent.localTag })), '481')
  caller.ack({ callId: 'silent', toTag: silent.localTag })
  t.match(caller.lines(), [/^BYE /])
  t.strictSame(caller.events, ['ended gone', 'confirmed'])
  caller.session = undefined
  caller.ring({ callId: 'fourth' })
  t.equal(statusOf(caller.accept()), '503', 'those who did acknowledge stay')
  caller.pass(1)
  t.strictSame(caller.events, ['ended gone', 'confirmed', 'ended refused'])
})

t.test('a session that gave its place up is refreshed no more', async t => {
  const caller = new CallerWire(1)
  caller.ring({ callId: 'silent' })
  caller.accept()
  caller.session = undefined
  caller.ring({ callId: 'next', headers: [CALLER_CONTACT, 'Supported: timer', 'Session-Expires: 7200'] })
  caller.accept()
  caller.ack({ callId: 'next' })
  caller.pass(1_000_000)
  t.strictSame(caller.lines(), [])
})

t.test('RFC 3261 12.2.2 an INVITE of another dialog is not accepted as a new one', async t => {
  const request = exampleRequest('INVITE', 'sip:bob@example.org', [CALLER_CONTACT])
  t.equal(acceptRefusal(request), undefined)
  request.headers = request.headers.map(header =>
    header.key === 'to' ? field('To', '<sip:bob@example.org>;tag=x') : header,
  )
  t.match(acceptRefusal(request), { status: 481 })
})
