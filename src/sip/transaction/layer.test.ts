import t from 'tap'
import { udpFlow } from '../../base/flow.ts'
import { parseNameAddr } from '../../sip-parser-lite/typed.ts'
import { ALICE, inbound, outgoing, requestText, responseText, SipWire } from '../../testing/sip-wire.ts'

const statuses = (wire: SipWire): string => wire.lines().join(' ')

t.test('RFC 3261 17.2.3: branch, sent-by and method make the server transaction', async t => {
  const wire = new SipWire()
  const texts = [
    requestText({}),
    requestText({ branch: 'z9hG4bK-2', callId: 'call-2' }),
    requestText({ via: ['SIP/2.0/UDP 192.0.2.10:5071;branch=z9hG4bK-1'], callId: 'call-3' }),
    requestText({ method: 'OPTIONS', callId: 'call-4' }),
  ]
  for (const text of [...texts, ...texts]) wire.receive(text)
  t.equal(wire.transactions.length, 4)
  t.equal(new Set(wire.transactions.map(({ id }) => id)).size, 4)
})

t.test('RFC 3261 17.2.3: without a branch of RFC 3261 the headers of RFC 2543 decide (RFC 4475 3.2.1)', async t => {
  for (const via of ['SIP/2.0/UDP 192.0.2.10:5070', 'SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK']) {
    const wire = new SipWire()
    const invite = requestText({ method: 'INVITE', via: [via] })
    wire.receive(invite)
    wire.receive(invite)
    t.equal(wire.transactions.length, 1, via)
    wire.answer(486)
    wire.receive(requestText({ method: 'ACK', via: [via], toTag: 'other' }))
    t.equal(wire.last.state, 'completed', 'an ACK to another To tag is not its own')
    wire.receive(requestText({ method: 'ACK', via: [via], toTag: 'edge' }))
    t.equal(wire.last.state, 'confirmed')
    wire.receive(requestText({ method: 'INVITE', via: [via], seq: 2 }))
    t.equal(wire.transactions.length, 2, 'another CSeq is another transaction')
  }
})

t.test('RFC 3261 8.2.2.2: the same request by another way is merged while the first is under way', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ branch: 'z9hG4bK-1' }))
  wire.receive(requestText({ branch: 'z9hG4bK-2' }))
  t.equal(statuses(wire), '482')
  wire.receive(requestText({ branch: 'z9hG4bK-2' }))
  t.equal(statuses(wire), '482', 'a retransmission gets the same')
  wire.receive(requestText({ branch: 'z9hG4bK-4', toTag: 'edge' }))
  t.equal(wire.transactions.length, 2, 'a request within a dialog is never merged')
  t.equal(wire.counters.get('sip_merged'), 1)
})

t.test('a request that comes again by another way once it was answered is served: its answer was lost', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ branch: 'z9hG4bK-1' }))
  wire.answer(202)
  wire.receive(requestText({ branch: 'z9hG4bK-2' }))
  t.equal(wire.transactions.length, 2)
  t.equal(wire.counters.get('sip_merged'), 0)
})

t.test('RFC 3261 8.2.2.2: a merged INVITE is refused and acknowledged like any other', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ method: 'INVITE', branch: 'z9hG4bK-1' }))
  wire.receive(requestText({ method: 'INVITE', branch: 'z9hG4bK-2' }))
  const [refusal] = wire.take()
  t.match(refusal!.text, /^SIP\/2\.0 482 /)
  const toTag = /^To:.*;tag=(\S+)/m.exec(refusal!.text)![1]!
  wire.receive(requestText({ method: 'ACK', branch: 'z9hG4bK-2', toTag }))
  t.same(wire.acks, [])
  t.match(wire.running, /\bI\b/)
})

t.test('a client that repeats a challenged request with the same CSeq is served', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ branch: 'z9hG4bK-1' }))
  wire.answer(401)
  wire.receive(requestText({ branch: 'z9hG4bK-2' }))
  t.equal(wire.transactions.length, 2)
})

