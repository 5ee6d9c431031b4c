import t from 'tap'
import type { Now } from '../base/time.ts'
import type { BodySource } from './message.ts'
import type { MsrpSessionOptions } from './session.ts'
import { answersTo, headersIn, joined, Owner, Pair, Side, seeded } from './simulated.fixture.ts'

const REMOTE = 'msrp://192.0.2.9:7000/bob12345;tcp'

interface Read {
  readonly offset: number
  readonly max: number
  /** Undefined: it cannot be read. */
  answer(bytes?: Buffer): void
}

/** Reads wait until the test answers them. */
const source = (side: Side, length: number) => {
  const reads: Read[] = []
  const body: BodySource = {
    length,
    read: (_now, offset, max, done) => {
      reads.push({ offset, max, answer: bytes => done(side.now, bytes) })
    },
  }
  return { body, reads }
}

/** Answers at once, in pieces as `sizes` says. */
const instant = (bytes: Buffer, sizes: (max: number) => number = max => max): BodySource => ({
  length: bytes.length,
  read: (now, offset, max, done) => done(now, bytes.subarray(offset, offset + Math.min(max, sizes(max)))),
})

const ready = (options: MsrpSessionOptions = {}) => {
  const side = new Side()
  const owner = new Owner(side, options)
  owner.session.start(side.now, { remotePath: [REMOTE], role: 'active' })
  const flow = side.connected[0]!
  side.say(flow, answersTo(side.heard()))
  const outcomes: unknown[] = []
  const stream = (body: BodySource, messageId = 'large') =>
    owner.session.send(side.now, { messageId, contentType: 'a/b', body }, (_now: Now, outcome) => {
      outcomes.push(outcome)
    })
  return { side, owner, flow, outcomes, stream }
}

