import t from 'tap'
import { udpFlow } from '../base/flow.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { ALICE, ALICE6, inbound, outgoing, requestText, responseText, SipWire } from '../testing/sip-wire.ts'

const start = (wire: SipWire): string[] => wire.take().map(({ text }) => text.slice(0, text.indexOf('\r\n')))

t.test('RFC 3581 4: a client behind a NAT is answered where it sent from, from where it sent to', async t => {
  const wire = new SipWire()
  const nat = udpFlow({ address: '192.0.2.1', port: 5060 }, { address: '203.0.113.9', port: 33333 })
  wire.receive(requestText({ via: ['SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK-1;rport'] }), nat)
  wire.answer(202)
  const [sent] = wire.take()
  t.equal(sent!.flow.id, nat.id)
  t.match(sent!.text, /^Via: SIP\/2\.0\/UDP 10\.0\.0\.2:5060;branch=z9hG4bK-1;rport=33333;received=203\.0\.113\.9\r$/m)
})

t.test('RFC 3261 18.2.2: IPv6 over datagrams', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ via: ['SIP/2.0/UDP [2001:db8::10];branch=z9hG4bK-1'] }), ALICE6)
  wire.answer(202)
  const [sent] = wire.take()
  t.same(sent!.flow.remote, { address: '2001:db8::10', port: 5060 })
  wire.layer.request(
    wire.now,
    outgoing('MESSAGE'),
    { transport: 'udp', address: '2001:db8::20', port: 5060 },
    wire.recorder,
  )
  t.same(wire.take()[0]!.flow.local, { address: '2001:db8::1', port: 5060 })
})

t.test('RFC 3261 18.1.1: sent-by is host name and listening port, an IPv6 host name in brackets', async t => {
  const wire = new SipWire({ hostname: '[2001:DB8::1]' })
  wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE6, wire.recorder)
  const [sent] = wire.take()
  t.match(sent!.text, /^Via: SIP\/2\.0\/UDP \[2001:db8::1\]:5060;branch=/m)
  wire.receive(responseText(sent!.text, 200), ALICE6)
  t.same(wire.events, ['200'])
})

t.test('RFC 3261 18.1.2: a response whose top Via is not ours is dropped', async t => {
  const wire = new SipWire()
  wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
  const answer = responseText(wire.take()[0]!.text, 200)
  wire.receive(answer.replace('edge1.example.org:5060', 'edge2.example.org:5060'))
  wire.receive(answer.replace('edge1.example.org:5060', 'edge1.example.org:5070'))
  t.same([wire.events, wire.strays], [[], []])
  t.equal(wire.counters.get('sip_responses_dropped', 'via'), 2)
  wire.receive(answer.replace('edge1.example.org:5060', 'EDGE1.example.org'))
  t.same(wire.events, ['200'], 'names are compared without case, 5060 is the default')
})

t.test(
  'RFC 3261 18.2.2: an answer takes the stream of its request, else a new one to received and sent-by port',
  async t => {
    const wire = new SipWire()
    const via = ['SIP/2.0/TCP pc.example.org:5080;branch=z9hG4bK-1']
    const flow = wire.open(inbound('tcp/1'))
    wire.receive(requestText({ via }), flow)
    wire.receive(requestText({ via: ['SIP/2.0/TCP pc.example.org;branch=z9hG4bK-2'], callId: 'call-2' }), flow)
    const [first, second] = wire.transactions
    wire.answer(202, first)
    t.equal(wire.take()[0]!.flow, flow)
    wire.receive(requestText({ via, callId: 'call-3' }), flow)
    wire.transport.flowClosed(wire.now, flow)
    wire.answer(202, wire.transactions[2])
    const [third] = wire.take()
    t.same(third!.flow.remote, { address: '192.0.2.10', port: 5080 })
    t.same(wire.connected, [third!.flow])
    wire.answer(202, second)
    t.same(wire.take()[0]!.flow.remote, { address: '192.0.2.10', port: 5060 })
    t.equal(wire.counters.get('sip_response_reconnects'), 2)
  },
)

t.test('RFC 3261 18.3: several messages in one segment, one in several', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  const texts = [1, 2, 3].map(n => requestText({ branch: `z9hG4bK-${n}`, callId: `call-${n}`, body: 'x'.repeat(n) }))
  const all = texts.join('')
  for (let at = 0; at < all.length; at += 250) wire.receive(all.slice(at, at + 250), flow)
  t.same(
    wire.transactions.map(({ request }) => request.body.toString()),
    ['x', 'xx', 'xxx'],
  )
})

t.test('RFC 5626 4.4.1: a ping on a stream is answered, on UDP it is counted', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  wire.receive('\r\n\r\n', flow)
  t.same(wire.take(), [{ flow, text: '\r\n' }])
  for (const text of ['\r\n\r\n', '\0', '', '\0\0\0\0', '\r\n']) wire.receive(text)
  t.same(wire.take(), [])
  t.equal(wire.counters.get('sip_keepalives'), 6)
})

