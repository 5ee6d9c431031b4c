import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { formatMsrpUri, parseMsrpUri } from './uri.ts'

const same = (a: string, b: string): boolean => {
  const [left, right] = [parseMsrpUri(a), parseMsrpUri(b)]
  if (!left || !right) throw new Error('not URIs')
  return isDeepStrictEqual(left, right)
}

t.test('RFC 4975 6: parts of a URI', async t => {
  t.strictSame(parseMsrpUri('msrp://Atlanta.example.org:7654/jshA7weztas;tcp'), {
    scheme: 'msrp',
    host: 'atlanta.example.org',
    port: 7654,
    sessionId: 'jshA7weztas',
    transport: 'tcp',
  })
  t.strictSame(parseMsrpUri('msrps://alice@relay.example.org;tcp;x=y'), {
    scheme: 'msrps',
    host: 'relay.example.org',
    transport: 'tcp',
  })
  t.equal(parseMsrpUri('msrp://[2001:DB8::0:1]:2855/a;tcp')?.host, '2001:db8::1')
  t.equal(parseMsrpUri('msrp://h/a/b+c=;tcp')?.sessionId, 'a/b+c=')
})

t.test('RFC 4975 6: what is no URI', async t => {
  const bad = ['', 'sip:alice@example.org', 'msrp://h/s', 'msrp:///s;tcp', 'msrp://h:99999/s;tcp', 'msrp://h/s;tcp b']
  for (const text of [...bad, 'msrp://[1:2/s;tcp', 'msrp://[zz::1]/s;tcp', `msrp://h/${'s'.repeat(2000)};tcp`])
    t.equal(parseMsrpUri(text), undefined, text.slice(0, 40))
})

t.test('RFC 4975 6.1: what is the same URI has the same parts', async t => {
  t.ok(same('msrp://HOST.example.org:8145/asfd34;tcp', 'MSRP://host.example.org:8145/asfd34;TCP'), 'case of host')
  t.ok(same('msrp://[::1]:1/s;tcp', 'msrp://[0:0:0:0:0:0:0:1]:1/s;tcp'), 'addresses, not their spelling')
  t.ok(same('msrp://bob@h:1/s;tcp', 'msrp://h:1/s;tcp;p=1'), 'neither user nor parameters count')
  t.notOk(same('msrp://h:1/s;tcp', 'msrp://h:1/S;tcp'), 'case of session id')
  t.notOk(same('msrp://h/s;tcp', 'msrp://h:2855/s;tcp'), 'a written port is not an absent one')
  t.notOk(same('msrp://h:1/s;tcp', 'msrps://h:1/s;tcp'), 'scheme')
  t.notOk(same('msrp://h:1/s;tcp', 'msrp://h:1/s;ws'), 'transport')
  t.notOk(same('msrp://h:1/s;tcp', 'msrp://h:1;tcp'), 'absent session id')
})

t.test('RFC 4975 6: an IPv6 host is written in brackets', async t => {
  const uri = { scheme: 'msrp', host: '2001:db8::1', port: 2855, sessionId: 'abc', transport: 'tcp' } as const
  t.equal(formatMsrpUri(uri), 'msrp://[2001:db8::1]:2855/abc;tcp')
  t.strictSame(parseMsrpUri(formatMsrpUri(uri)), uri)
})
