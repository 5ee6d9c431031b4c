import t from 'tap'
import { addressOfRecord, encodeUri, parseUri, sameUri } from './uri.ts'

const isSame = (a: string, b: string): boolean => sameUri(parseUri(a), parseUri(b))

t.test('RFC 3261 19.1.1: the parts of a SIP URI', async t => {
  const uri = parseUri('SIPS:al%20ice;x=y:p$w@[2001:DB8::1]:5061;Transport=TCP;lr?Subject=a%20b&to=x')
  t.match(uri, {
    scheme: 'sips',
    user: 'al%20ice;x=y',
    password: 'p$w',
    host: '2001:db8::1',
    port: 5061,
    headers: 'Subject=a%20b&to=x',
  })
  t.same(
    [...uri.params],
    [
      ['transport', 'TCP'],
      ['lr', undefined],
    ],
  )
  t.same(parseUri('sip:Example.ORG'), { scheme: 'sip', host: 'example.org', params: new Map() })
  t.equal(parseUri('sip:a?b@example.org').user, 'a?b', 'a question mark may stand in the user part')
})

t.test('RFC 3261 19.1.1: what is no SIP URI', async t => {
  const users = [
    'sip:',
    'sip:@b',
    'sip:a@',
    'sip:a@@b',
    'sip:a b@c',
    'sip:a%2@c',
    'sip:a%zz@c',
    'sip:"a"@c',
    'sip:a#b@c',
    'sip:\xfc@c',
    'sip:\u0163@c',
  ]
  const hosts = [
    'sip:a@b:',
    'sip:a@b:0',
    'sip:a@b:99999',
    'sip:a@b:x',
    'sip:a@[::1',
    'sip:a@[x]',
    'sip:a@2001:db8::1',
    'sip:a@b c',
    'sip:a@b/',
    'sip:[]',
  ]
  const rest = [
    'sip:a@b;',
    'sip:a@b;;c',
    'sip:a@b;=c',
    'sip:a@b;c=',
    'sip:a@b;c;C',
    'sip:a@b?',
    'sip:a@b?<',
    'sip:a@b;c d',
    '',
    'alice',
    ':a',
    '1a:b',
    'a_b:c',
  ]
  for (const text of [
    ...users,
    ...hosts,
    ...rest,
    'tel:',
    'tel:12 3',
    'tel:x',
    'http:',
    'urn:a b',
    `sip:${'a'.repeat(6000)}@b`,
  ])
    t.throws(() => parseUri(text), { status: 400, message: 'Malformed URI' }, text)
})

t.test('other schemes', async t => {
  t.match(parseUri('tel:+1-555-0100;phone-context=a'), { scheme: 'tel', user: '+1-555-0100', host: '' })
  t.equal(parseUri('tel:+1-555-0100;phone-context=a').params.get('phone-context'), 'a')
  t.match(parseUri('URN:service:sos'), { scheme: 'urn', opaque: 'service:sos', host: '' })
})

t.test('a URI is written as it was read', async t => {
  const uris = [
    'sip:alice@example.org',
    'sips:a%20b;c:d@[2001:db8::1]:5061;lr;transport=tcp?a=b',
    'sip:example.org',
    'tel:+1-555-0100;ext=1',
    'urn:service:sos',
  ]
  for (const uri of uris) t.equal(encodeUri(parseUri(uri)), uri)
})

t.test('RFC 3261 19.1.4: equal', async t => {
  t.ok(isSame('sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'))
  t.ok(isSame('sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'))
  t.ok(isSame('sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;newparam=5'))
  t.ok(
    isSame(
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ),
  )
  t.ok(
    isSame(
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ),
  )
  t.ok(isSame('sip:a@[2001:db8::1]', 'sip:a@[2001:DB8:0:0::0:1]'), 'RFC 5118: addresses, not their spelling')
})

t.test('RFC 3261 19.1.4: different', async t => {
  t.notOk(isSame('SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'))
  t.notOk(isSame('sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'))
  t.notOk(isSame('sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'))
  t.notOk(isSame('sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'))
  t.notOk(isSame('sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'))
  t.notOk(isSame('sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'))
  t.notOk(isSame('sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'))
  t.notOk(isSame('sip:a@b', 'sips:a@b'))
  t.notOk(isSame('sip:a@b', 'sip:a:c@b'))
  t.notOk(isSame('sip:a%3Bb@c', 'sip:a;b@c'), 'a reserved character is not its escape')
  t.notOk(isSame('urn:a:b', 'urn:a:c'))
})

t.test('the key of an account', async t => {
  t.equal(addressOfRecord('SIPS:%61lice%2fB:pw@Example.ORG.:5061;lr?a=b'), 'sip:alice%2FB@example.org')
  t.equal(addressOfRecord('sip:Alice@example.org'), 'sip:Alice@example.org', 'a user is spelled as it is')
  t.equal(addressOfRecord('sip:example.org'), 'sip:example.org')
  t.equal(addressOfRecord('sip:a@[2001:DB8::1]'), 'sip:a@[2001:db8:0:0:0:0:0:1]')
  t.equal(addressOfRecord('tel:+1-(555).0100;ext=1'), 'tel:+15550100')
  t.throws(() => addressOfRecord('alice'), { message: 'Malformed URI' })
})
