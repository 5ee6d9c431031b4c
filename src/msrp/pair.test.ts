import t from 'tap'
import { joined, type Owner, Pair, seeded } from './simulated.fixture.ts'

const bodyOf = (below: (bound: number) => number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => '\r\n-------$+#x'.charCodeAt(below(13))))

t.test('RFC 4975 5: two endpoints exchange everything both ways, whatever the pieces, for many seeds', async t => {
  for (let seed = 1; seed <= 60; seed++) {
    const { below } = seeded(seed)
    const size = 1 + below(3000)
    const pair = new Pair({}, length => 1 + below(Math.min(length, size)))
    const { active, passive } = joined(pair, { a: { chunkBytes: 1 + below(5000) }, b: { chunkBytes: 1 + below(5000) } })
    const sent = new Map<string, Buffer>()
    for (let i = 0; i < 6; i++) {
      const [owner, body] = [below(2) ? active : passive, bodyOf(below, below(4) ? below(300) : below(20_000))]
      sent.set(`mess${i}`, body)
      owner.send(`mess${i}`, body, { successReport: below(2) === 0 })
      if (below(3) === 0) pair.settle()
    }
    pair.settle()
    const outcomes = [...active.outcomes, ...passive.outcomes]
    t.strictSame(
      new Set(outcomes.map(([, outcome]) => JSON.stringify(outcome))),
      new Set(['{"status":200}']),
      `seed ${seed}`,
    )
    const received = [...active.messages, ...passive.messages]
    t.ok(
      received.length === 6 && received.every(({ messageId, body }) => sent.get(messageId)!.equals(body)),
      `seed ${seed}`,
    )
    active.session.close(pair.a.now)
    pair.settle()
    t.equal(pair.a.timers.size + pair.b.timers.size, 0, 'no timer is left')
  }
})

t.test('RFC 4975 5.4: several sessions on one connection do not mix', async t => {
  const pair = new Pair()
  const pairs = Array.from({ length: 5 }, () => joined(pair))
  pair.settle()
  t.match(pair.a.endpoint.describe(), { connections: 1, sessions: 5 })
  for (const [i, { active }] of pairs.entries()) active.send('same', Buffer.alloc(50_000, String(i)))
  pair.settle()
  for (const [i, { active, passive }] of pairs.entries()) {
    t.strictSame(active.outcomes.get('same'), { status: 200 })
    t.ok(passive.messages[0]?.body.equals(Buffer.alloc(50_000, String(i))))
  }
})

t.test(
  'custody: a connection cut at any octet leaves every message with one outcome, and 200 only for what arrived',
  async t => {
    const converse = (octets: number) => {
      const pair = new Pair({}, undefined, octets)
      const { active, passive } = joined(pair)
      pair.settle()
      active.send('mess1', 'first')
      active.send('mess2', 'x'.repeat(2100))
      passive.send('mess3', 'back')
      pair.settle()
      pair.a.advance(60_000)
      pair.b.advance(60_000)
      pair.settle()
      return { pair, active, passive }
    }
    const whole = converse(1_000_000)
    t.equal(
      [...whole.active.outcomes.values(), ...whole.passive.outcomes.values()].filter(o => 'status' in o).length,
      3,
    )
    const problems: string[] = []
    for (let octets = 0; octets < whole.pair.carried; octets++) {
      const { pair, active, passive } = converse(octets)
      const problem = problemOf(pair, active, passive)
      if (problem) problems.push(`${octets}: ${problem}`)
    }
    t.strictSame(problems, [])
  },
)

const problemOf = (pair: Pair, active: Owner, passive: Owner): string | undefined => {
  const arrived = new Set([...active.messages, ...passive.messages].map(message => message.messageId))
  const outcomes = [...active.outcomes, ...passive.outcomes]
  if (outcomes.length !== 3) return `${outcomes.length} outcomes`
  if (outcomes.some(([id, outcome]) => 'status' in outcome && outcome.status === 200 && !arrived.has(id)))
    return 'a lie'
  if (active.messages.length > 1 || passive.messages.length > 2) return 'a duplicate'
  if (pair.a.timers.size + pair.b.timers.size > 0) return 'a timer is left'
  return undefined
}
