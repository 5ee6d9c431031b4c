import t from 'tap'
import type { Flow } from '../../base/flow.ts'
import { ALICE, inbound, requestText, SipWire } from '../../testing/sip-wire.ts'

type Input = number | 'again' | `answer ${number}`
/** Input; then state, what went out, timers that run. */
type Row = readonly [Input, string]
type Tap = Pick<typeof t, 'equal'>

function play(t: Tap, flow: Flow, rows: readonly Row[]): SipWire {
  const wire = new SipWire()
  if (flow.transport !== 'udp') wire.open(flow)
  wire.receive(requestText(), flow)
  const transaction = wire.last
  for (const [input, expected] of rows) {
    if (typeof input === 'number') wire.runTo(input)
    else if (input === 'again') wire.receive(requestText(), flow)
    else wire.answer(Number(input.slice(7)), transaction)
    t.equal(wire.row(transaction.state), `${expected} | `, `after ${input}`)
  }
  t.equal(wire.transactions.length, 1, 'the user saw one request')
  return wire
}

t.test('RFC 3261 17.2.2: in Trying retransmissions are absorbed, in Completed answered until Timer J', async t => {
  const wire = play(t, ALICE, [
    ['again', 'trying |  | 100'],
    ['answer 202', 'completed | 202 | J'],
    ['again', 'completed | 202 | J'],
    ['answer 500', 'completed |  | J'],
    [31999, 'completed |  | J'],
    ['again', 'completed | 202 | J'],
    [32000, 'completed |  | '],
  ])
  t.equal(wire.counters.get('sip_retransmitted', 'received'), 3)
  wire.receive(requestText())
  t.equal(wire.transactions.length, 2, 'after Timer J it is a new request')
})

t.test('RFC 4320 4.1: 100 goes out when Timer E of the client stands at T2, and not before', async t => {
  const wire = play(t, ALICE, [
    ['answer 100', 'trying |  | 100'],
    ['answer 183', 'trying |  | 100'],
    [3499, 'trying |  | 100'],
    [3500, 'proceeding | 100 | unanswered'],
    ['again', 'proceeding | 100 | unanswered'],
    ['answer 183', 'proceeding |  | unanswered'],
    ['answer 200', 'completed | 200 | J'],
  ])
  t.equal(wire.counters.get('sip_suppressed', 'provisional'), 3)
})

t.test('RFC 4320 4.1: on a stream 100 may go out at once, other provisional responses never', async t => {
  play(t, inbound('tcp/1'), [
    ['answer 183', 'trying |  | 100 flow'],
    ['answer 100', 'proceeding | 100 | 100 flow'],
    [3500, 'proceeding |  | flow unanswered'],
    ['answer 200', 'terminated | 200 | flow'],
  ])
})

t.test('RFC 4320 4.2: 408 is never sent, and the request stays absorbed', async t => {
  const wire = play(t, ALICE, [
    ['answer 408', 'completed |  | J'],
    ['again', 'completed |  | J'],
    [32000, 'completed |  | '],
  ])
  t.equal(wire.counters.get('sip_suppressed', '408'), 1)
})

t.test('RFC 3261 17.2.2: on a stream Timer J is zero', async t => {
  play(t, inbound('tcp/1'), [['answer 403', 'terminated | 403 | flow']])
})

t.test('a request that its user never answers is given up', async t => {
  const wire = play(t, ALICE, [
    [63999, 'proceeding | 100 | unanswered'],
    [64000, 'terminated |  | '],
    ['answer 200', 'terminated |  | '],
  ])
  t.equal(wire.counters.get('sip_suppressed', 'unanswered'), 1)
})
