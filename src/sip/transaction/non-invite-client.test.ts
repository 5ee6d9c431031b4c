import t from 'tap'
import type { Flow } from '../../base/flow.ts'
import { ALICE, inbound, outgoing, responseText, SipWire } from '../../testing/sip-wire.ts'

/** A time in milliseconds to run to, or a response to receive; then state, what went out, timers that run, what the user heard. */
type Row = readonly [number | `${number} response`, string]

function play(t: Tap, flow: Flow, rows: readonly Row[]): void {
  const wire = new SipWire()
  if (flow.transport !== 'udp') wire.open(flow)
  const client = wire.layer.request(wire.now, outgoing('MESSAGE'), flow, wire.recorder)
  const request = wire.take()[0]!.text
  for (const [input, expected] of rows) {
    if (typeof input === 'number') wire.runTo(input)
    else wire.receive(responseText(request, Number.parseInt(input, 10)), flow)
    t.equal(wire.row(client.state), expected, `after ${input}`)
  }
}

type Tap = Pick<typeof t, 'equal'>

t.test('RFC 3261 17.1.2.2: Timer E doubles up to T2, Timer F ends it', async t => {
  play(t, ALICE, [
    [499, 'trying |  | E F | '],
    [500, 'trying | MESSAGE | E F | '],
    [1500, 'trying | MESSAGE | E F | '],
    [3500, 'trying | MESSAGE | E F | '],
    [7499, 'trying |  | E F | '],
    [7500, 'trying | MESSAGE | E F | '],
    [11500, 'trying | MESSAGE | E F | '],
    [31500, 'trying | MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE | E F | '],
    [31999, 'trying |  | E F | '],
    [32000, 'terminated |  |  | timeout'],
    ['200 response', 'terminated |  |  | '],
    [99000, 'terminated |  |  | '],
  ])
})

t.test('RFC 3261 17.1.2.2: in Proceeding the request is repeated every T2 until Timer F', async t => {
  play(t, ALICE, [
    ['100 response', 'proceeding |  | E F | 100'],
    [500, 'proceeding | MESSAGE | E F | '],
    [4499, 'proceeding |  | E F | '],
    [4500, 'proceeding | MESSAGE | E F | '],
    ['183 response', 'proceeding |  | E F | 183'],
    [32000, 'terminated | MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE MESSAGE |  | timeout'],
  ])
})

t.test('RFC 3261 17.1.2.2: in Completed repeated responses are absorbed for T4', async t => {
  play(t, ALICE, [
    ['202 response', 'completed |  | K | 202'],
    ['202 response', 'completed |  | K | '],
    ['500 response', 'completed |  | K | '],
    [4999, 'completed |  | K | '],
    [5000, 'terminated |  |  | '],
  ])
})

t.test('what was answered is not kept while repetitions of the answer are absorbed', async t => {
  const wire = new SipWire()
  const client = wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
  const [sent] = wire.take()
  t.equal(client.request.headers.length, 1 + outgoing('MESSAGE').headers.length)
  wire.receive(responseText(sent!.text, 100), ALICE)
  t.not(client.request.headers.length, 0, 'it may have to be repeated')
  wire.receive(responseText(sent!.text, 200), ALICE)
  t.strictSame([client.state, client.request.method], ['completed', 'MESSAGE'])
  t.strictSame([client.request.headers.length, client.request.body.length], [0, 0])
})

t.test('RFC 3261 17.1.2.2: on a stream nothing is repeated and Timer K is zero', async t => {
  play(t, inbound('tcp/1'), [
    [20000, 'trying |  | F flow | '],
    ['404 response', 'terminated |  | flow | 404'],
  ])
})

t.test('retransmissions are counted', async t => {
  const wire = new SipWire()
  wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
  t.equal(wire.counters.get('sip_retransmitted', 'sent'), 0)
  wire.runTo(1500)
  t.equal(wire.counters.get('sip_retransmitted', 'sent'), 2)
})

t.test('RFC 3261 17.1.2.2: a lost answer is fetched by a retransmission', async t => {
  play(t, ALICE, [
    [600, 'trying | MESSAGE | E F | '],
    ['200 response', 'completed |  | K | 200'],
    [6000, 'terminated |  |  | '],
  ])
})

t.test('RFC 3261 17.1.4: a flow that fails ends the transaction at once', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  const client = wire.layer.request(wire.now, outgoing('MESSAGE'), flow, wire.recorder)
  wire.transport.flowClosed(wire.now, flow)
  t.equal(wire.row(client.state), 'terminated | MESSAGE |  | error: connection closed')
})

t.test('RFC 3261 17.1.4: a flow that is gone already is told of after the call', async t => {
  const wire = new SipWire()
  const client = wire.layer.request(wire.now, outgoing('MESSAGE'), inbound('tcp/gone'), wire.recorder)
  t.same(wire.events, [])
  wire.runTo(0)
  t.equal(wire.row(client.state), 'terminated |  |  | error: not sent')
})

t.test('what is abandoned says nothing more and still ends', async t => {
  const wire = new SipWire()
  const client = wire.layer.request(wire.now, outgoing('MESSAGE'), ALICE, wire.recorder)
  client.abandon()
  wire.take()
  wire.runTo(40000)
  t.equal(client.state, 'terminated')
  t.same(wire.events, [])
  t.equal(wire.running, '')
})
