import t from 'tap'
import { sourceOf } from './source.ts'

t.test('RFC 6177 2: limits are per IPv4 address and per /64', async t => {
  t.equal(sourceOf('192.0.2.1'), '192.0.2.1')
  t.not(sourceOf('192.0.2.1'), sourceOf('192.0.2.2'))
  t.equal(sourceOf('2001:db8::1'), sourceOf('2001:DB8:0:0:ffff:1:2:3'))
  t.not(sourceOf('2001:db8::1'), sourceOf('2001:db8:0:1::1'))
  t.equal(sourceOf('::ffff:192.0.2.1'), '192.0.2.1', 'the same host by another name')
  t.equal(sourceOf('fe80::1%eth0'), 'fe80::1%eth0', 'what is no address stands for itself')
})
