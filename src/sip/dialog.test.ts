import t from 'tap'
import { value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { parsed, requestText } from '../testing/sip-wire.ts'
import { Dialog, dialogKey } from './dialog.ts'

const INVITE = parsed(
  requestText({
    method: 'INVITE',
    seq: 4,
    headers: [
      'Contact: <sip:alice@192.0.2.10:5070>',
      'Record-Route: <sip:p1.example.org;lr>',
      'Record-Route: <sip:p2.example.org;lr>',
    ],
  }),
) as SipRequest

const answered = (...headers: string[]): SipResponse =>
  parsed(
    [
      'SIP/2.0 200 OK',
      'Via: SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK-1',
      'From: Alice <sip:alice@example.org>;tag=a1',
      'To: <sip:bob@example.org>;tag=b1',
      'Call-ID: call-1',
      'CSeq: 4 INVITE',
      ...headers,
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  ) as SipResponse

const CONTACT = 'Contact: "Bob" <sip:bob@198.51.100.2;transport=tcp>;automata'

t.test('RFC 3261 12.1.2 the caller takes the route set reversed, target and tags from the response', async t => {
  const dialog = Dialog.ofClient(
    INVITE,
    answered(CONTACT, 'Record-Route: <sip:p2.example.org;lr>, <sip:p1.example.org;lr>;x="a,b"'),
  )
  t.equal(dialog.key, dialogKey('call-1', 'a1', 'b1'))
  t.strictSame(dialog.routeSet, ['<sip:p1.example.org;lr>;x="a,b"', '<sip:p2.example.org;lr>'])
  t.equal(dialog.remoteTarget, 'sip:bob@198.51.100.2;transport=tcp')
  t.ok(dialog.isCaller)
})

t.test('RFC 3261 12.1.1 the called side takes the route set in order, and answers under its own tag', async t => {
  const dialog = Dialog.ofServer(INVITE, 'b7')
  t.equal(dialog.key, dialogKey('call-1', 'b7', 'a1'))
  t.strictSame(dialog.routeSet, ['<sip:p1.example.org;lr>', '<sip:p2.example.org;lr>'])
  t.notOk(dialog.isCaller)
  const bye = dialog.request('BYE')
  t.equal(bye.uri, 'sip:alice@192.0.2.10:5070')
  t.equal(value(bye, 'from'), '<sip:bob@example.org>;tag=b7')
  t.equal(value(bye, 'to'), 'Alice <sip:alice@example.org>;tag=a1')
  t.equal(value(bye, 'cseq'), '1 BYE')
  const bare = { ...INVITE, headers: INVITE.headers.filter(header => header.key !== 'contact') }
  t.throws(() => Dialog.ofServer(bare, 'b7'), new SipSyntaxError(400, 'Missing Contact header'))
})

t.test('RFC 3261 12.2.1.1 numbers rise by one, and an ACK has that of its INVITE', async t => {
  const dialog = Dialog.ofClient(INVITE, answered(CONTACT))
  const numbers = [dialog.request('UPDATE'), dialog.ack(4), dialog.request('BYE')].map(request =>
    value(request, 'cseq'),
  )
  t.strictSame(numbers, ['5 UPDATE', '4 ACK', '6 BYE'])
})

t.test('RFC 3261 12.2.1.1 a loose router stands in Route, a strict one in the Request-URI', async t => {
  const loose = Dialog.ofClient(INVITE, answered(CONTACT, 'Record-Route: <sip:p1.example.org;lr>'))
  t.equal(loose.nextHop, 'sip:p1.example.org;lr')
  t.equal(loose.request('BYE').uri, 'sip:bob@198.51.100.2;transport=tcp')
  t.strictSame(values(loose.request('BYE'), 'route'), ['<sip:p1.example.org;lr>'])
  const strict = Dialog.ofClient(
    INVITE,
    answered(CONTACT, 'Record-Route: <sip:p2.example.org;lr>, <sip:p1.example.org;method=INVITE;x=1?h=1>'),
  )
  const bye = strict.request('BYE')
  t.equal(bye.uri, 'sip:p1.example.org;x=1')
  t.strictSame(values(bye, 'route'), ['<sip:p2.example.org;lr>', '<sip:bob@198.51.100.2;transport=tcp>'])
})

t.test('RFC 3261 12.2.2 a lower number is out of order; gaps are not', async t => {
  const dialog = Dialog.ofServer(INVITE, 'b7')
  const asked = (seq: number): boolean => dialog.accept(parsed(requestText({ method: 'BYE', seq })) as SipRequest)
  t.strictSame([asked(9), asked(8), asked(9), asked(2 ** 31 - 1)], [true, false, true, true])
  const called = Dialog.ofClient(INVITE, answered(CONTACT))
  t.ok(called.accept(parsed(requestText({ method: 'BYE', seq: 0 })) as SipRequest), 'the first number may be any')
})

t.test('RFC 3261 12.2.1.2 the target moves, the route set stays', async t => {
  const dialog = Dialog.ofClient(INVITE, answered(CONTACT, 'Record-Route: <sip:p1.example.org;lr>'))
  dialog.retarget('sip:bob@203.0.113.9')
  t.equal(dialog.request('BYE').uri, 'sip:bob@203.0.113.9')
  t.equal(dialog.nextHop, 'sip:p1.example.org;lr')
})

t.test('RFC 3261 12.1 a peer without tag or Contact is still a peer; a malformed route set is none', async t => {
  const old = answered()
  old.headers = old.headers.map(header => (header.key === 'to' ? parsedTo() : header))
  const dialog = Dialog.ofClient(INVITE, old)
  t.equal(dialog.remoteTag, '')
  t.equal(dialog.remoteTarget, INVITE.uri)
  t.throws(() => Dialog.ofClient(INVITE, answered(CONTACT, 'Record-Route: nonsense')), /Malformed/)
})

const parsedTo = () => parsed(requestText()).headers.find(header => header.key === 'to')!
