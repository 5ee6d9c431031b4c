import t from 'tap'
import { ALICE, ALICE6, outgoing, requestText, responseText, SipWire } from '../testing/sip-wire.ts'
import { OwnHost } from './via-host.ts'

t.test('RFC 3261 18.1.1: a name is for everybody, a number for peers of its family', async t => {
  const named = new OwnHost('Edge1.example.org', ['192.0.2.1', '2001:db8::1'])
  t.equal(named.towards('2001:db8::9', '2001:db8::1'), 'edge1.example.org')
  const numeric = new OwnHost('192.0.2.1', ['192.0.2.1', '2001:db8::1'])
  t.equal(numeric.towards('192.0.2.9', '192.0.2.1'), '192.0.2.1')
  t.equal(numeric.towards('2001:db8::9', '2001:db8::1'), '2001:db8::1')
  t.equal(numeric.towards('2001:db8::9', '192.0.2.1'), '2001:db8::1', 'not what is of the wrong family itself')
  const six = new OwnHost('[2001:DB8::1]', ['192.0.2.1', '2001:db8::1'])
  t.equal(six.towards('192.0.2.9'), '192.0.2.1')
  t.equal(six.towards('2001:db8::9'), '2001:db8::1')
})

t.test(
  'a listener on every address: the end of the stream, else the machine’s address that is nearest to the peer',
  async t => {
    const machine = ['127.0.0.1', '192.0.2.1', '::1', 'fe80::1', 'fd00::1', '2001:db8::1']
    const own = new OwnHost('192.0.2.1', ['0.0.0.0', '::'], machine)
    t.equal(own.towards('2001:db8::9', '::', '2001:db8::77'), '2001:db8::77')
    t.equal(own.towards('2001:db8::9', '::'), '2001:db8::1')
    t.equal(own.towards('fd00::9', '::'), 'fd00::1')
    t.equal(own.towards('::1', '::'), '::1')
    t.equal(
      new OwnHost('192.0.2.1', ['::'], ['fe80::1', '::1']).towards('2001:db8::9'),
      '192.0.2.1',
      'better than a wrong one',
    )
    t.equal(new OwnHost('192.0.2.1', ['0.0.0.0']).towards('2001:db8::9'), '192.0.2.1')
    t.same(own.hosts, ['192.0.2.1', ...machine])
  },
)

t.test('RFC 3261 18.1.2: what we write we know again, in any spelling, and nothing else', async t => {
  const own = new OwnHost('192.0.2.1', ['192.0.2.1', '192.0.2.2', '2001:db8::1'])
  for (const host of ['192.0.2.1', '2001:db8::1', '2001:db8:0:0::1']) t.ok(own.wrote(host), host)
  for (const host of ['192.0.2.2', '2001:db8::2', 'edge1.example.org']) t.notOk(own.wrote(host), host)
  t.ok(own.wrote('2001:db8::2', '2001:db8::2'), 'an address that came after the start, over its stream')
  const named = new OwnHost('edge1.example.org', ['192.0.2.1'])
  t.ok(named.wrote('edge1.example.org'))
  t.notOk(named.wrote('192.0.2.1'), 'a box with a name never gives a number')
})

t.test(
  'RFC 3261 18.1.1, 18.1.2: Via towards IPv6 of a box whose name is an IPv4 address, and the way back',
  async t => {
    const wire = new SipWire({ hostname: '192.0.2.1' })
    for (const [flow, host] of [
      [ALICE, '192\\.0\\.2\\.1'],
      [ALICE6, '\\[2001:db8::1\\]'],
    ] as const) {
      wire.layer.request(wire.now, outgoing('MESSAGE'), flow, wire.recorder)
      const [sent] = wire.take()
      t.match(sent!.text, new RegExp(`^Via: SIP/2\\.0/UDP ${host}:5060;branch=`, 'm'))
      wire.receive(responseText(sent!.text, 200), flow)
    }
    t.same(wire.events, ['200', '200'])
    wire.receive(responseText(requestText({ via: ['SIP/2.0/UDP [2001:db8::2];branch=z9hG4bK-1'] }), 200), ALICE6)
    t.equal(wire.counters.get('sip_responses_dropped', 'via'), 1)
  },
)
