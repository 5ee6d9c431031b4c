import t from 'tap'
import { nothingLeft, RelayNetwork } from './relay-network.fixture.ts'
import { seeded } from './simulated.fixture.ts'

const MIB = 1024 * 1024

/** Where it stands and whose it is shows in each octet. */
const bodyOf = (length: number, seed: number): Buffer => {
  const body = Buffer.alloc(length)
  for (let at = 0; at < length; at++) body[at] = (at * 7 + (at >> 8) + seed) & 255
  return body
}

t.test(
  'HIS-STO-04 both say much at a time and read little: it all arrives as it was, and little waits at the box',
  async t => {
    const net = new RelayNetwork(1, { segmentMax: 20_000 })
    for (const [at, chatter] of [net.caller, net.callee].entries()) {
      chatter.sipBytes = 30_000
      chatter.connect()
      chatter.say('large', bodyOf(6 * MIB, at), 5 * MIB)
      chatter.say('unanswered', bodyOf(3 * MIB, at + 2), 100_000, 'Failure-Report: no\r\n')
      chatter.say('many', bodyOf(2 * MIB, at + 4), 2048)
    }
    net.settle()
    for (const [at, chatter] of [net.callee, net.caller].entries()) {
      t.ok(chatter.messages.get('large')?.equals(bodyOf(6 * MIB, at)))
      t.ok(chatter.messages.get('unanswered')?.equals(bodyOf(3 * MIB, at + 2)))
      t.ok(chatter.messages.get('many')?.equals(bodyOf(2 * MIB, at + 4)))
      t.same(chatter.reports, [])
    }
    for (const side of ['caller', 'callee'] as const) {
      // What only binds is not captured.
      t.ok(net.captured(side).equals(Buffer.concat(net[side].sent.slice(1))), `${side} as it was sent`)
      t.ok(net.most[side] < MIB, `${net.most[side]} waited for ${side}`)
    }
    t.same(net.closed, [])
  },
)

t.test('a side that reads nothing at all stops the other one, whatever it asks for', async t => {
  const net = new RelayNetwork(2)
  net.caller.connect()
  net.callee.connect()
  net.settle()
  net.callee.sipBytes = 1
  net.caller.say('much', bodyOf(20 * MIB, 0), 64 * 1024, 'Failure-Report: no\r\n')
  for (let step = 0; step < 5000 && net.network.nextAt() !== undefined; step++) {
    net.clock.advanceTo(net.network.nextAt()!)
    net.network.runFirst()
  }
  t.ok(net.callee.isHeld)
  t.ok(net.most.callee < MIB, `${net.most.callee} waited`)
  const taken = net.caller.sent.reduce((sum, { length }) => sum + length, 0)
  t.ok(taken < MIB, `${taken} octets were taken from the sender`)
  net.callee.sipBytes = Number.POSITIVE_INFINITY
  net.settle()
  t.ok(net.callee.messages.get('much')?.equals(bodyOf(20 * MIB, 0)))
})

t.test('cut at any octet: what was captured is a part of what was sent, failures are told, nothing stays', async t => {
  const random = seeded(11)
  for (let seed = 0; seed < 60; seed++) {
    const net = new RelayNetwork(seed, { segmentMax: 3000, latencyMaxMs: 20 })
    net.caller.connect()
    net.callee.connect()
    net.settle()
    net.network.cutAt('msrp', random.below(250_000))
    net.caller.say('large', bodyOf(60_000, 1), 50_000)
    net.callee.say('small', bodyOf(20_000, 2), 2048)
    net.settle()
    for (const side of ['caller', 'callee'] as const) {
      const sent = Buffer.concat(net[side].sent.slice(1))
      const captured = net.captured(side)
      if (!sent.subarray(0, captured.length).equals(captured)) t.fail(`seed ${seed}: ${side} captured otherwise`)
    }
    if (net.network.isCutPending) {
      t.same(net.closed, [], `seed ${seed} came through`)
      net.relay.close(net.clock.now())
    } else if (net.closed.length !== 1) t.fail(`seed ${seed}: ${net.closed.length} told`)
    net.settle()
    net.advance(120_000)
    if (!nothingLeft(net.endpoint)) t.fail(`seed ${seed}: ${JSON.stringify(net.endpoint.describe())}`)
    // A sender that is left has its answer to each chunk, and a REPORT for what its peer never answered.
    for (const chatter of [net.caller, net.callee])
      if (chatter.reports.some(({ reportStatus }) => reportStatus?.status !== 408)) t.fail(`seed ${seed}: wrong report`)
  }
  t.pass('60 cuts')
})
