import fc from 'fast-check'
import t from 'tap'
import type { MsrpHead } from '../../msrp/frame.ts'
import * as large from '../../testing/large-requests.ts'
import { BOB_AOR } from '../../testing/store-fixtures.ts'
import { Desk, NOW, Sender } from './large-receiver.fixture.ts'
import { GATHER_BYTES, ReceiveBudget } from './receive-budget.ts'

interface Cut {
  readonly start: number
  readonly end: number
}

t.test(
  'DM-STO-07: any chunks in any order, overlapping, several messages at a time, are kept as they were',
  async t => {
    const message = fc.record({
      length: fc.integer({ min: 1, max: 700_000 }),
      marks: fc.array(fc.nat(700_000), { maxLength: 12 }),
      order: fc.array(fc.nat(50), { minLength: 1, maxLength: 20 }),
      isTotalKnown: fc.boolean(),
    })
    const run = fc.property(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(3), { minLength: 1 }),
      (messages, turns) => {
        const desk = new Desk(new ReceiveBudget(3 * GATHER_BYTES))
        const sender = new Sender(desk)
        const bodies = messages.map(({ length }, i) => large.bytes(length + i).subarray(i))
        const queues = messages.map(({ length, marks, order }) => cutsOf(length, marks, order))
        for (let turn = 0; queues.some(queue => queue.length > 0); turn++) {
          const at = turns[turn % turns.length]! % queues.length
          const which = queues[at]!.length > 0 ? at : queues.findIndex(queue => queue.length > 0)
          const { start, end } = queues[which]!.shift()!
          const body = bodies[which]!
          const total = messages[which]!.isTotalKnown ? body.length : undefined
          const flag = end === body.length ? '$' : '+'
          sender.chunk(body.subarray(start, end), { offset: start, total, flag, id: `m${which}` })
          if (turn % 3 === 0) desk.step()
        }
        desk.settle()
        const refused = sender.answers.filter(({ status }) => status !== 200)
        if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`)
        const kept = desk.waiting().map(({ seq }) => desk.content(seq))
        for (const body of bodies)
          if (!kept.some(content => content.equals(body))) throw new Error(`lost: ${body.length} octets`)
        if (kept.length !== bodies.length) throw new Error(`${kept.length} kept of ${bodies.length}`)
        if (desk.budget.describe().used !== 0) throw new Error(`memory left: ${desk.budget.describe().used}`)
      },
    )
    fc.assert(run, { numRuns: 60 })
    t.pass()
  },
)

/** Chunks that cover `length` together and overlap as it comes; those that end it stand anywhere. */
function cutsOf(length: number, marks: readonly number[], order: readonly number[]): Cut[] {
  const at = [...new Set([0, length, ...marks.map(mark => mark % length)])].sort((a, b) => a - b)
  const cuts = at.slice(0, -1).map((start, i) => ({ start, end: at[i + 1]! }))
  const wider = marks
    .slice(0, 4)
    .map(mark => ({ start: mark % length, end: Math.min(length, (mark % length) + (mark % 9999) + 1) }))
  return [...cuts, ...wider]
    .map((cut, i) => ({ cut, rank: order[i % order.length]! * 1000 + i }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ cut }) => cut)
}

t.test('DM-DEC-04: the last chunk is answered, and a success reported, when the whole message is on flash', async t => {
  const desk = new Desk()
  const sender = new Sender(desk)
  const body = large.bytes(600_000)
  sender.chunk(body.subarray(0, 300_000), { total: body.length, flag: '+' })
  t.same(sender.answers, [{ id: 'message-1', status: 200, total: undefined }], 'taken')
  sender.chunk(body.subarray(300_000), { offset: 300_000, total: body.length })
  t.equal(sender.answers.length, 1, 'not before the flush')
  while (desk.waiting().length === 0) {
    t.equal(sender.answers.length, 1)
    t.ok(desk.step())
  }
  t.same(sender.answers.slice(1), [{ id: 'message-1', status: 200, total: 600_000 }])
  t.ok(desk.content(1).equals(body))
})

t.test('ten senders at once: memory stays within its bound, whoever is held goes on, nothing is refused', async t => {
  const desk = new Desk(new ReceiveBudget(4 * GATHER_BYTES))
  const senders = Array.from({ length: 10 }, (_, i) => new Sender(desk, `call-${i}`))
  const body = large.bytes(1_000_000)
  const sent = senders.map(() => 0)
  for (let left = true; left; ) {
    left = false
    for (const [i, sender] of senders.entries()) {
      if (sent[i]! >= body.length) continue
      left = true
      if (sender.isHeld) continue
      const start = sent[i]!
      const end = Math.min(body.length, start + 65_536)
      sent[i] = end
      const flag = end === body.length ? '$' : '+'
      sender.chunk(body.subarray(start, end), { offset: start, total: body.length, flag })
    }
    desk.step()
  }
  desk.settle()
  t.equal(desk.waiting().length, 10)
  const { used, peak, waiting } = desk.budget.describe()
  t.same({ used, waiting }, { used: 0, waiting: 0 })
  t.ok(peak <= 4 * GATHER_BYTES + 10 * 65_536, `${peak} octets at most: one read of each beyond the bound`)
  t.ok(
    senders.some(({ holds }) => holds.length > 0),
    'somebody was held',
  )
  t.ok(senders.every(({ isHeld }) => !isHeld))
})

t.test('messages that were begun and do not go on keep no memory from those that do', async t => {
  const desk = new Desk(new ReceiveBudget(8 * GATHER_BYTES))
  const totals = [...Array(7).fill(1_000_000), ...Array(4).fill(60_000)]
  const idle = totals.map((total, i) => ({ sender: new Sender(desk, `idle-${i}`), total }))
  for (const { sender, total } of idle) sender.chunk(large.bytes(1), { total, flag: '+' })
  desk.settle()
  t.ok(desk.budget.describe().used > 7.5 * GATHER_BYTES, 'most of it is theirs')
  const senders = ['call-1', 'call-2'].map(callId => new Sender(desk, callId))
  const body = large.bytes(1_000_000)
  for (let at = 0; at < body.length; at += 65_536) {
    for (const sender of senders) {
      t.notOk(sender.isHeld)
      const flag = at + 65_536 < body.length ? '+' : '$'
      sender.chunk(body.subarray(at, at + 65_536), { offset: at, total: body.length, flag })
    }
    desk.settle()
  }
  t.equal(desk.waiting().length, 2)
  t.ok(idle.every(({ sender }) => sender.refused.length === 0))
  for (const { sender } of idle) sender.receiver.close(NOW)
  desk.settle()
  t.equal(desk.budget.describe().used, 0)
})

t.test(
  'who is held alone has every block written once; beside others nobody waits for what only a held one could give',
  async t => {
    for (const count of [1, 2, 5]) {
      const desk = new Desk(new ReceiveBudget(count === 1 ? 64 * GATHER_BYTES : 10 * GATHER_BYTES))
      const body = large.bytes(6_000_000)
      const senders = Array.from({ length: count }, (_, i) => ({ sender: new Sender(desk, `call-${i}`), at: 0 }))
      while (senders.some(({ at }) => at < body.length)) {
        const free = senders.filter(({ sender, at }) => !sender.isHeld && at < body.length)
        if (free.length === 0 && !desk.step()) return t.fail('all are held, and nothing is on its way')
        for (const each of free) {
          const end = Math.min(each.at + 60_000, body.length)
          const flag = end === body.length ? '$' : '+'
          each.sender.chunk(body.subarray(each.at, end), { offset: each.at, total: body.length, flag })
          each.at = end
        }
      }
      desk.settle()
      t.ok(senders.every(({ sender }) => sender.answers.at(-1)?.total === body.length))
      t.ok(senders.some(({ sender }) => sender.holds.length > 0))
      const appends = desk.asked.filter(verb => verb === 'upload.append').length
      if (count === 1) t.equal(appends, Math.ceil(body.length / GATHER_BYTES))
    }
  },
)

t.test('a sender faster than the disk is held, and let go when half of it is on flash', async t => {
  const desk = new Desk()
  const sender = new Sender(desk)
  const body = large.bytes(6_000_000)
  let at = 0
  while (!sender.isHeld) {
    sender.chunk(body.subarray(at, at + 65_536), { offset: at, total: body.length, flag: '+' })
    at += 65_536
  }
  t.ok(at <= 9 * GATHER_BYTES, `${at} octets were taken`)
  while (sender.isHeld) t.ok(desk.step())
  t.ok(desk.budget.describe().used <= 4 * GATHER_BYTES)
  sender.receiver.close(NOW)
  desk.settle()
  t.equal(desk.budget.describe().used, 0)
})

t.test('DM-DEC-05: what grows over a limit is 413, whatever follows of it too, and nothing is left behind', async t => {
  const body = large.bytes(400_000)
  for (const [what, limits, bytesMax, why] of [
    ['max_message_bytes', {}, 300_000, 'too large'],
    ['quota_bytes', { quotaBytes: 300_000 }, 1e9, 'byte quota'],
    ['quota_messages', { quotaMessages: 0 }, 1e9, 'message quota'],
    ['reserve_bytes', { reserveBytes: 1e12 - 60_000 }, 1e9, 'flash reserve'],
  ] as const) {
    const desk = new Desk(new ReceiveBudget(), limits)
    const sender = new Sender(desk, 'call', bytesMax)
    for (let at = 0; at < body.length; at += 50_000) {
      const flag = at + 50_000 >= body.length ? '$' : '+'
      sender.chunk(body.subarray(at, at + 50_000), { offset: at, flag })
      desk.settle()
    }
    t.equal(sender.answers.at(-1)?.status, 413, what)
    t.same(sender.refused, [why])
    t.equal(sender.chunk(body.subarray(0, 10), { id: 'another' }), 413, 'the session ends for it')
    desk.settle()
    t.same(desk.waiting(), [])
    t.equal(desk.ask('upload.clear', {}), 0, 'no reservation is left')
    t.equal(desk.budget.describe().used, 0)
  }
  const desk = new Desk()
  const early = new Sender(desk, 'call', 300_000)
  t.equal(early.chunk(body.subarray(0, 10), { total: 400_000, flag: '+' }), 413, 'a total that is too large, at once')
})

t.test('a disk that fails at any step is told to the sender, and nothing is left behind', async t => {
  for (const verb of ['upload.begin', 'upload.append', 'upload.finish', 'upload.whole'] as const) {
    const desk = new Desk()
    const sender = new Sender(desk)
    desk.failing = verb
    sender.chunk(large.bytes(verb === 'upload.whole' ? 3000 : 300_000))
    desk.settle()
    t.same(sender.answers, [{ id: 'message-1', status: 413, total: undefined }], verb)
    t.same(sender.refused, ['io'])
    desk.failing = undefined
    desk.settle()
    t.equal(desk.ask('upload.clear', {}), 0)
    t.same(desk.waiting(), [])
    t.equal(desk.budget.describe().used, 0)
  }
})

t.test('RFC 4975 5.1, 7.1.1: aborted, cut off, or silent: nothing is left; what is whole goes on to flash', async t => {
  const desk = new Desk()
  const sender = new Sender(desk)
  sender.chunk(large.bytes(300_000), { flag: '+' })
  sender.chunk(Buffer.alloc(0), { offset: 300_000, flag: '#' })
  sender.chunk(large.bytes(500_000), { id: 'cut-off', flag: '+' })
  sender.chunk(large.bytes(70_000), { id: 'whole' })
  sender.receiver.abandon()
  sender.receiver.close(NOW)
  desk.settle()
  t.equal(desk.waiting().length, 1)
  t.equal(desk.content(1).length, 70_000)
  t.equal(desk.ask('upload.clear', {}), 0)
  t.equal(desk.budget.describe().used, 0)
})

t.test('a message that comes again is answered as the first time, and kept once', async t => {
  const desk = new Desk()
  const body = large.bytes(200_000)
  new Sender(desk).chunk(body)
  desk.settle()
  const again = new Sender(desk)
  for (let at = 0; at < body.length; at += 20_000) {
    again.chunk(body.subarray(at, at + 20_000), { offset: at, flag: at + 20_000 < body.length ? '+' : '$' })
    desk.settle()
  }
  t.same(again.answers.at(-1), { id: 'message-1', status: 200, total: 200_000 })
  const atOnce = new Sender(desk)
  atOnce.chunk(body)
  desk.settle()
  t.same(atOnce.answers, [{ id: 'message-1', status: 200, total: 200_000 }])
  t.equal(desk.waiting().length, 1)
  new Sender(desk).chunk(body, { id: 'message-2' })
  desk.settle()
  t.equal(desk.waiting().length, 2, 'another Message-ID is another message')
})

t.test('chunks that contradict each other are 400', async t => {
  const sender = new Sender(new Desk())
  sender.chunk(large.bytes(100), { total: 200, flag: '+' })
  t.equal(sender.chunk(large.bytes(10), { offset: 100, total: 300, flag: '+' }), 400)
  t.same(sender.refused, ['contradictory'])
})

t.test('what says nothing is not kept: typing notices, empty messages', async t => {
  const desk = new Desk()
  const sender = new Sender(desk)
  sender.chunk(Buffer.alloc(0))
  const head = { transactionId: 't', messageId: 'typing', contentType: 'application/im-iscomposing+xml;charset=utf-8' }
  t.equal(sender.receiver.begin(NOW, head as MsrpHead), 200)
  t.equal(sender.receiver.data(NOW, Buffer.from('<isComposing/>')), 200)
  let answered = 0
  sender.receiver.end(NOW, '$', (_now, status) => {
    answered = status
  })
  desk.settle()
  t.equal(answered, 200)
  t.same(desk.waiting(), [])
})

t.test(
  'unfinished messages of one session are bounded; many small ones in a row are held back, not refused',
  async t => {
    const desk = new Desk()
    const hoarder = new Sender(desk)
    for (let i = 0; i < 8; i++) t.equal(hoarder.chunk(large.bytes(10), { id: `part-${i}`, flag: '+' }), 200)
    t.equal(hoarder.chunk(large.bytes(10), { id: 'part-8', flag: '+' }), 413)
    const busy = new Sender(desk, 'call-2')
    for (let i = 0; i < 127; i++) busy.chunk(large.bytes(10), { id: `small-${i}`, total: 10 })
    t.notOk(busy.isHeld)
    busy.chunk(large.bytes(10), { id: 'small-127', total: 10 })
    t.ok(busy.isHeld)
    desk.settle()
    t.notOk(busy.isHeld)
    t.equal(busy.answers.filter(({ status }) => status === 200).length, 128)
  },
)

t.test(
  'DM-STO-06, DM-PSH-06: the transaction id of the first SEND, or a fresh one if its end-line is in the content',
  async t => {
    const desk = new Desk()
    new Sender(desk).chunk(large.bytes(1000))
    new Sender(desk, 'call-2').chunk(Buffer.from('x\r\n-------chunk0$\r\n'))
    desk.settle()
    const page = desk.ask('page', {
      ...{ aor: BOB_AOR, afterSeq: 0, limit: 10, bytes: 1e6, at: NOW.wall, isWallTrusted: true },
    })
    t.same(
      page.map(({ large }) => [large?.transactionId, large?.contentType, large?.messageId]),
      [
        ['chunk0', 'image/png', 'message-1'],
        ['fresh0', 'image/png', 'message-1'],
      ],
    )
  },
)
