import t from 'tap'
import type { Flow } from '../../base/flow.ts'
import { ALICE, inbound, outgoing, responseText, SipWire } from '../../testing/sip-wire.ts'

type Input = number | `${number} response` | 'cancel' | '200 to CANCEL'
/** Input; then state, what went out, timers that run, what the user heard. */
type Row = readonly [Input, string]
type Tap = Pick<typeof t, 'equal'>

function play(t: Tap, flow: Flow, rows: readonly Row[]): SipWire {
  const wire = new SipWire()
  if (flow.transport !== 'udp') wire.open(flow)
  const client = wire.layer.request(wire.now, outgoing('INVITE'), flow, wire.recorder)
  const invite = wire.take()[0]!.text
  for (const [input, expected] of rows) {
    if (typeof input === 'number') wire.runTo(input)
    else if (input === 'cancel') client.cancel(wire.now)
    else if (input === '200 to CANCEL') wire.receive(responseText(invite.replace(/\d+ INVITE/, '1 CANCEL'), 200), flow)
    else wire.receive(responseText(invite, Number.parseInt(input, 10)), flow)
    t.equal(wire.row(client.state), expected, `after ${input}`)
  }
  return wire
}

t.test('RFC 3261 17.1.1.2: Timer A doubles without end, Timer B ends it', async t => {
  play(t, ALICE, [
    [499, 'calling |  | A B | '],
    [500, 'calling | INVITE | A B | '],
    [1500, 'calling | INVITE | A B | '],
    [3500, 'calling | INVITE | A B | '],
    [7500, 'calling | INVITE | A B | '],
    [15500, 'calling | INVITE | A B | '],
    [31500, 'calling | INVITE | A B | '],
    [32000, 'terminated |  |  | timeout'],
  ])
})

t.test('RFC 3261 17.1.1.2: a provisional response stops retransmission', async t => {
  play(t, ALICE, [
    ['100 response', 'proceeding |  | C | 100'],
    [60000, 'proceeding |  | C | '],
    ['180 response', 'proceeding |  | C | 180'],
    [200000, 'proceeding |  | C | '],
    ['486 response', 'completed | ACK | D | 486'],
  ])
})

t.test('RFC 3261 17.1.1.2: in Completed each repeated final is acknowledged until Timer D', async t => {
  play(t, ALICE, [
    ['603 response', 'completed | ACK | D | 603'],
    ['603 response', 'completed | ACK | D | '],
    ['180 response', 'completed |  | D | '],
    ['200 response', 'completed |  | D | '],
    [31999, 'completed |  | D | '],
    [32000, 'terminated |  |  | '],
  ])
})

t.test('RFC 3261 17.1.1.2: on a stream Timer A does not run and Timer D is zero', async t => {
  play(t, inbound('tcp/1'), [
    [20000, 'calling |  | B flow | '],
    ['488 response', 'terminated | ACK | flow | 488'],
  ])
})

t.test('RFC 6026 7.2: in Accepted every 2xx goes up until Timer M, on a stream too', async t => {
  for (const [flow, other] of [
    [ALICE, ''],
    [inbound('tcp/1'), ' flow'],
  ] as const) {
    play(t, flow, [
      ['180 response', `proceeding |  | C${other} | 180`],
      ['200 response', `accepted |  | M${other} | 200`],
      ['200 response', `accepted |  | M${other} | 200`],
      ['486 response', `accepted |  | M${other} | `],
      [31999, `accepted |  | M${other} | `],
      [32000, `terminated |  | ${other.trim()} | `],
    ])
  }
})

t.test('RFC 6026 7.2: a 2xx after Timer M belongs to nobody and is passed up as such', async t => {
  const wire = play(t, ALICE, [
    ['200 response', 'accepted |  | M | 200'],
    [32000, 'terminated |  |  | '],
    ['200 response', 'terminated |  |  | '],
  ])
  t.same(
    wire.strays.map(response => response.status),
    [200],
  )
})

t.test('RFC 3261 16.6: Timer C cancels what rings for more than three minutes', async t => {
  play(t, ALICE, [
    ['180 response', 'proceeding |  | C | 180'],
    [184999, 'proceeding |  | C | '],
    [185000, 'proceeding | CANCEL | C E F | '],
    ['200 to CANCEL', 'proceeding |  | C K | '],
    ['487 response', 'completed | ACK | D K | 487'],
  ])
})