t.test('RFC 3261 8.2: what is malformed is answered once, without state', async t => {
  const rows: readonly (readonly [string, string])[] = [
    [requestText().replace('CSeq: 1 MESSAGE', 'CSeq: one'), 'SIP/2.0 400 Malformed CSeq header'],
    [requestText().replace('CSeq: 1 MESSAGE', 'CSeq: 1 INVITE'), 'SIP/2.0 400 Malformed CSeq header'],
    [requestText().replace('SIP/2.0\r\n', 'SIP/3.0\r\n'), 'SIP/2.0 505 Version Not Supported'],
    [requestText({ headers: [`Subject: ${'x'.repeat(20000)}`] }), 'SIP/2.0 513 Header too long'],
  ]
  for (const [text, expected] of rows) {
    const wire = new SipWire()
    wire.receive(text)
    wire.receive(text)
    const [first, second, ...more] = wire.take()
    t.equal(first?.text.slice(0, first.text.indexOf('\r\n')), expected)
    t.match(first?.text, /^To: <sip:bob@example.org>;tag=\S+\r$/m)
    t.equal(second?.text, first?.text, 'with the same To tag each time')
    t.same(more, [])
    t.equal(wire.running, '')
    t.equal(wire.counters.get('sip_malformed', expected.slice(12)), 2)
  }
})

t.test('RFC 4475 3.1.2.1: a Via that cannot be read leaves the way the request came', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ via: ['SIP/2.0/UDP'] }))
  t.same(start(wire), ['SIP/2.0 400 Malformed Via header'])
})

t.test('RFC 3261 18.3 and 8.2.7: no answer to responses, to ACK, to noise and to what names nobody', async t => {
  const wire = new SipWire()
  const texts = [
    'GET / HTTP/1.1\r\nHost: example.org\r\n\r\n',
    'SIP/2.0 2000 OK\r\nVia: SIP/2.0/UDP edge1.example.org\r\n\r\n',
    requestText({ method: 'ACK' }).replace('CSeq: 1 ACK', 'CSeq: x'),
    requestText({ via: [] }),
    `\x00\x01${'\x80'.repeat(40)}`,
    '\r\n\r\n\r\n\r\n\r\n',
  ]
  for (const text of texts) wire.receive(text)
  t.same(start(wire), [])
  t.same(wire.transactions, [])
})

t.test('a refused message whose end is known does not end its stream, lost framing does', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  const bad = requestText({ branch: 'z9hG4bK-1', body: 'hello' }).replace('CSeq: 1 MESSAGE', 'CSeq: x')
  wire.receive(bad + requestText({ branch: 'z9hG4bK-2' }), flow)
  t.same(start(wire), ['SIP/2.0 400 Malformed CSeq header'])
  t.equal(wire.transactions.length, 1)
  t.same(wire.closed, [])
  const unframed = requestText({ branch: 'z9hG4bK-3' }).replace('Content-Length: 0\r\n', '')
  wire.receive(unframed + requestText({ branch: 'z9hG4bK-4', callId: 'call-4' }), flow)
  t.same(start(wire), ['SIP/2.0 400 Missing Content-Length header'])
  t.same(wire.closed, [flow])
  t.equal(wire.transactions.length, 1)
  t.equal(wire.counters.get('flows_closed', 'malformed'), 1)
  wire.receive(requestText({ branch: 'z9hG4bK-5', callId: 'call-5' }), flow)
  t.equal(wire.transactions.length, 1, 'bytes that were on their way are nobody’s')
})

t.test('a body beyond the bound is 513 and ends the stream', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  wire.receive(requestText().replace('Content-Length: 0', 'Content-Length: 99999999'), flow)
  t.same(start(wire), ['SIP/2.0 513 Message Too Large'])
  t.same(wire.closed, [flow])
})

t.test('no text makes it throw, nor leave anything behind', async t => {
  const entropy = new SeededEntropy(7)
  const via = 'SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK-1;rport;x="a;b", SIP/2.0/UDP 10.0.0.3'
  const texts = ['INVITE', 'MESSAGE', 'ACK', 'CANCEL'].map(method => requestText({ method, via: [via], body: 'hello' }))
  texts.push(responseText(texts[0]!, 200).replace('10.0.0.2', 'edge1.example.org'))
  const alphabet = '\r\n\0 :;,="<>@[]/\\1zZ\xff'
  const wire = new SipWire()
  for (let n = 0; n < 3000; n++) {
    let text = entropy.pick(texts)
    for (let edits = 1 + entropy.below(4); edits > 0; edits--) {
      const at = entropy.below(text.length)
      text = text.slice(0, at) + alphabet[entropy.below(alphabet.length)] + text.slice(at + entropy.below(3))
    }
    wire.receive(text)
    const flow = wire.open(inbound(`tcp/${n}`))
    wire.receive(text, flow)
    wire.transport.flowClosed(wire.now, flow)
  }
  const { sip_malformed, sip_received } = wire.counters.describe()
  t.ok(Object.keys(sip_malformed!).length > 10, 'many kinds were refused')
  t.ok(sip_received!.INVITE! > 100 && sip_received!.CANCEL! > 100, 'many were not')
  wire.runTo(400_000)
  t.equal(wire.running, '')
})

t.test('methods are counted by name when they are known, else as one', async t => {
  const wire = new SipWire()
  for (const method of ['MESSAGE', 'FOO', 'BAR']) wire.receive(requestText({ method, branch: `z9hG4bK-${method}` }))
  t.same(wire.counters.describe().sip_received, { MESSAGE: 1, other: 2 })
})