const flags = (text: string): string[] => [...text.matchAll(/^-------\S+([+$#])\r$/gm)].map(match => match[1]!)

t.test(
  'RFC 4975 5.1: a body is read as it is sent, whatever the reads and chunks give, and arrives as it was',
  async t => {
    for (let seed = 1; seed <= 40; seed++) {
      const { below, entropy } = seeded(seed)
      const pair = new Pair({}, length => 1 + below(length))
      const { active, passive } = joined(pair, { a: seed % 2 ? {} : { chunkBytes: 1 + below(65_536) } })
      const bytes = Buffer.from(entropy.bytes(below(400_000)))
      const outcomes: unknown[] = []
      const content = { messageId: 'large', contentType: 'a/b', body: instant(bytes, max => 1 + below(max)) }
      active.session.send(pair.a.now, content, (_now, outcome) => outcomes.push(outcome))
      pair.settle()
      t.strictSame(outcomes, [{ status: 200 }], `seed ${seed}`)
      t.ok(passive.messages[0]?.body.equals(bytes), `seed ${seed}`)
    }
  },
)

t.test('what is read ahead is bounded, and reading goes on as chunks are answered', async t => {
  const { side, flow, stream, outcomes } = ready()
  const { body, reads } = source(side, 2_000_000)
  stream(body)
  let given = 0
  let sent = 0
  let most = 0
  for (let turn = 0; outcomes.length === 0; turn++) {
    if (turn > 200) throw new Error('stuck')
    while (reads.length > 0) {
      t.equal(reads.length, 1, 'one read at a time')
      const { offset, max, answer } = reads.shift()!
      t.equal(offset, given, 'in order, each octet once')
      given += max
      answer(Buffer.alloc(max))
    }
    const heard = side.heard()
    for (const range of headersIn(heard, 'Byte-Range')) sent = Math.max(sent, Number(/^\d+/.exec(range)![0]) + 65_535)
    most = Math.max(most, given - sent)
    side.say(flow, answersTo(heard))
  }
  t.strictSame(outcomes, [{ status: 200 }])
  t.ok(most > 0 && most <= 256 * 1024, `${most} octets ahead`)
})

t.test('a source that answers at once is not read to its end at once', async t => {
  const { stream } = ready()
  let given = 0
  stream({
    length: 10_000_000,
    read: (now, _offset, max, done) => {
      given += max
      done(now, Buffer.alloc(max))
    },
  })
  t.equal(given, 384 * 1024, 'a window of 256 KiB that is on its way, and some')
})

t.test(
  'chunks of a streamed body have 64 KiB with an open range end, cut short when another session waits',
  async t => {
    const { side, flow, stream } = ready()
    stream(instant(Buffer.alloc(1_000_000)))
    const window = side.heard()
    t.strictSame(headersIn(window, 'Byte-Range').slice(0, 2), ['1-*/1000000', '65537-*/1000000'])
    const other = new Owner(side)
    other.session.start(side.now, { remotePath: ['msrp://192.0.2.9:7000/carol678;tcp'], role: 'active' })
    side.say(flow, answersTo(side.heard()))
    other.send('small', 'hello')
    side.say(flow, answersTo(window).split(/(?<=\$\n)/)[0]!)
    t.strictSame(headersIn(side.heard(), 'Byte-Range').slice(0, 2), ['262145-264192/1000000', '1-5/5'])
  },
)

t.test('RFC 4975 5.1: a message that fits one chunk goes as one, in however many pieces it is read', async t => {
  const { side, stream } = ready()
  const { body, reads } = source(side, 500)
  stream(body)
  for (const length of [400, 40, 60]) {
    t.equal(side.heard(), '', 'not before all of it is there')
    reads.shift()!.answer(Buffer.alloc(length, 'x'))
  }
  const heard = side.heard()
  t.strictSame(headersIn(heard, 'Byte-Range'), ['1-500/500'])
  t.strictSame(flags(heard), ['$'])
})

t.test('while a body is being read, other sessions on the connection go on', async t => {
  const { side, flow, stream, outcomes } = ready()
  const { body, reads } = source(side, 10)
  stream(body)
  t.equal(side.heard(), '', 'nothing to send yet')
  const other = new Owner(side)
  other.session.start(side.now, { remotePath: ['msrp://192.0.2.9:7000/carol678;tcp'], role: 'active' })
  side.say(flow, answersTo(side.heard()))
  other.send('small', 'hello')
  side.say(flow, answersTo(side.heard()))
  t.strictSame(other.outcomes.get('small'), { status: 200 })
  reads[0]!.answer(Buffer.from('0123456789'))
  reads[0]!.answer(Buffer.from('a second time'))
  const heard = side.heard()
  t.strictSame([headersIn(heard, 'Byte-Range'), flags(heard)], [['1-10/10'], ['$']])
  side.say(flow, answersTo(heard))
  t.strictSame(outcomes, [{ status: 200 }])
})

t.test('a body that cannot be read any more is aborted with #, and the next message goes out', async t => {
  const { side, flow, owner, stream, outcomes } = ready()
  const { body, reads } = source(side, 300_000)
  stream(body)
  owner.send('next', 'hello')
  reads.shift()!.answer(Buffer.alloc(100_000))
  const begun = side.heard()
  t.strictSame(headersIn(begun, 'Byte-Range'), ['1-*/300000'])
  reads.shift()!.answer()
  t.match(outcomes, [{ status: 500, reason: /could not be read/ }])
  const heard = side.heard()
  t.strictSame(flags(heard), ['#', '$'])
  t.strictSame(headersIn(heard, 'Byte-Range'), ['65537-*/300000', '1-5/5'])
  side.say(flow, answersTo(begun) + answersTo(heard))
  t.strictSame(owner.outcomes.get('next'), { status: 200 })
  t.equal(side.pending, 0)
})

t.test(
  'a read that fails before anything was sent leaves nothing to abort; too much or nothing read is a failure',
  async t => {
    for (const bytes of [undefined, Buffer.alloc(0), Buffer.alloc(11)]) {
      const { side, stream, outcomes } = ready()
      const { body, reads } = source(side, 10)
      stream(body)
      reads[0]!.answer(bytes)
      t.match(outcomes, [{ status: 500 }])
      t.equal(side.heard(), '')
    }
  },
)

t.test('an unreadable source that says so at once does not stop its session', async t => {
  const { side, flow, owner, stream, outcomes } = ready()
  stream({ length: 10, read: (now, _offset, _max, done) => done(now, undefined) })
  owner.send('next', 'hello')
  side.say(flow, answersTo(side.heard()))
  t.match(outcomes, [{ status: 500 }])
  t.strictSame(owner.outcomes.get('next'), { status: 200 })
})

t.test('a refused or closed message reads no more, and a late read changes nothing', async t => {
  const refused = ready()
  const first = source(refused.side, 1_000_000)
  refused.stream(first.body)
  first.reads.shift()!.answer(Buffer.alloc(131_072))
  refused.side.say(refused.flow, answersTo(refused.side.heard(), 413))
  t.match(refused.outcomes, [{ status: 413 }])
  t.strictSame(flags(refused.side.heard()), ['#'])
  first.reads.shift()!.answer(Buffer.alloc(131_072))
  t.equal(refused.side.heard(), '')
  t.equal(first.reads.length, 0)
  const closed = ready()
  const second = source(closed.side, 1_000_000)
  closed.stream(second.body)
  closed.owner.session.close(closed.side.now)
  second.reads.shift()!.answer(Buffer.alloc(10))
  t.match(closed.outcomes, [{ closed: 'closed' }])
  t.equal(second.reads.length, 0)
})

t.test('an empty streamed body is one chunk', async t => {
  const { side, flow, stream, outcomes } = ready()
  stream(instant(Buffer.alloc(0)))
  const heard = side.heard()
  t.strictSame([headersIn(heard, 'Byte-Range'), flags(heard)], [['1-0/0'], ['$']])
  side.say(flow, answersTo(heard))
  t.strictSame(outcomes, [{ status: 200 }])
})

t.test(
  'RFC 4975 7.1: transaction ids are no part of what the chunk carries, even of streams full of end-lines',
  async t => {
    const side = new Side(1, {}, { bytes: count => new Uint8Array(count) })
    const owner = new Owner(side)
    owner.session.start(side.now, { remotePath: [REMOTE], role: 'active' })
    const flow = side.connected[0]!
    const [, id = ''] = /^MSRP (\S+) SEND/.exec(side.sent.map(({ bytes }) => bytes.toString('latin1')).join(''))!
    side.say(flow, answersTo(side.heard()))
    const body = Buffer.from(`before\r\n-------${id}$\r\n-------${id}.0+\r\nafter`)
    owner.session.send(side.now, { messageId: 'large', contentType: 'a/b', body: instant(body) }, () => {})
    t.match(side.heard(), new RegExp(`^MSRP ${id}\\.1 SEND`))
  },
)

t.test('a body is read into the same memory over and over, which is left alone until it was sent', async t => {
  const pair = new Pair({}, length => length)
  const { active, passive } = joined(pair, {})
  const bytes = Buffer.from(seeded(1).entropy.bytes(900_001))
  const memories = new Set<ArrayBufferLike>()
  let most = 0
  const body: BodySource = {
    length: bytes.length,
    read: (now, offset, max, done, memory) => {
      if (memory) memories.add(memory.buffer)
      most = Math.max(most, memory?.length ?? 0)
      memory?.fill('x')
      const count = Math.min(max, 131_014)
      if (memory) bytes.copy(memory, 0, offset, offset + count)
      done(now, memory?.subarray(0, count) ?? bytes.subarray(offset, offset + count))
    },
  }
  const outcomes: unknown[] = []
  active.session.send(pair.a.now, { messageId: 'large', contentType: 'a/b', body }, (_now, outcome) =>
    outcomes.push(outcome),
  )
  pair.settle()
  t.strictSame(outcomes, [{ status: 200 }])
  t.ok(passive.messages[0]?.body.equals(bytes))
  t.ok(memories.size <= 3 && most === 131_072, `${memories.size} of ${most}`)
})
