import t from 'tap'
import { ACCOUNT_CHARACTERS_MAX, accountAddress, accountKey, isHost, plainHost, sipUri } from './config-uri.ts'

t.test('RFC 3261 10.3: an address-of-record and nothing more', async t => {
  t.same(accountAddress('sip:alice@Example.org'), { user: 'alice', host: 'example.org' })
  t.same(accountAddress('SIP:al%20ice@[::1]'), { user: 'al%20ice', host: '::1' })
  t.same(accountAddress("sip:a-_.!~*'()&=+$,/@example.org")?.host, 'example.org')
  for (const wrong of [
    'alice@example.org',
    'sips:alice@example.org',
    'sip:example.org',
    'sip:al:ice@example.org',
    'sip:al;x@example.org',
    'sip:al\u0000ice@example.org',
    'sip:al\u007fice@example.org',
    'sip:al%00ice@example.org',
    'sip:al%1bice@example.org',
    'sip:al%2@example.org',
    'sip:jürgen@example.org',
    'sip:alice@example.org:5060',
    'sip:alice@example..org',
    'sip:alice@[example.org]',
    'sip:alice@example.org\n',
  ])
    t.equal(accountAddress(wrong), undefined, JSON.stringify(wrong))
  const longest = `sip:${'a'.repeat(ACCOUNT_CHARACTERS_MAX - 'sip:@example.org'.length)}@example.org`
  t.ok(accountAddress(longest))
  t.equal(accountAddress(longest.replace('sip:', 'sip:a')), undefined)
})

t.test('RFC 3261 19.1.4: which addresses are one account', async t => {
  const isSame = (a: string, b: string) => accountKey(accountAddress(a)!) === accountKey(accountAddress(b)!)
  t.ok(isSame('sip:alice@example.org', 'SIP:%61lice@EXAMPLE.ORG.'))
  t.ok(isSame('sip:a%2fb@example.org', 'sip:a%2Fb@example.org'))
  t.notOk(isSame('sip:alice@example.org', 'sip:Alice@example.org'))
  t.notOk(isSame('sip:a%2fb@example.org', 'sip:a/b@example.org'))
})

t.test('RFC 3261 25.1: SIP URIs of a configuration', async t => {
  t.same(sipUri('sip:core.example.org:5080;transport=tcp;lr'), { user: '', host: 'core.example.org' })
  t.same(sipUri('sips:history@[2001:DB8::1]:5061'), { user: 'history', host: '2001:db8::1' })
  for (const wrong of [
    'core',
    'sip:',
    'sip:a@b:0',
    'sip:a@b:65536',
    'sip:a@b?x=y',
    'sip:a@b;x y',
    'sip:a@b;',
    'sip:[::g]',
  ])
    t.equal(sipUri(wrong), undefined, wrong)
})

t.test('hosts', async t => {
  for (const host of ['example.org', 'box1', '3f2a9c', '192.0.2.1', '::1', '1.example']) t.ok(isHost(host), host)
  for (const host of ['', '-a', 'a-', 'a..b', 'a_b', '1.2.3', '192.0.2.256', '[::1]', 'a b', 'é.org', 'a'.repeat(64)])
    t.notOk(isHost(host), host)
  t.equal(plainHost('[FE80::1]'), 'fe80::1')
  t.equal(plainHost('[box1]'), '[box1]')
})
