import fc from 'fast-check'
import t from 'tap'
import { type FrameParts, frameTo, PeerTrial, statusesIn } from './peer.fixture.ts'
import { headersIn } from './simulated.fixture.ts'

/** Bodies that look like end-lines, or are of any octets. */
const bodyOf = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 3000 }).map(octets => Buffer.from(octets)),
  fc
    .array(fc.constantFrom('\r\n-------id3$', '\r\n', '-------', '\r', '\n', '\0', 'é', 'MSRP id3 SEND\r\n'), {
      minLength: 1,
      maxLength: 200,
    })
    .map(parts => Buffer.from(parts.join(''), 'latin1')),
)

interface Cut {
  readonly start: number
  readonly end: number
}

/** Chunks that cover `length` together, overlapping as it comes, in any order; the one with `$` ends the body. */
const cutsOf = (length: number, marks: readonly number[], order: readonly number[]): Cut[] => {
  const at = [...new Set([0, length, ...marks.map(mark => mark % length)])].sort((a, b) => a - b)
  const cuts = at.slice(0, -1).map((start, i) => ({ start, end: at[i + 1]! }))
  const wider = marks.map(mark => ({ start: mark % length, end: Math.min(length, (mark % length) + (mark % 97) + 1) }))
  return [...cuts, ...wider]
    .map((cut, i) => ({ cut, rank: order[i % order.length]! * 1000 + i }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ cut }) => cut)
}

type Style = 'exact' | 'open end' | 'open'

const rangeOf = ({ start, end }: Cut, total: number, style: Style): string => {
  if (style === 'open') return `${start + 1}-*/*`
  return `${start + 1}-${style === 'exact' ? end : '*'}/${total}`
}

const message = fc.record({
  body: bodyOf,
  marks: fc.array(fc.nat(5000), { maxLength: 8 }),
  order: fc.array(fc.nat(50), { minLength: 1, maxLength: 20 }),
  style: fc.constantFrom<Style>('exact', 'open end', 'open'),
})

const freeId = (body: Buffer, next: () => string): string => {
  for (let id = next(); ; id = next()) if (!body.includes(`-------${id}`)) return id
}

/** Random TCP segments of `wire`. */
const segments = (wire: Buffer, sizes: readonly number[]): Buffer[] => {
  const pieces: Buffer[] = []
  for (let at = 0, turn = 0; at < wire.length; turn++) {
    const size = sizes[turn % sizes.length]!
    pieces.push(Buffer.from(wire.subarray(at, at + size)))
    at += size
  }
  return pieces
}

t.test(
  'RFC 4975 5.1: messages cut into any chunks, in any order, overlapping, two interleaved on two sessions, in any segments, arrive as they were',
  async t => {
    let ids = 0
    const property = fc.property(
      fc.array(message, { minLength: 1, maxLength: 3 }),
      fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 10 }),
      fc.boolean(),
      (messages, sizes, isEnough) => {
        const trial = new PeerTrial()
        const owners = [trial.owner, trial.other]
        const queues = messages.map(({ body, marks, order, style }, i) => {
          const cuts = cutsOf(body.length, marks, order)
          // The last octet comes with $, wherever it stands; without it the message is not whole.
          const frames = cuts.map(cut => {
            const isLast = cut.end === body.length
            const id = freeId(body, () => `id${ids++}xyz`)
            const parts: FrameParts = {
              id,
              messageId: `m${i}`,
              range: rangeOf(cut, body.length, style),
              body: body.subarray(cut.start, cut.end),
              flag: isLast ? '$' : '+',
              lines: 'Success-Report: yes',
            }
            return frameTo(owners[i % 2]!.session.localPath, parts)
          })
          return isEnough ? frames : frames.slice(0, -1)
        })
        const inTurn = queues.flatMap((_, turn) => queues.map(queue => queue[turn] ?? Buffer.alloc(0)))
        const rest = queues.flatMap(queue => queue.slice(queues.length))
        const heard = trial.say(...segments(Buffer.concat([...inTurn, ...rest]), sizes))
        const statuses = statusesIn(heard)
        if (statuses.length !== queues.flat().length || statuses.some(status => status !== '200')) return false
        return messages.every(({ body }, i) => {
          const got = owners[i % 2]!.messages.filter(({ messageId }) => messageId === `m${i}`)
          const reports = headersIn(heard, 'Message-ID').filter(id => id === `m${i}`)
          if (reports.length !== got.length) return false
          if (got.some(each => !each.body.equals(body))) return false
          return !isEnough || got.length >= 1
        })
      },
    )
    t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  },
)

