import t from 'tap'
import { inbound, LISTENERS, outgoing, requestText, responseText, SipWire } from '../testing/sip-wire.ts'
import { INCOMPLETE_MS } from './flows.ts'
import type { Listener } from './transport.ts'

const ALL: readonly Listener[] = [
  ...LISTENERS,
  { transport: 'tls', endpoint: { address: '192.0.2.1', port: 5061 } },
  { transport: 'ws', endpoint: { address: '192.0.2.1', port: 8081 } },
  { transport: 'wss', endpoint: { address: '192.0.2.1', port: 8443 } },
]

const VIA = 'SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK-1'

const open = (transport: 'ws' | 'wss' | 'tls' = 'ws') => {
  const wire = new SipWire({ listeners: ALL })
  const local = ALL.find(listener => listener.transport === transport)!.endpoint
  return { wire, flow: wire.open({ ...inbound(`${transport}/1`, '192.0.2.10', 40000, transport), local }) }
}

t.test('RFC 7118 5: a message is a request, with or without Content-Length, and is answered as one', async t => {
  for (const transport of ['ws', 'wss'] as const) {
    const { wire, flow } = open(transport)
    const via = [VIA.replace('WS', transport.toUpperCase())]
    wire.receive(requestText({ via, body: 'hello' }).replace('Content-Length: 5\r\n', ''), flow)
    t.equal(`${wire.last.request.body}`, 'hello')
    wire.answer(202)
    const sent = wire.take()
    t.equal(sent.length, 1)
    t.equal(sent[0]!.flow.id, flow.id)
    t.match(sent[0]!.text, `${via[0]};received=192.0.2.10\r\n`)
  }
})

t.test('RFC 7118 5: what is left out of a message is not in the next one', async t => {
  const { wire, flow } = open()
  const half = requestText({ via: [VIA], body: 'hello' }).slice(0, -3)
  wire.receive(half, flow)
  t.match(wire.take()[0]!.text, /^SIP\/2\.0 400 /)
  wire.receive(requestText({ via: [VIA], branch: 'z9hG4bK-2', callId: 'call-2' }), flow)
  t.equal(wire.transactions.length, 1)
  t.same(wire.closed, [], 'one that cannot be read does not spoil those after it')
})

t.test('RFC 5626 4.4.1: CRLF twice is answered by one, one is an answer; neither is a message', async t => {
  const { wire, flow } = open()
  wire.receive('\r\n\r\n', flow)
  t.same(
    wire.take().map(({ text }) => text),
    ['\r\n'],
  )
  wire.receive('\r\n', flow)
  t.same(wire.take(), [])
  t.equal(wire.counters.get('sip_keepalives'), 1)
})

t.test('garbage is counted, and a client that has nothing else is closed', async t => {
  const { wire, flow } = open()
  for (let at = 0; at < INCOMPLETE_MS; at += 1000) {
    wire.runTo(at)
    wire.receive('', flow)
    wire.receive('\0\0', flow)
  }
  wire.runTo(INCOMPLETE_MS + 1000)
  t.same(
    wire.closed.map(({ id }) => id),
    [flow.id],
  )
})

t.test('RFC 7118 5: requests and answers go over the WebSocket of the client and no other way', async t => {
  const { wire, flow } = open()
  wire.layer.request(wire.now, outgoing('MESSAGE'), flow, wire.recorder)
  const [sent] = wire.take()
  t.match(sent!.text, /^Via: SIP\/2\.0\/WS edge1\.example\.org:8081;branch=/m)
  wire.receive(responseText(sent!.text, 200), flow)
  t.same(wire.events, ['200'])
  wire.receive(requestText({ via: [VIA] }), flow)
  wire.transport.flowClosed(wire.now, flow)
  wire.answer(202)
  t.same([wire.take(), wire.connected], [[], []], 'an answer whose WebSocket is gone is lost')
  const hop = { transport: 'ws', address: '192.0.2.10', port: 40000 } as const
  t.equal(wire.transport.flowTo(wire.now, hop), undefined)
})

t.test(
  'RFC 5922 7: a TLS connection is used for the domain that its peer proved, and never one that the peer opened',
  async t => {
    const { wire } = open('tls')
    const to = (address: string, port: number, name?: string) =>
      wire.transport.flowTo(wire.now, { transport: 'tls', address, port, ...(name && { name }) })
    const first = to('192.0.2.20', 5061, 'example.net')
    t.match(first, { transport: 'tls', peerName: 'example.net', local: { port: 0 } })
    t.equal(to('192.0.2.20', 5061, 'EXAMPLE.net')?.id, first?.id)
    t.not(to('192.0.2.20', 5061, 'example.com')?.id, first?.id)
    t.match(to('192.0.2.20', 5061), { peerName: '192.0.2.20' })
    t.not(to('192.0.2.10', 40000, 'example.net')?.id, 'tls/1')
    t.equal(wire.connected.length, 4)
  },
)

t.test('that a connection of ours stands is told by the host and changes nothing', async t => {
  const { wire } = open('tls')
  const flow = wire.transport.flowTo(wire.now, { transport: 'tls', address: '192.0.2.20', port: 5061 })!
  wire.open({ ...flow, peerFingerprints: ['sha-256 AA'] })
  t.same(wire.closed, [])
  t.ok(wire.transport.isAlive(flow))
})

t.test('RFC 3261 18.2.2: an answer whose TLS connection is gone goes to whoever proves to be the sent-by', async t => {
  const { wire, flow } = open('tls')
  wire.receive(requestText({ via: ['SIP/2.0/TLS core.example.net;branch=z9hG4bK-1'] }), flow)
  wire.transport.flowClosed(wire.now, flow)
  wire.answer(202)
  t.match(wire.connected, [
    { transport: 'tls', remote: { address: '192.0.2.10', port: 5061 }, peerName: 'core.example.net' },
  ])
})