t.test('RFC 3261 9.2: CANCEL of an INVITE that waits', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ method: 'INVITE' }))
  wire.receive(requestText({ method: 'CANCEL' }))
  const [cancelled, terminated] = wire.take()
  t.match(cancelled!.text, /^SIP\/2\.0 200 [\s\S]*CSeq: 1 CANCEL/)
  t.match(terminated!.text, /^SIP\/2\.0 487 [\s\S]*CSeq: 1 INVITE/)
  const tag = (text: string) => /^To:.*;tag=(\S+)/m.exec(text)?.[1]
  t.equal(tag(cancelled!.text), tag(terminated!.text), 'both with the same To tag')
  wire.receive(requestText({ method: 'CANCEL' }))
  t.equal(statuses(wire), '200', 'CANCEL is a transaction of its own')
})

t.test('RFC 3261 9.2: the user is told of the CANCEL once and answers itself', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ method: 'INVITE' }))
  wire.last.onCancel = () => wire.answer(487)
  wire.receive(requestText({ method: 'CANCEL' }))
  t.equal(statuses(wire), '200 487')
})

t.test('RFC 3261 9.2: CANCEL that comes too late changes nothing', async t => {
  for (const status of [200, 486]) {
    const wire = new SipWire()
    wire.receive(requestText({ method: 'INVITE' }))
    wire.answer(status)
    wire.receive(requestText({ method: 'CANCEL' }))
    t.equal(statuses(wire), `${status} 200`)
  }
})

t.test('RFC 3261 9.2: CANCEL of nothing is 481, of a non-INVITE it is in vain', async t => {
  const wire = new SipWire()
  wire.receive(requestText({ method: 'CANCEL' }))
  t.equal(statuses(wire), '481')
  wire.receive(requestText({ branch: 'z9hG4bK-2' }))
  wire.receive(requestText({ method: 'CANCEL', branch: 'z9hG4bK-2' }))
  t.equal(statuses(wire), '200')
  t.equal(wire.last.state, 'trying')
  t.equal(wire.transactions.length, 1, 'no CANCEL reaches the user')
})

t.test('RFC 3261 17.1.3: branch and CSeq method find the client transaction', async t => {
  const wire = new SipWire()
  const client = wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
  const [sent] = wire.take()
  t.match(client.id, /^z9hG4bK[a-z2-7]{16}$/)
  const answer = responseText(sent!.text, 200)
  wire.receive(answer.replace('CSeq: 1 MESSAGE', 'CSeq: 1 OPTIONS'))
  wire.receive(answer.replace(client.id, `${client.id}x`))
  t.same(wire.events, [])
  t.equal(wire.strays.length, 2)
  wire.receive(answer)
  t.same(wire.events, ['200'])
})

t.test('RFC 3261 8.1.1.7: our Via goes on top of those that are there, each time with a branch of its own', async t => {
  const wire = new SipWire()
  const request = outgoing('MESSAGE')
  request.headers.unshift({ name: 'Via', key: 'via', value: 'SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKa' })
  const one = wire.layer.request(wire.now, request, ALICE, wire.recorder)
  const other = wire.layer.request(wire.now, request, ALICE, wire.recorder)
  t.not(one.id, other.id)
  const [first] = wire.take()
  const vias = first!.text.match(/^Via: .*$/gm)!.map(line => line.trimEnd())
  t.same(vias, [
    `Via: SIP/2.0/UDP edge1.example.org:5060;branch=${one.id};rport`,
    'Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKa',
  ])
  t.equal(request.headers.filter(({ key }) => key === 'via').length, 1, 'the caller’s request is left as it was')
})

t.test('RFC 3261 18.1.1: more than 1300 bytes go by TCP where the transport was left open', async t => {
  const wire = new SipWire()
  const hop = { transport: 'udp', address: '192.0.2.20', port: 5060 } as const
  const large = outgoing('MESSAGE', [], 'x'.repeat(1300))
  const client = wire.layer.request(wire.now, large, { ...hop, isTransportFree: true }, wire.recorder)
  t.equal(client.flow.transport, 'tcp')
  t.match(wire.take()[0]!.text, /^Via: SIP\/2\.0\/TCP edge1\.example\.org:5060;branch=\S+$/m)
  const small = wire.layer.request(wire.now, outgoing('MESSAGE'), { ...hop, isTransportFree: true }, wire.recorder)
  t.equal(small.flow.transport, 'udp')
  t.equal(wire.layer.request(wire.now, large, hop, wire.recorder).flow.transport, 'udp', 'UDP was asked for')
  t.equal(wire.layer.request(wire.now, large, ALICE, wire.recorder).flow, ALICE, 'a flow is a flow')
})

