import t from 'tap'
import { SipSyntaxError } from './message.ts'
import * as typed from './typed.ts'

const refused = (read: () => unknown): string => {
  try {
    read()
  } catch (error) {
    if (error instanceof SipSyntaxError) return `${error.status} ${error.message}`
    throw error
  }
  return 'accepted'
}

const plain = (params: typed.Params): Record<string, unknown> => Object.fromEntries(params)

t.test('RFC 3261 20.42: Via', async t => {
  const via = typed.parseVia('sip / 2.0 / tcp  Host.Example.ORG : 5061 ;Branch=z9hG4bKx;rport; received = 2001:db8::1')
  t.match(via, { protocol: 'SIP/2.0', transport: 'TCP', host: 'host.example.org', port: 5061 })
  t.same(plain(via.params), { branch: 'z9hG4bKx', rport: undefined, received: '2001:db8::1' })
  t.equal(typed.parseVia('SIP/2.0/UDP [2001:DB8::1]:5070').host, '2001:db8::1')
  t.notOk('port' in typed.parseVia('SIP/2.0/UDP a'))
  const bad = [
    '',
    'SIP/2.0/UDP',
    'SIP/2.0 UDP a',
    'SIP/2.0/UDPa',
    'SIP/2.0/UDP a:',
    'SIP/2.0/UDP a:0',
    'SIP/2.0/UDP a:65536',
  ]
  const worse = [
    'SIP/2.0/UDP a;',
    'SIP/2.0/UDP a;=1',
    'SIP/2.0/UDP a;b=',
    'SIP/2.0/UDP a;b;B',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP [::1',
  ]
  for (const value of [...bad, ...worse, 'SIP/2.0/UDP [1::2::3]', 'SIP/2.0/UDP a, SIP/2.0/UDP b', '/2.0/UDP a'])
    t.equal(
      refused(() => typed.parseVia(value)),
      '400 Malformed Via header',
      value,
    )
})

t.test('RFC 3261 20.10: addresses with and without name and brackets', async t => {
  const quoted = typed.parseNameAddr('"A \\"B\\" \\\\C" <sip:alice@example.org;lr?h=v>;tag=1;q="0.5"')
  t.match(quoted, { displayName: 'A "B" \\C', uri: 'sip:alice@example.org;lr?h=v' })
  t.same(plain(quoted.params), { tag: '1', q: '0.5' })
  t.match(typed.parseNameAddr('Alice B. <sip:a@example.org>'), { displayName: 'Alice B.', uri: 'sip:a@example.org' })
  t.equal(typed.parseNameAddr('"" <sip:a@example.org>').displayName, '')
  t.notOk('displayName' in typed.parseNameAddr('<sip:a@example.org>'))
  const bare = typed.parseNameAddr('sip:alice@example.org;tag=1')
  t.equal(bare.uri, 'sip:alice@example.org')
  t.same(plain(bare.params), { tag: '1' }, "parameters behind a bare URI are the header's")
  t.equal(typed.parseNameAddr('Andr\xc3\xa9 <tel:+15550100>').displayName, 'Andr\xc3\xa9')
})

t.test('RFC 3261 20.10: what is no address', async t => {
  const bad = [
    '',
    'alice',
    '<>',
    '<alice>',
    '<sip:>',
    '"a',
    '"a"',
    '"a" sip:b@c',
    '<sip:a@b',
    'sip:a@b>',
    '<sip:a b>',
    '< sip:a@b>',
  ]
  for (const value of [
    ...bad,
    'a, b <sip:a@b>',
    'sip:a@b?h=v',
    '<sip:a@b>x',
    '<sip:a@b>;',
    '<sip:a@b>;tag=1;tag=2',
    ':a',
    '1:a',
    'sip:',
  ])
    t.equal(
      refused(() => typed.parseNameAddr(value, 'Refer-To')),
      '400 Malformed Refer-To header',
      value,
    )
})

t.test('RFC 3261 10.2.2: a star stands alone', async t => {
  t.equal(typed.parseContacts(['*']), '*')
  t.match(typed.parseContacts(['<sip:a@b>;q=1', 'sip:c@d']), [{ uri: 'sip:a@b' }, { uri: 'sip:c@d' }])
  for (const values of [['*', '<sip:a@b>'], ['*;expires=0'], ['**'], ['* *']])
    t.equal(
      refused(() => typed.parseContacts(values)),
      '400 Malformed Contact header',
    )
})

t.test('RFC 3261 20.16: CSeq', async t => {
  t.same(typed.parseCSeq('0 INVITE'), { seq: 0, method: 'INVITE' })
  t.same(typed.parseCSeq('0009\r\n  INVITE'), { seq: 9, method: 'INVITE' })
  t.same(typed.parseCSeq('2147483647 x'), { seq: 2147483647, method: 'x' })
  for (const bad of [
    '',
    '1',
    'INVITE',
    '1INVITE',
    '-1 INVITE',
    '2147483648 INVITE',
    '1 INV ITE',
    '1 "INVITE"',
    `${'9'.repeat(999)} A`,
  ])
    t.equal(
      refused(() => typed.parseCSeq(bad)),
      '400 Malformed CSeq header',
      bad,
    )
})

t.test('RFC 3261 20.7, 20.44: credentials and challenges', async t => {
  const digest = typed.parseAuth('DIGEST username="bo\\"b",realm="a, b" , URI="sip:example.org",qop=auth, nc=00000001')
  t.equal(digest.scheme, 'digest')
  t.same(plain(digest.params), { username: 'bo"b', realm: 'a, b', uri: 'sip:example.org', qop: 'auth', nc: '00000001' })
  t.match(typed.parseAuth('Bearer abc.def=='), { scheme: 'bearer' })
  t.same(plain(typed.parseAuth('Odd opaque-data=here').params), { 'opaque-data': 'here' })
  for (const bad of [
    '',
    'Digest',
    'Digest ',
    'Digest a=1,,b=2',
    'Digest a="1',
    'Digest a=1 b=2',
    'Digest a=1,a=2',
    '"x" a=1',
  ])
    t.equal(
      refused(() => typed.parseAuth(bad, 'Proxy-Authorization')),
      '400 Malformed Proxy-Authorization header',
      bad,
    )
})

t.test('values with parameters', async t => {
  const type = typed.parseParams('Multipart / Mixed ;Boundary="a;b"')
  t.equal(type.value, 'multipart/mixed')
  t.same(plain(type.params), { boundary: 'a;b' })
  t.equal(typed.parseParams('message-summary').value, 'message-summary')
  t.equal(typed.parseParams('presence;id=7').params.get('id'), '7')
  for (const bad of ['', ';a', 'a/', '/b', 'a/b/c', 'a b', 'text/plain;charset=', 'text/plain,x'])
    t.equal(
      refused(() => typed.parseParams(bad, 'Event')),
      '400 Malformed Event header',
      bad,
    )
})

t.test('RFC 3261 25.1: delta-seconds', async t => {
  t.equal(typed.parseSeconds('0'), 0)
  t.equal(typed.parseSeconds('300;refresher=uac'), 300)
  t.equal(typed.parseSeconds('120 (I am in a meeting)'), 120)
  t.equal(typed.parseSeconds('4294967295'), 4294967295)
  t.equal(typed.parseSeconds('9'.repeat(400)), 4294967295, 'larger is the largest')
  for (const bad of ['', '-1', '1.5', 'x', '5x', '1,2'])
    t.equal(
      refused(() => typed.parseSeconds(bad, 'Min-SE')),
      '400 Malformed Min-SE header',
    )
})

t.test('RFC 3261 20.17: a Date that is none is passed over', async t => {
  t.equal(typed.parseSipDate('Sat, 13 Nov 2010 23:29:00 GMT'), Date.UTC(2010, 10, 13, 23, 29, 0))
  t.equal(typed.parseSipDate('Thu, 29 Feb 2024 00:00:00 GMT'), Date.UTC(2024, 1, 29))
  const bad = [
    '',
    'Fri, 01 Jan 2010 16:00:00 EST',
    'Sat, 13 Nov 2010 24:00:00 GMT',
    'Wed, 29 Feb 2023 00:00:00 GMT',
    'Sat, 00 Nov 2010 00:00:00 GMT',
  ]
  for (const value of [
    ...bad,
    'Sat, 13 Abc 2010 23:29:00 GMT',
    'Sat, 13 Nov 2010 23:60:00 GMT',
    '13 Nov 2010 23:29:00 GMT',
  ])
    t.equal(typed.parseSipDate(value), undefined, value)
})

t.test('tokens of a list', async t => {
  t.same(typed.listTokens('text/plain;q=1 , message/*\r\n ,a'), ['text/plain', 'message/*', 'a'])
  t.same(typed.listTokens(''), [])
})