t.test('RFC 4975 5.1: an interrupted chunk goes on where it stopped, another message between', async t => {
  const trial = new PeerTrial()
  const first = { messageId: 'long', range: '1-*/11', body: 'hello', flag: '+' }
  const between = { id: 'tran2', messageId: 'short', body: 'in between' }
  const rest = { id: 'tran3', messageId: 'long', range: '6-*/11', body: ' world' }
  t.strictSame(trial.statuses(first, between, rest), ['200', '200', '200'])
  t.strictSame(trial.bodies(), ['in between', 'hello world'])
})

t.test('a second copy of a chunk of a complete message is answered and changes nothing', async t => {
  const trial = new PeerTrial()
  const [first, last] = [
    { range: '1-3/6', body: 'abc', flag: '+' },
    { range: '4-6/6', body: 'def', lines: 'Success-Report: yes' },
  ]
  t.strictSame(trial.statuses(first, first, last), ['200', '200', '200'])
  t.strictSame(trial.statuses(last), ['200'], 'nor is it reported twice')
  t.strictSame(trial.statuses(first), ['200'])
  t.strictSame(trial.bodies(), ['abcdef', 'abcdef'], 'all chunks again are the message again: nothing is lost')
})

t.test('second copies of chunks do not take the places of new messages', async t => {
  const trial = new PeerTrial()
  for (let i = 0; i < 20; i++) {
    const [first, last] = [
      { messageId: `m${i}`, range: '1-3/6', body: 'abc', flag: '+' },
      { messageId: `m${i}`, range: '4-6/6', body: 'def' },
    ]
    t.strictSame(trial.statuses(first, last, first), ['200', '200', '200'])
  }
  t.equal(trial.bodies().length, 20)
})

t.test('RFC 4975 5.1: # forgets one message and nothing else', async t => {
  const trial = new PeerTrial()
  const statuses = trial.statuses(
    { messageId: 'gone', range: '1-*/9', body: 'abc', flag: '+' },
    { messageId: 'kept', range: '1-*/6', body: 'abc', flag: '+' },
    { messageId: 'gone', range: '4-*/9', body: 'de', flag: '#' },
    { messageId: 'kept', range: '4-*/6', body: 'def' },
    { messageId: 'gone', range: '6-9/9', body: 'fghi' },
  )
  t.strictSame(statuses, ['200', '200', '200', '200', '200'])
  t.strictSame(trial.bodies(), ['abcdef'])
})

t.test('RFC 4975 7.1.2: the success REPORT comes once, when the last missing octet is there', async t => {
  const trial = new PeerTrial()
  const lines = 'Success-Report: yes\nFailure-Report: no'
  const parts = [
    { range: '7-9/9', body: 'ghi', lines },
    { range: '1-3/9', body: 'abc', lines, flag: '+' },
    { range: '2-6/9', body: 'bcdef', lines, flag: '+' },
  ]
  const heard = parts.map(each => trial.say(frameTo(trial.path, each)))
  t.strictSame(heard.slice(0, 2), ['', ''])
  t.strictSame([headersIn(heard[2]!, 'Status'), headersIn(heard[2]!, 'Byte-Range')], [['000 200 OK'], ['1-9/9']])
  t.strictSame(trial.bodies(), ['abcdefghi'])
})

t.test('keep-alives between chunks, bodiless and empty lines, disturb nothing', async t => {
  const trial = new PeerTrial()
  t.strictSame(
    trial.statuses(
      { range: '1-*/6', body: 'abc', flag: '+' },
      { messageId: 'alive' },
      { messageId: 'alive', range: '1-0/0' },
      { messageId: 'empty', body: '' },
    ),
    ['200', '200', '200', '200'],
  )
  t.equal(trial.say('\r\n\r\n\r\n'), '')
  t.strictSame(trial.statuses({ range: '4-*/6', body: 'def' }), ['200'])
  t.strictSame(trial.bodies(), ['', 'abcdef'])
})
