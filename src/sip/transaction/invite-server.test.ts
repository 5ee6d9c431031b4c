import t from 'tap'
import type { Flow } from '../../base/flow.ts'
import { ALICE, inbound, requestText, SipWire } from '../../testing/sip-wire.ts'

type Input = number | 'again' | 'ack' | `answer ${number}`
/** Input; then state, what went out, timers that run. */
type Row = readonly [Input, string]
type Tap = Pick<typeof t, 'equal'>

const INVITE = requestText({ method: 'INVITE' })
const ACK = requestText({ method: 'ACK', toTag: 'edge' })

function play(t: Tap, flow: Flow, rows: readonly Row[]): SipWire {
  const wire = new SipWire()
  if (flow.transport !== 'udp') wire.open(flow)
  wire.receive(INVITE, flow)
  const transaction = wire.last
  transaction.onAckTimeout = () => wire.events.push('no ACK')
  for (const [input, expected] of rows) {
    if (typeof input === 'number') wire.runTo(input)
    else if (input === 'again') wire.receive(INVITE, flow)
    else if (input === 'ack') wire.receive(ACK, flow)
    else wire.answer(Number(input.slice(7)), transaction)
    t.equal(wire.row(transaction.state), expected, `after ${input}`)
  }
  return wire
}

t.test('RFC 3261 17.2.1: 100 after 200 ms unless the user was faster', async t => {
  play(t, ALICE, [
    ['again', 'proceeding |  | 100 unanswered | '],
    [199, 'proceeding |  | 100 unanswered | '],
    [200, 'proceeding | 100 | unanswered | '],
    ['again', 'proceeding | 100 | unanswered | '],
    ['answer 180', 'proceeding | 180 | unanswered | '],
    ['again', 'proceeding | 180 | unanswered | '],
  ])
  play(t, ALICE, [
    ['answer 180', 'proceeding | 180 | unanswered | '],
    [1000, 'proceeding |  | unanswered | '],
  ])
})

t.test('RFC 3261 17.2.1: a refusal is repeated by Timer G up to T2 until the ACK', async t => {
  const wire = play(t, ALICE, [
    ['answer 486', 'completed | 486 | G H | '],
    [500, 'completed | 486 | G H | '],
    [1500, 'completed | 486 | G H | '],
    [3500, 'completed | 486 | G H | '],
    [7500, 'completed | 486 | G H | '],
    [11499, 'completed |  | G H | '],
    [11500, 'completed | 486 | G H | '],
    ['again', 'completed | 486 | G H | '],
    ['ack', 'confirmed |  | I | '],
    ['again', 'confirmed |  | I | '],
    ['ack', 'confirmed |  | I | '],
    ['answer 486', 'confirmed |  | I | '],
    [16499, 'confirmed |  | I | '],
    [16500, 'terminated |  |  | '],
  ])
  t.same(wire.acks, [], 'the ACK of a refusal is the transaction’s')
})

t.test('RFC 3261 17.2.1: Timer H tells the user that no ACK came', async t => {
  play(t, ALICE, [
    ['answer 603', 'completed | 603 | G H | '],
    [31500, `completed | ${'603 '.repeat(10).trim()} | G H | `],
    [32000, 'terminated |  |  | no ACK'],
  ])
})

t.test('RFC 3261 17.2.1: on a stream nothing is repeated and Timer I is zero', async t => {
  play(t, inbound('tcp/1'), [
    ['answer 486', 'completed | 486 | H flow | '],
    [20000, 'completed |  | H flow | '],
    ['ack', 'terminated |  | flow | '],
  ])
})

t.test('RFC 6026 7.1: in Accepted INVITEs are absorbed, 2xx pass, nothing else, until Timer L', async t => {
  const wire = play(t, ALICE, [
    ['answer 200', 'accepted | 200 | L | '],
    ['again', 'accepted |  | L | '],
    ['answer 200', 'accepted | 200 | L | '],
    ['answer 500', 'accepted |  | L | '],
    ['ack', 'accepted |  | L | '],
    [31999, 'accepted |  | L | '],
    [32000, 'terminated |  |  | '],
  ])
  t.equal(wire.acks.length, 1, 'an ACK with the branch of the INVITE goes up')
  t.equal(wire.transactions.length, 1, 'no repeated INVITE went up')
})

t.test('RFC 3261 13.3.1.4: the ACK of a 2xx has a branch of its own and goes up', async t => {
  const wire = new SipWire()
  wire.receive(INVITE)
  wire.answer(200)
  wire.receive(requestText({ method: 'ACK', branch: 'z9hG4bK-2', toTag: 'edge' }))
  t.equal(wire.acks.length, 1)
})

t.test('RFC 3261 17.2.1: an ACK before the answer changes nothing', async t => {
  play(t, ALICE, [
    ['ack', 'proceeding |  | 100 unanswered | '],
    ['answer 486', 'completed | 486 | G H | '],
  ])
})

t.test('an INVITE that its user never answers is given up', async t => {
  const wire = play(t, ALICE, [
    [299999, 'proceeding | 100 | unanswered | '],
    [300000, 'terminated |  |  | '],
  ])
  t.equal(wire.counters.get('sip_suppressed', 'unanswered'), 1)
})
