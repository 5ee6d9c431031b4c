import t from 'tap'
import type { Hop, Listener } from '../sip/transport.ts'
import { OwnAddresses } from './own-addresses.ts'

const at = (transport: Listener['transport'], address: string, port: number): Listener => ({
  transport,
  endpoint: { address, port },
})
const hop = (transport: Hop['transport'], address: string): Hop => ({ transport, address, port: 5070 })

t.test('a name is given to everybody', async t => {
  const own = new OwnAddresses('edge1.example.org', [at('udp', '0.0.0.0', 5060), at('tcp', '::', 5061)], [])
  t.equal(own.contactUri(hop('udp', '192.0.2.9')), 'sip:im@edge1.example.org:5060')
  t.equal(own.contactUri(hop('tcp', '2001:db8::9')), 'sip:im@edge1.example.org:5061;transport=tcp')
  t.equal(own.msrpEndpoint(hop('tcp', '192.0.2.9')), undefined)
  t.same(own.hosts, ['edge1.example.org'])
})

t.test('a listener on every address is known by each of the machine’s', async t => {
  const everywhere = new OwnAddresses('edge1.example.org', [at('udp', '0.0.0.0', 5060)], [], ['192.0.2.1', '::1'])
  t.same(everywhere.hosts, ['edge1.example.org', '192.0.2.1', '::1'])
  const one = new OwnAddresses('edge1.example.org', [at('udp', '192.0.2.1', 5060)], [], ['192.0.2.1', '198.51.100.1'])
  t.same(one.hosts, ['edge1.example.org', '192.0.2.1'])
})

t.test('MSRP of the other family alone is offered by its own address, not by that of the SIP flow', async t => {
  const own = new OwnAddresses('192.0.2.1', [], [at('tcp', '192.0.2.1', 2855)])
  t.same(own.msrpEndpoint(hop('udp', '2001:db8::9')), { address: '192.0.2.1', port: 2855 })
})

t.test('a numeric hostname is of no use to a peer of the other family', async t => {
  const sip = [at('udp', '192.0.2.1', 5060), at('udp', '2001:db8::1', 5060)]
  const msrp = [at('tcp', '192.0.2.1', 2855), at('tcp', '2001:db8::1', 2856)]
  const own = new OwnAddresses('192.0.2.1', sip, msrp)
  t.equal(own.contactUri(hop('udp', '192.0.2.9')), 'sip:im@192.0.2.1:5060')
  t.equal(own.contactUri(hop('udp', '2001:db8::9')), 'sip:im@[2001:db8::1]:5060')
  t.same(own.msrpEndpoint(hop('udp', '2001:db8::9')), { address: '2001:db8::1', port: 2856 })
  t.same(own.msrpEndpoint(hop('udp', '192.0.2.9')), { address: '192.0.2.1', port: 2855 })
})

t.test('RFC 3261 16.3: a Via of ours has our name and one of our ports', async t => {
  const own = new OwnAddresses('192.0.2.1', [at('udp', '192.0.2.1', 5060), at('tcp', '192.0.2.1', 5062)], [])
  t.ok(own.isOwnVia('192.0.2.1', undefined))
  t.ok(own.isOwnVia('192.0.2.1', 5062))
  t.notOk(own.isOwnVia('192.0.2.1', 5064), 'a phone on the same machine')
  t.notOk(own.isOwnVia('192.0.2.2', 5060))
  const both = new OwnAddresses('192.0.2.1', [at('udp', '192.0.2.1', 5060), at('udp', '2001:db8::1', 5060)], [])
  t.ok(both.isOwnVia('2001:db8::1', 5060), 'that is what peers over IPv6 are given')
})

t.test('RFC 7118 5.2: a Contact over WebSocket says ws, with TLS below it or not; over TLS it says tls', async t => {
  const sip = [at('ws', '0.0.0.0', 8081), at('wss', '0.0.0.0', 8443), at('tls', '0.0.0.0', 5061)]
  const own = new OwnAddresses('edge1.example.org', sip, [])
  t.equal(own.contactUri(hop('ws', '192.0.2.9')), 'sip:im@edge1.example.org:8081;transport=ws')
  t.equal(own.contactUri(hop('wss', '192.0.2.9')), 'sip:im@edge1.example.org:8443;transport=ws')
  t.equal(own.contactUri(hop('tls', '192.0.2.9')), 'sip:im@edge1.example.org:5061;transport=tls')
})

t.test(
  'RFC 4975 14: MSRP over TLS for who signals over TLS, and for everybody where there is nothing else',
  async t => {
    const both = new OwnAddresses('edge1.example.org', [], [at('tcp', '0.0.0.0', 2855), at('tls', '0.0.0.0', 2856)])
    const transports = ['udp', 'tcp', 'ws', 'tls', 'wss'] as const
    const offered = (own: OwnAddresses) => transports.map(each => own.msrpTransport(hop(each, '192.0.2.9')))
    t.same(offered(both), ['tcp', 'tcp', 'tcp', 'tls', 'tls'])
    t.equal(both.msrpEndpoint(hop('tls', '192.0.2.9'), 'tls')?.port, 2856)
    t.equal(both.msrpEndpoint(hop('tls', '192.0.2.9'))?.port, 2855)
    t.same(offered(new OwnAddresses('x', [], [at('tcp', '0.0.0.0', 2855)])), Array(5).fill('tcp'))
    t.same(offered(new OwnAddresses('x', [], [at('tls', '0.0.0.0', 2856)])), Array(5).fill('tls'))
  },
)

t.test('what would come to the box itself is known by address and port, not by name', async t => {
  const own = (address: string, port: number) =>
    new OwnAddresses('edge1.example.org', [at('udp', address, port)], [], ['192.0.2.1', '2001:db8::1'])
  for (const address of ['127.0.0.1', '127.9.9.9', '0.0.0.0', '::1', '::', '192.0.2.1', '2001:db8::1'])
    t.ok(own('::', 5070).isOwn(hop('udp', address)), address)
  t.notOk(own('::', 5070).isOwn(hop('udp', '192.0.2.9')))
  t.notOk(own('::', 5070).isOwn(hop('tcp', '127.0.0.1')), 'nobody listens there')
  t.notOk(own('::', 5060).isOwn(hop('udp', '127.0.0.1')), 'another program')
  t.ok(own('192.0.2.1', 5070).isOwn(hop('udp', '192.0.2.1')))
  t.notOk(own('192.0.2.1', 5070).isOwn(hop('udp', '127.0.0.1')))
})