t.test('RFC 3261 18.1.1: when TCP fails the large request goes by UDP after all', async t => {
  const wire = new SipWire()
  const hop = { transport: 'udp', address: '192.0.2.20', port: 5060, isTransportFree: true } as const
  const client = wire.layer.request(wire.now, outgoing('MESSAGE', [], 'x'.repeat(1300)), hop, wire.recorder)
  wire.take()
  wire.transport.flowClosed(wire.now, wire.connected[0]!)
  const [again] = wire.take()
  t.equal(again!.flow.transport, 'udp')
  t.match(again!.text, /^Via: SIP\/2\.0\/UDP /m)
  t.same(wire.events, [])
  wire.runTo(500)
  wire.receive(responseText(wire.take()[0]!.text, 200), again!.flow)
  t.equal(wire.row(client.state), 'completed |  | K | 200')
})

t.test('RFC 3261 18.1.1: a request that no datagram can carry fails', async t => {
  const wire = new SipWire()
  wire.layer.request(wire.now, outgoing('MESSAGE', [], 'x'.repeat(65500)), ALICE, wire.recorder)
  wire.runTo(1)
  t.same(wire.events, ['error: not sent'])
  t.equal(wire.counters.get('sip_transport_errors', 'request'), 1)
})

t.test('no listener of that family: the request fails after the call', async t => {
  const wire = new SipWire({ listeners: [{ transport: 'udp', endpoint: { address: '192.0.2.1', port: 5060 } }] })
  for (const transport of ['udp', 'tcp'] as const) {
    const address = transport === 'udp' ? '2001:db8::20' : '192.0.2.20'
    wire.layer.request(wire.now, outgoing('MESSAGE'), { transport, address, port: 5060 }, wire.recorder)
  }
  t.same(wire.events, [])
  wire.runTo(0)
  t.same(wire.events, ['error: no way to that address', 'error: no way to that address'])
})

t.test('RFC 3261 17.1.4: a datagram flow reported lost ends what was sent on it, and nothing else', async t => {
  const wire = new SipWire()
  const other = udpFlow(ALICE.local, { address: '192.0.2.11', port: 5060 })
  wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
  const kept = wire.layer.request(wire.now, outgoing('MESSAGE'), other, wire.recorder)
  wire.transport.flowClosed(wire.now, ALICE)
  t.same(wire.events, ['error: connection closed'])
  t.equal(kept.state, 'trying')
})

t.test('RFC 3261 21.5.4: beyond the bound 503 with Retry-After, and nothing is kept', async t => {
  const wire = new SipWire({ limits: { active: 2, clients: 2 } })
  for (const n of [1, 2, 3]) wire.receive(requestText({ branch: `z9hG4bK-${n}`, callId: `call-${n}` }))
  t.equal(wire.transactions.length, 2)
  const [refused] = wire.take()
  t.match(refused!.text, /^SIP\/2\.0 503 [\s\S]*Retry-After: \d+\r\n/)
  wire.receive(requestText({ branch: 'z9hG4bK-3', callId: 'call-3' }))
  t.equal(wire.take()[0]!.text, refused!.text, 'the same answer each time')
  wire.answer(200)
  wire.receive(requestText({ branch: 'z9hG4bK-3', callId: 'call-3' }))
  t.equal(wire.transactions.length, 3, 'served when there is room')
  wire.receive(requestText({ branch: 'z9hG4bK-3', callId: 'call-3' }))
  t.equal(wire.counters.get('sip_answers', 'MESSAGE 5xx'), 2)
  t.equal(wire.counters.get('sip_answers', 'MESSAGE 2xx'), 1)
})

t.test('RFC 6026 7.1 nor do accepted ones, which are bounded for themselves, the oldest first', async t => {
  const wire = new SipWire({ limits: { active: 2, clients: 2, accepted: 3 } })
  const invite = (n: number): string => requestText({ method: 'INVITE', branch: `z9hG4bK-a${n}`, callId: `a${n}` })
  for (let n = 0; n < 10; n++) {
    wire.receive(invite(n))
    wire.answer(180)
    wire.answer(200)
  }
  t.equal(wire.transactions.length, 10)
  t.match(wire.layer.described(), { servers: { active: { 'INVITE accepted': 3 } } })
  wire.receive(invite(9))
  t.equal(wire.transactions.length, 10, 'a repetition of a late one is absorbed')
  t.same(wire.counters.describe().sip_answers, { 'INVITE 2xx': 10 })
  wire.runTo(60_000)
  t.match(wire.layer.described(), { servers: { active: {} } })
  t.equal(wire.running, '')
})

