import t from 'tap'
import { type Flow, udpFlow } from '../base/flow.ts'
import type { Instant } from '../base/time.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { type Faults, PERFECT, SimulatedNetwork, type Station } from './simulated-network.ts'

const A = { address: '10.0.0.1', port: 5060 }
const B = { address: '10.0.0.2', port: 5060 }
const flow: Flow = { id: 'a', protocol: 'msrp', transport: 'tcp', local: { ...A, port: 0 }, remote: B }

interface Heard extends Station {
  received: Station['received']
  readonly got: string[]
  readonly flows: Flow[]
  readonly closed: string[]
}

function station(name: string): Heard {
  const heard = { name, got: [] as string[], flows: [] as Flow[], closed: [] as string[] }
  return {
    ...heard,
    flowOpened: (_now, opened) => void heard.flows.push(opened),
    received: (_now, _flow, bytes) => void heard.got.push(bytes.toString()),
    flowClosed: (_now, _flow, reason) => void heard.closed.push(reason),
  }
}

function net(faults: Partial<Faults> = {}) {
  const clock = new SimulatedClock()
  const network = new SimulatedNetwork(clock, new SeededEntropy(1), { ...PERFECT, ...faults })
  const [a, b] = [station('a'), station('b')]
  network.listen(b, 'sip', 'udp', B)
  network.listen(b, 'msrp', 'tcp', B)
  const settle = (): void => {
    for (let next = network.nextAt(); next !== undefined; next = network.nextAt()) {
      clock.advanceTo(next as Instant)
      network.runFirst()
    }
  }
  return { network, a, b, settle }
}

const numbers = Array.from({ length: 1000 }, (_, index) => String(index))

t.test('datagrams: lost, doubled and overtaking as told', async t => {
  const { network, a, b, settle } = net({ loss: 0.2, duplication: 0.1, latencyMaxMs: 50 })
  for (const number of numbers) network.transmit(a, udpFlow(A, B), Buffer.from(number))
  settle()
  const seen = new Set(b.got)
  t.ok(seen.size > 750 && seen.size < 850, `${seen.size} arrived`)
  t.ok(b.got.length > seen.size + 40, 'some twice')
  t.notSame(
    b.got,
    [...b.got].sort((x, y) => Number(x) - Number(y)),
    'out of order',
  )
})

t.test('streams: every byte once and in order, whatever the pieces', async t => {
  const { network, a, b, settle } = net({ loss: 0.5, duplication: 0.5, latencyMaxMs: 50, segmentMax: 3 })
  network.connect(a, flow)
  for (const number of numbers) network.transmit(a, flow, Buffer.from(`${number};`))
  network.close(a, flow)
  settle()
  t.equal(b.got.join(''), `${numbers.join(';')};`)
  t.ok(b.got.every(piece => piece.length <= 3))
  t.same(b.closed, ['closed by peer'])
  t.same(a.closed, [])
})

t.test('a cut lets exactly so many bytes through, of both directions together', async t => {
  for (let atByte = 0; atByte <= 10; atByte++) {
    const { network, a, b, settle } = net()
    network.connect(a, flow)
    settle()
    network.cutAt('msrp', atByte)
    network.transmit(a, flow, Buffer.from('01234'))
    network.transmit(b, b.flows[0]!, Buffer.from('56789'))
    settle()
    t.equal(a.got.join('').length + b.got.join('').length, atByte)
    t.same([a.closed, b.closed], [['connection reset'], ['connection reset']])
    t.notOk(network.isCutPending)
  }
})

t.test('a station that is unplugged hears nothing more, and its peers see a reset', async t => {
  const { network, a, b, settle } = net()
  network.connect(a, flow)
  settle()
  network.transmit(a, flow, Buffer.from('on its way'))
  network.unplug(b)
  network.transmit(a, udpFlow(A, B), Buffer.from('too'))
  settle()
  t.same([b.got, b.closed, a.closed], [[], [], ['connection reset']])
  network.connect(a, flow)
  settle()
  t.same(a.closed, ['connection reset', 'refused'])
})

t.test('a dark address neither sends nor gets, and connections to it time out', async t => {
  const { network, a, b, settle } = net()
  network.darken(B.address, true)
  network.transmit(a, udpFlow(A, B), Buffer.from('unseen'))
  network.connect(a, flow)
  settle()
  t.same([b.got, a.closed], [[], ['timed out']])
})

t.test('a held stream waits in order, the other one goes on, and what waits comes when it is let go', async t => {
  const { network, a, b, settle } = net({ segmentMax: 3 })
  const second = { ...flow, id: 'a2' }
  network.connect(a, flow)
  network.connect(a, second)
  settle()
  network.hold(b, b.flows[0]!, true)
  network.transmit(a, flow, Buffer.from('first held, '))
  settle()
  network.transmit(a, flow, Buffer.from('then more'))
  network.transmit(a, second, Buffer.from('not held'))
  network.close(a, flow)
  settle()
  t.equal(b.got.splice(0).join(''), 'not held')
  t.same(b.closed, [], 'the end comes behind what waits')
  network.hold(b, b.flows[0]!, false)
  settle()
  t.equal(b.got.join(''), 'first held, then more')
  t.same(b.closed, ['closed by peer'])
})

t.test('a station may hold again while it hears what waited', async t => {
  const { network, a, b, settle } = net({ segmentMax: 4 })
  network.connect(a, flow)
  settle()
  network.hold(b, b.flows[0]!, true)
  network.transmit(a, flow, Buffer.from('0123456789'))
  settle()
  const pieces: string[] = []
  b.received = (_now, held, bytes) => {
    pieces.push(bytes.toString())
    network.hold(b, held, true)
  }
  for (let i = 1; i < 100 && pieces.join('').length < 10; i++) {
    network.hold(b, b.flows[0]!, false)
    settle()
    t.equal(pieces.length, i, 'one each time')
  }
  t.equal(pieces.join(''), '0123456789')
})

t.test('what waits for a held stream is bounded by its window and the queue of the sender', async t => {
  const { network, a, b, settle } = net()
  network.connect(a, flow)
  settle()
  network.hold(b, b.flows[0]!, true)
  for (let i = 0; i < 65; i++) network.transmit(a, flow, Buffer.alloc(64 * 1024))
  settle()
  t.same([a.closed, b.closed], [[], []])
  network.transmit(a, flow, Buffer.alloc(1))
  settle()
  t.same([a.closed, b.closed], [['write queue full'], ['write queue full']])
  t.equal(b.got.length, 0)
})
