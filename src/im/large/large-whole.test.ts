import t from 'tap'
import * as large from '../../testing/large-requests.ts'
import { Desk, NOW, Sender } from './large-receiver.fixture.ts'
import { GATHER_BYTES, ReceiveBudget } from './receive-budget.ts'

t.test('a message that comes whole is one request to the store, in one chunk or in several', async t => {
  const body = large.bytes(65_507)
  for (const [what, cuts, total, asked] of [
    ['one chunk', [300], 300, ['upload.whole']],
    ['one chunk of unknown length', [300], undefined, ['upload.whole']],
    ['chunks of a known total', [10, 20, 300], 300, ['upload.whole']],
    ['as much as is kept in memory', [40_000, 65_507], 65_507, ['upload.whole']],
    ['chunks of who knows what', [10, 300], undefined, ['upload.begin', 'upload.append', 'upload.finish']],
  ] as const) {
    const desk = new Desk()
    const sender = new Sender(desk)
    for (const [i, end] of cuts.entries()) {
      const start = cuts[i - 1] ?? 0
      const flag = i === cuts.length - 1 ? '$' : '+'
      sender.chunk(body.subarray(start, end), { offset: start, total, flag })
    }
    t.equal(sender.answers.length, cuts.length - 1, `${what}: the last chunk is not answered before the flush`)
    desk.settle()
    t.strictSame(desk.asked, asked, what)
    t.same(sender.answers.at(-1), { id: 'message-1', status: 200, total: cuts.at(-1) })
    t.ok(desk.content(1).equals(body.subarray(0, cuts.at(-1))))
    t.equal(desk.budget.describe().used, 0)
  }
})

t.test('room is reserved as soon as it is seen that a message does not come whole', async t => {
  for (const [what, chunk] of [
    ['a total that is too large', { total: 65_508, flag: '+' }],
    ['no total, and more to come', { flag: '+' }],
    ['another place than the beginning', { offset: 5, total: 100, flag: '+' }],
  ] as const) {
    const desk = new Desk()
    const sender = new Sender(desk)
    sender.chunk(large.bytes(10), chunk)
    if (chunk.offset) sender.chunk(large.bytes(5), { total: 100, flag: '+' })
    t.equal(desk.asked[0], 'upload.begin', what)
    sender.receiver.close(NOW)
    desk.settle()
    t.equal(desk.ask('upload.clear', {}), 0)
    t.equal(desk.budget.describe().used, 0)
  }
})

t.test('while memory is short what waits to become whole goes to flash', async t => {
  const desk = new Desk(new ReceiveBudget(GATHER_BYTES))
  const sender = new Sender(desk)
  const body = large.bytes(60_000)
  for (let i = 0; i < 6; i++) sender.chunk(body.subarray(0, 59_999), { id: `part-${i}`, total: body.length, flag: '+' })
  t.ok(desk.asked.includes('upload.begin'))
  desk.settle()
  t.notOk(sender.isHeld)
  for (let i = 0; i < 6; i++)
    sender.chunk(body.subarray(59_999), { id: `part-${i}`, offset: 59_999, total: body.length })
  desk.settle()
  t.equal(desk.waiting().length, 6)
  for (const { seq } of desk.waiting()) t.ok(desk.content(seq).equals(body))
  t.equal(desk.budget.describe().used, 0)
})

t.test('messages of a session stand in the mailbox in the order in which they were whole', async t => {
  const desk = new Desk()
  const sender = new Sender(desk)
  sender.chunk(large.bytes(10), { id: 'unfinished', total: 20, flag: '+' })
  sender.chunk(large.bytes(600_000), { id: 'large' })
  for (let i = 0; i < 3; i++) sender.chunk(large.bytes(10), { id: `small-${i}` })
  sender.chunk(large.bytes(300_000), { id: 'another' })
  sender.chunk(large.bytes(10), { id: 'unfinished', offset: 10, total: 20 })
  sender.receiver.close(NOW)
  desk.settle()
  const order = sender.answers.filter(({ total }) => total !== undefined).map(({ id }) => id)
  t.strictSame(order, ['large', 'small-0', 'small-1', 'small-2', 'another', 'unfinished'])
  t.strictSame(
    desk.waiting().map(({ size }) => size - large.HEAD.length),
    [600_000, 10, 10, 10, 300_000, 20],
  )
})

t.test('what waits behind a large message that fails is kept', async t => {
  const desk = new Desk()
  const sender = new Sender(desk)
  desk.failing = 'upload.append'
  sender.chunk(large.bytes(600_000), { id: 'large' })
  sender.chunk(large.bytes(10), { id: 'small' })
  desk.settle()
  t.same(
    sender.answers.map(({ id, status }) => [id, status]),
    [
      ['large', 413],
      ['small', 200],
    ],
  )
  t.equal(desk.waiting().length, 1)
  t.equal(desk.budget.describe().used, 0)
})

t.test('a chunk that repeats what waits for flash is answered with it, and not before', async t => {
  const desk = new Desk()
  const sender = new Sender(desk)
  for (let i = 0; i < 3; i++) sender.chunk(large.bytes(100), { total: 100 })
  sender.chunk(large.bytes(100).subarray(0, 50), { total: 100, flag: '+' })
  t.same(sender.answers, [])
  desk.settle()
  t.equal(sender.answers.filter(({ status }) => status === 200).length, 4)
  sender.chunk(large.bytes(100).subarray(0, 50), { total: 100, flag: '+' })
  t.equal(sender.answers.at(-1)?.status, 200, 'and afterwards at once')
  t.equal(desk.waiting().length, 1)
  t.equal(desk.budget.describe().used, 0)
})

t.test('DM-DEC-05: a small message for which there is no room is 413, not 200', async t => {
  for (const [limits, bytesMax, why] of [
    [{}, 9, 'too large'],
    [{ quotaBytes: large.HEAD.length + 9 }, 1e9, 'byte quota'],
    [{ quotaMessages: 0 }, 1e9, 'message quota'],
    [{ reserveBytes: 1e12 - large.HEAD.length - 9 }, 1e9, 'flash reserve'],
  ] as const) {
    const desk = new Desk(new ReceiveBudget(), limits)
    const sender = new Sender(desk, 'call', bytesMax)
    sender.chunk(large.bytes(10))
    desk.settle()
    t.same(sender.answers, [{ id: 'message-1', status: 413, total: undefined }], why)
    t.same(sender.refused, [why])
    t.same(desk.waiting(), [])
    t.equal(desk.budget.describe().used, 0)
  }
})
