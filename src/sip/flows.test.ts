import t from 'tap'
import { inbound, outgoing, requestText, SipWire } from '../testing/sip-wire.ts'

const MINUTES = 60_000
const ids = (flows: readonly { readonly id: string }[]): string[] => flows.map(({ id }) => id)

t.test('a stream that brings no whole message within 32 s is closed, whatever it trickles', async t => {
  const wire = new SipWire()
  const silent = wire.open(inbound('tcp/silent'))
  const slow = wire.open(inbound('tcp/slow'))
  const text = requestText()
  for (let second = 1; second < 32; second++) {
    wire.runTo(second * 1000)
    wire.receive(text[second - 1]!, slow)
  }
  t.same(wire.closed, [])
  wire.runTo(32_000)
  t.same(ids(wire.closed), [silent.id, slow.id])
  t.equal(wire.counters.get('flows_closed', 'incomplete'), 2)
  t.notOk(wire.transport.isAlive(slow))
})

t.test('part of a message after a whole one has 32 s as well', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  wire.receive(requestText(), flow)
  wire.runTo(50_000)
  wire.receive('MESSAGE sip:', flow)
  wire.runTo(81_999)
  t.same(wire.closed, [])
  wire.runTo(82_000)
  t.same(ids(wire.closed), [flow.id])
})

t.test('an idle stream is closed after ten minutes, a pinging one is not', async t => {
  const wire = new SipWire()
  const idle = wire.open(inbound('tcp/idle'))
  const pinging = wire.open(inbound('tcp/pinging'))
  for (const flow of [idle, pinging]) wire.receive('\r\n\r\n', flow)
  for (let minute = 1; minute <= 30; minute++) {
    wire.runTo(minute * MINUTES)
    wire.receive('\r\n\r\n', pinging)
  }
  t.same(ids(wire.closed), [idle.id])
  t.equal(wire.counters.get('flows_closed', 'idle'), 1)
})

t.test('a stream somebody registered over is kept as long as asked', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  wire.receive('\r\n\r\n', flow)
  wire.transport.keep(wire.now, flow, 60 * MINUTES)
  wire.transport.keep(wire.now, flow, 1 * MINUTES)
  wire.runTo(60 * MINUTES - 1)
  t.same(wire.closed, [])
  wire.runTo(60 * MINUTES)
  t.same(ids(wire.closed), [flow.id])
})

t.test('one address has so many streams and no more', async t => {
  const wire = new SipWire({ flows: { flows: 10, perAddress: 2 } })
  for (const id of ['1', '2', '3']) wire.open(inbound(id))
  t.same(ids(wire.closed), ['3'])
  t.equal(wire.counters.get('flows_refused'), 1)
  wire.transport.flowClosed(wire.now, inbound('1'))
  wire.open(inbound('4'))
  t.same(ids(wire.closed), ['3'])
  t.ok(wire.transport.isAlive(inbound('4')))
})

t.test('of IPv6 a network of 64 bits counts as one address', async t => {
  const wire = new SipWire({ flows: { flows: 10, perAddress: 2 } })
  const hosts = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1']
  for (const host of hosts) wire.open(inbound(host, host))
  t.same(ids(wire.closed), ['2001:db8::3'])
  wire.transport.flowClosed(wire.now, inbound('2001:db8::1', '2001:db8::1'))
  wire.open(inbound('again', '2001:db8::4'))
  t.same(ids(wire.closed), ['2001:db8::3'])
})

t.test('a full table gives up the oldest stream that has said nothing, and refuses when all have spoken', async t => {
  const wire = new SipWire({ flows: { flows: 2, perAddress: 10 } })
  const [first, second, third, fourth] = ['1', '2', '3', '4'].map(id => inbound(id, `192.0.2.${id}`)) as [
    ReturnType<typeof inbound>,
    ReturnType<typeof inbound>,
    ReturnType<typeof inbound>,
    ReturnType<typeof inbound>,
  ]
  wire.open(first)
  wire.open(second)
  wire.receive('\r\n\r\n', first)
  wire.open(third)
  t.same(ids(wire.closed), ['2'])
  wire.receive('\r\n\r\n', third)
  wire.open(fourth)
  t.same(ids(wire.closed), ['2', '4'])
})

t.test('RFC 3261 18: a stream to that address is used again, else one is opened, within the bounds', async t => {
  const wire = new SipWire({ flows: { flows: 2, perAddress: 2 } })
  const hop = { transport: 'tcp', address: '192.0.2.20', port: 5060 } as const
  const one = wire.transport.flowTo(wire.now, hop)
  t.equal(wire.transport.flowTo(wire.now, hop), one)
  t.match(one, { transport: 'tcp', remote: { address: '192.0.2.20', port: 5060 } })
  const accepted = wire.open(inbound('tcp/1', '192.0.2.21', 40000))
  t.equal(wire.transport.flowTo(wire.now, { ...hop, address: '192.0.2.21', port: 40000 }), accepted)
  wire.receive('\r\n\r\n', accepted)
  t.equal(wire.transport.flowTo(wire.now, { ...hop, port: 5061 }), undefined)
  t.equal(wire.connected.length, 1)
})

t.test('what waits on a stream that is closed for idleness or silence hears of it', async t => {
  const wire = new SipWire()
  const hop = { transport: 'tcp', address: '192.0.2.20', port: 5060 } as const
  wire.runTo(1)
  wire.transport.flowTo(wire.now, hop)
  wire.runTo(10_000)
  wire.layer.request(wire.now, outgoing('MESSAGE'), hop, wire.recorder)
  wire.runTo(33_001)
  t.same(wire.events, ['error: incomplete'])
})

t.test(
  'RFC 3261 17.1.1.2, 17.1.2.2: silence on a connection of ours is a timeout of the request, not an error of the way',
  async t => {
    for (const method of ['INVITE', 'MESSAGE']) {
      const wire = new SipWire()
      wire.layer.request(
        wire.now,
        outgoing(method),
        { transport: 'tcp', address: '192.0.2.20', port: 5060 },
        wire.recorder,
      )
      wire.runTo(40_000)
      t.same(wire.events, ['timeout'], method)
      t.equal(wire.closed.length, 1, 'and then the connection is closed')
    }
  },
)