t.test('RFC 3261 9.1: CANCEL waits for a provisional response', async t => {
  play(t, ALICE, [
    ['cancel', 'calling |  | A B | '],
    [500, 'calling | INVITE | A B | '],
    ['100 response', 'proceeding | CANCEL | C E F | 100'],
    ['200 to CANCEL', 'proceeding |  | C K | '],
    ['180 response', 'proceeding |  | C K | 180'],
    ['487 response', 'completed | ACK | D K | 487'],
  ])
})

t.test('RFC 3261 9.1: nothing is cancelled once the final response is here', async t => {
  play(t, ALICE, [
    ['180 response', 'proceeding |  | C | 180'],
    ['200 response', 'accepted |  | M | 200'],
    ['cancel', 'accepted |  | M | '],
  ])
  play(t, ALICE, [
    ['cancel', 'calling |  | A B | '],
    ['200 response', 'accepted |  | M | 200'],
  ])
})

t.test('RFC 3261 9.1: CANCEL and 200 cross: the INVITE is accepted', async t => {
  play(t, ALICE, [
    ['180 response', 'proceeding |  | C | 180'],
    ['cancel', 'proceeding | CANCEL | C E F | '],
    ['cancel', 'proceeding |  | C E F | '],
    ['200 response', 'accepted |  | E F M | 200'],
    ['200 to CANCEL', 'accepted |  | K M | '],
  ])
})

t.test('RFC 3261 9.1: cancelled and never answered, it is over 64*T1 later', async t => {
  play(t, ALICE, [
    ['180 response', 'proceeding |  | C | 180'],
    ['cancel', 'proceeding | CANCEL | C E F | '],
    ['200 to CANCEL', 'proceeding |  | C K | '],
    [31999, 'proceeding |  | C | '],
    [32000, 'terminated |  |  | timeout'],
  ])
})

t.test('RFC 3261 17.1.1.3 and 9.1: ACK and CANCEL are made of the INVITE', async t => {
  const wire = new SipWire()
  const headers = ['Route: <sip:core.example.org;lr>', 'Proxy-Require: foo', 'Content-Type: text/plain']
  const client = wire.layer.request(wire.now, outgoing('INVITE', headers, 'hello'), ALICE, wire.recorder)
  const invite = wire.take()[0]!.text
  wire.receive(responseText(invite, 180))
  client.cancel(wire.now)
  const cancel = wire.take()[0]!.text
  const via = /^Via: .*$/m.exec(invite)![0]
  const common = `${via}\r\nMax-Forwards: 70\r\nFrom: Alice <sip:alice@example.org>;tag=a1\r\n`
  const rest = 'Call-ID: call-1\r\nRoute: <sip:core.example.org;lr>\r\n'
  const end = 'Content-Length: 0\r\n\r\n'
  const uri = 'sip:bob@example.org'
  t.equal(cancel, `CANCEL ${uri} SIP/2.0\r\n${common}To: <${uri}>\r\n${rest}CSeq: 1 CANCEL\r\n${end}`)
  wire.receive(responseText(invite, 487, 'b7'))
  const ack = wire.take()[0]!.text
  t.equal(ack, `ACK ${uri} SIP/2.0\r\n${common}To: <${uri}>;tag=b7\r\n${rest}CSeq: 1 ACK\r\n${end}`)
})

t.test('RFC 3261 17.1.4: a lost stream ends an INVITE that waits, and not one that was accepted', async t => {
  const wire = new SipWire()
  const flow = wire.open(inbound('tcp/1'))
  const waiting = wire.layer.request(wire.now, outgoing('INVITE'), flow, wire.recorder)
  wire.take()
  const accepted = wire.layer.request(wire.now, outgoing('INVITE'), flow, wire.recorder)
  wire.receive(responseText(wire.take()[0]!.text, 200), flow)
  wire.transport.flowClosed(wire.now, flow)
  t.same(wire.events, ['200', 'error: connection closed'])
  t.same([waiting.state, accepted.state], ['terminated', 'terminated'])
  t.equal(wire.running, '')
})

t.test('RFC 3261 13.2.2.4: a 2xx to an INVITE that was abandoned is passed up as a stray', async t => {
  const wire = new SipWire()
  const client = wire.layer.request(wire.now, outgoing('INVITE'), ALICE, wire.recorder)
  const invite = wire.take()[0]!.text
  client.abandon()
  wire.receive(responseText(invite, 180))
  wire.receive(responseText(invite, 200))
  t.same(wire.events, [])
  t.same(
    wire.strays.map(response => response.status),
    [200],
  )
})