t.test('refused INVITEs that nobody acknowledges do not keep others out', async t => {
  const wire = new SipWire({ limits: { active: 2, clients: 2, refused: 3 } })
  for (let n = 1; n <= 10; n++) {
    wire.receive(requestText({ method: 'INVITE', branch: `z9hG4bK-${n}`, callId: `call-${n}` }))
    wire.answer(401)
  }
  t.equal(wire.transactions.length, 10)
  t.same(
    wire.transactions.map(({ state }) => state),
    [...Array(7).fill('terminated'), ...Array(3).fill('completed')],
  )
  t.same(wire.timers.describe(), { G: 3, H: 3 })
})

t.test('beyond the bound of client transactions a request fails', async t => {
  const wire = new SipWire({ limits: { active: 2, clients: 2 } })
  for (const _ of [1, 2, 3]) wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
  wire.runTo(0)
  t.same(wire.events, ['error: too many requests under way'])
  t.equal(wire.lines().length, 2)
})

t.test('answered requests that only wait for Timer K make room for new ones', async t => {
  const wire = new SipWire({ limits: { active: 2, clients: 2 } })
  for (let n = 0; n < 10; n++) {
    wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
    wire.receive(responseText(wire.take()[0]!.text, 200))
  }
  t.same(wire.timers.describe(), { K: 2 })
  t.equal(wire.events.length, 10)
  t.notOk(wire.events.some(event => event.startsWith('error')))
})

t.test('RFC 3261 13.2.2.4: the ACK of a 2xx is sent with a branch of its own and not kept', async t => {
  const wire = new SipWire()
  wire.layer.send(wire.now, outgoing('ACK'), ALICE)
  t.match(wire.take()[0]!.text, /^ACK [\s\S]*Via: SIP\/2\.0\/UDP edge1\.example\.org:5060;branch=z9hG4bK/)
  t.equal(wire.running, '')
})

t.test('RFC 3261 17.2.4: the user hears that its answer cannot be sent', async t => {
  const wire = new SipWire()
  wire.receive(requestText())
  let isTold = false
  wire.last.onTransportError = () => {
    isTold = true
  }
  const response = { kind: 'response' as const, status: 200, reason: 'OK', headers: [], body: Buffer.alloc(70000) }
  wire.last.respond(wire.now, response)
  t.ok(isTold)
  t.equal(wire.counters.get('sip_transport_errors', 'response'), 1)
})

t.test('RFC 3261 21.4.1: a header that the user cannot read is 400 with its name; a defect goes on up', async t => {
  const wire = new SipWire()
  const { onAck, onStrayResponse } = wire.layer.user!
  const onRequest = () => parseNameAddr('<', 'Contact')
  wire.layer.user = { onAck, onStrayResponse, onRequest }
  wire.receive(requestText())
  t.match(wire.take()[0]!.text, /^SIP\/2\.0 400 Malformed Contact header\r\n/)
  const defect = () => {
    throw new RangeError('defect')
  }
  wire.layer.user = { onAck, onStrayResponse, onRequest: defect }
  t.throws(() => wire.receive(requestText({ branch: 'z9hG4bK-2', callId: 'call-2' })), RangeError)
})

t.test('the console sees what is under way', async t => {
  const wire = new SipWire()
  wire.receive(requestText())
  wire.receive(requestText({ branch: 'z9hG4bK-2', callId: 'call-2' }))
  wire.answer(202)
  wire.layer.request(wire.now, outgoing('INVITE'), wire.open(inbound('tcp/1')), wire.recorder)
  t.match(wire.layer.described(), {
    servers: { active: { 'non-INVITE trying': 1 }, completed: 1 },
    clients: { 'INVITE calling': 1 },
  })
})

t.test('every final answer is counted once, by method and class, whatever method the wire names', async t => {
  const wire = new SipWire()
  const methods = ['OPTIONS', 'FROBNICATE', 'X'.repeat(500)]
  for (const [n, method] of methods.entries()) {
    const request = requestText({ method, branch: `z9hG4bK-m${n}`, callId: `m${n}` })
    wire.receive(request)
    wire.answer(n === 0 ? 200 : 501)
    wire.receive(request)
  }
  t.same(wire.counters.describe().sip_answers, { 'OPTIONS 2xx': 1, 'other 5xx': 2 })
})
