import t from 'tap'
import { ipv4Of, isInCidr, parseAddress, parseCidr, parseEndpoint } from './address.ts'

t.test('RFC 4291 2.2: numeric addresses', async t => {
  t.same(parseAddress('192.0.2.1'), [192, 0, 2, 1])
  t.same(parseAddress('::1'), [...new Array(15).fill(0), 1])
  t.same(parseAddress('2001:db8::'), [0x20, 1, 0x0d, 0xb8, ...new Array(12).fill(0)])
  t.same(parseAddress('::ffff:192.0.2.1'), [...new Array(10).fill(0), 255, 255, 192, 0, 2, 1])
  t.equal(parseAddress('1:2:3:4:5:6:7:8')?.length, 16)
  for (const wrong of [
    '',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.04',
    'a.b.c.d',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '::12345',
  ])
    t.equal(parseAddress(wrong), undefined, `"${wrong}"`)
  for (const wrong of ['1:2:3:4:5:6:7:8:9', '1.2.3.4::', 'fe80::1%eth0', '[::1]', '1:2:3:4:5:6:7::8:9'])
    t.equal(parseAddress(wrong), undefined, `"${wrong}"`)
})

t.test('RFC 4632 3.1: prefixes', async t => {
  const isIn = (address: string, cidr: string) => isInCidr(address, parseCidr(cidr)!)
  t.ok(isIn('10.1.2.3', '10.0.0.0/8'))
  t.notOk(isIn('11.1.2.3', '10.0.0.0/8'))
  t.ok(isIn('192.0.2.129', '192.0.2.128/25'))
  t.notOk(isIn('192.0.2.127', '192.0.2.128/25'))
  t.ok(isIn('2001:db8:1::5', '2001:db8::/32'))
  t.notOk(isIn('2001:db9::5', '2001:db8::/32'))
  t.ok(isIn('203.0.113.9', '0.0.0.0/0'))
  t.ok(isIn('192.0.2.1', '192.0.2.1'), 'a bare address is itself alone')
  t.notOk(isIn('192.0.2.2', '192.0.2.1'))
  t.notOk(isIn('::1', '0.0.0.0/0'), 'families do not mix')
  t.notOk(isIn('nonsense', '0.0.0.0/0'))
  for (const wrong of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', 'host/8', '10.0.0.0/-1'])
    t.equal(parseCidr(wrong), undefined, wrong)
})

t.test('RFC 3986 3.2.2: address and port, IPv6 in brackets', async t => {
  t.same(parseEndpoint('127.0.0.1:5060'), { address: '127.0.0.1', port: 5060 })
  t.same(parseEndpoint('[::1]:0'), { address: '::1', port: 0 })
  for (const wrong of ['127.0.0.1', '::1:5060', '[127.0.0.1]:5060', 'localhost:5060', '127.0.0.1:65536', '127.0.0.1:'])
    t.equal(parseEndpoint(wrong), undefined, wrong)
})

t.test('RFC 4291 2.5.5.2: IPv4 addresses written as IPv6', async t => {
  for (const text of ['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:c000:0201'])
    t.equal(ipv4Of(text), '192.0.2.1')
  for (const text of ['192.0.2.1', '::192.0.2.1', '64:ff9b::192.0.2.1', '::1', 'x'])
    t.equal(ipv4Of(text), undefined, text)
  t.equal(parseCidr('::ffff:10.0.0.0/104'), undefined)
})
