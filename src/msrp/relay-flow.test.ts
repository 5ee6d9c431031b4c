import t from 'tap'
import { framesIn, PATHS, RelayTrial } from './relay.fixture.ts'
import { headersIn, Side } from './simulated.fixture.ts'

const ready = (...args: ConstructorParameters<typeof RelayTrial>): RelayTrial =>
  new RelayTrial(...args).start('caller', 'callee')

const bodiesIn = (bytes: Buffer): string[] => framesIn(bytes).map(({ body }) => body.toString('latin1'))

const relaysOf = (side: Side) => (side.endpoint.describe() as { relays: object; sessions: number }).relays

const EMPTY = { open: 0, unanswered: 0, waitingBytesLeft: 32 * 1024 * 1024 }

t.test('what one side sends before the other is there waits for it, in order', async t => {
  const trial = new RelayTrial()
  trial.say('caller', trial.request('caller', { body: 'before anybody said where' }))
  trial.start('caller')
  trial.say('caller', trial.request('caller', { id: 'tran2', body: 'second' }))
  trial.say('callee', trial.binding('callee'))
  t.same(bodiesIn(trial.heardBytes('callee')), ['before anybody said where', '', 'second'])
  t.equal(trial.relay.state, 'ready')
  t.match(relaysOf(trial.side), { open: 1, unanswered: 2, waitingBytesLeft: EMPTY.waitingBytesLeft })
  t.same(trial.side.held, [])
})

t.test('who sends too much before the other is there is held, and what then still comes ends the session', async t => {
  const trial = new RelayTrial({ relayHeldBytes: 7000, relayWaitingBytes: 14_000 }).start('caller')
  const body = 'x'.repeat(2000)
  trial.say('caller', trial.request('caller', { body }))
  t.same(trial.side.held, [])
  trial.say('caller', trial.request('caller', { id: 'tran2', body }))
  t.same(trial.side.held, [['caller', true]])
  trial.say('caller', trial.request('caller', { id: 'tran3', body }))
  t.same(trial.closed, [])
  trial.heard('caller')
  trial.say('caller', trial.request('caller', { id: 'tran4', body }))
  t.match(trial.closed, [/^callee: too much/])
  const heard = trial.heard('caller')
  t.same(headersIn(heard, 'Status'), ['000 408 Timeout', '000 408 Timeout', '000 408 Timeout'])
  t.match(heard, 'MSRP tran4 481')
  t.same(relaysOf(trial.side), EMPTY)
})

t.test('what one read may still have of short messages, when who sends is held, ends no session', async t => {
  const trial = new RelayTrial().start('caller')
  const short = (id: number): Buffer =>
    trial.request('caller', { id: `tran${id}`, lines: 'Failure-Report: no\n', body: 'x' })
  let count = 0
  while (trial.side.held.length === 0) trial.say('caller', short(count++))
  const read: Buffer[] = []
  for (let bytes = 0; bytes < 65_536; bytes += read.at(-1)!.length) read.push(short(count++))
  trial.say('caller', Buffer.concat(read))
  t.same(trial.closed, [])
  trial.say('callee', trial.binding('callee'))
  t.equal(bodiesIn(trial.heardBytes('callee')).filter(body => body === 'x').length, count)
  t.same(trial.side.held.at(-1), ['caller', false])
})

t.test('a side that comes late takes what waited, and the sender is read again', async t => {
  const trial = new RelayTrial({ relayHeldBytes: 5000, relayWaitingBytes: 10_000 }).start('caller')
  trial.say('caller', trial.request('caller', { body: 'x'.repeat(6000) }))
  trial.say('callee', trial.binding('callee'))
  t.same(trial.side.held, [
    ['caller', true],
    ['caller', false],
  ])
})

t.test('all relays together keep so much for those who are not there yet', async t => {
  const side = new Side(1, { relaysWaitingBytes: 10_000 })
  const options = { caller: {}, callee: {} }
  const trials = ['a', 'b'].map(name => new RelayTrial({}, options, side, name).start('caller'))
  const [first, second] = trials as [RelayTrial, RelayTrial]
  first.say('caller', first.request('caller', { body: 'x'.repeat(6000) }))
  second.say('caller', second.request('caller', { body: 'x'.repeat(6000) }))
  t.same([first.closed.length, second.closed.length], [0, 1])
  first.relay.close(side.now)
  t.match(relaysOf(side), { open: 0, waitingBytesLeft: 10_000 })
})

for (const [from, to] of [
  ['caller', 'callee'],
  ['callee', 'caller'],
] as const)
  t.test(`the ${from} is not read while the ${to} does not take what waits for it`, async t => {
    const trial = ready()
    const { side, flows } = trial
    side.endpoint.flowFull(side.now, flows[to], true)
    t.same(side.held, [[from, true]])
    trial.say(from, trial.request(from, { body: 'read before' }))
    t.same(bodiesIn(trial.heardBytes(to)), ['read before'])
    side.endpoint.flowFull(side.now, flows[to], false)
    t.same(side.held, [
      [from, true],
      [from, false],
    ])
  })

t.test('both may be slow at a time, and each comes free by itself', async t => {
  const trial = ready()
  const { side, flows } = trial
  const full = (name: 'caller' | 'callee', isFull: boolean) => side.endpoint.flowFull(side.now, flows[name], isFull)
  full('callee', true)
  full('caller', true)
  full('callee', false)
  full('caller', false)
  t.same(side.held, [
    ['caller', true],
    ['callee', true],
    ['caller', false],
    ['callee', false],
  ])
})

t.test('whoever ends while it holds the other lets go', async t => {
  const trial = ready()
  const { side, flows } = trial
  side.endpoint.flowFull(side.now, flows.callee, true)
  side.endpoint.flowClosed(side.now, flows.callee, 'reset')
  t.same(side.held.at(-1), ['caller', false])
})

t.test('a side that is lost: the sender hears of what was not answered, and the session is over', async t => {
  const trial = ready()
  const { side, flows } = trial
  for (const [id, lines] of [
    ['tran1', 'Byte-Range: 1-5/5\n'],
    ['tran2', 'Failure-Report: partial\n'],
    ['tran3', 'Failure-Report: no\n'],
    ['tran4', ''],
  ] as const)
    trial.say('caller', trial.request('caller', { id, messageId: `of-${id}`, lines, body: 'hello' }))
  const heard = framesIn(trial.heardBytes('callee'))
  trial.say(
    'callee',
    `MSRP ${heard[3]!.head.transactionId} 200\nTo-Path: ${trial.relay.pathFor('callee')}\nFrom-Path: x\n-------${heard[3]!.head.transactionId}$\n`,
  )
  trial.heard('caller')
  side.endpoint.flowClosed(side.now, flows.callee, 'reset')
  const told = trial.heard('caller')
  t.same(headersIn(told, 'Status'), ['000 408 Timeout'])
  t.same(headersIn(told, 'Message-ID'), ['of-tran1'])
  t.match(trial.closed, [/^callee: connection lost: reset$/])
  trial.say('caller', trial.request('caller', { body: 'more' }))
  t.match(trial.heard('caller'), /^MSRP tran1 481/)
  t.same(relaysOf(side), EMPTY)
  side.advance(60_000)
  t.equal(side.timers.size, 0)
})

t.test('in the middle of a chunk: what was passed on has no end, and neither has the capture', async t => {
  const trial = ready()
  const bytes = trial.request('caller', { body: Buffer.alloc(50_000) })
  trial.say('caller', bytes.subarray(0, 40_000))
  trial.side.endpoint.flowClosed(trial.side.now, trial.flows.caller, 'reset')
  t.same(
    framesIn(trial.heardBytes('callee')).map(({ flag }) => flag),
    ['+'],
  )
  t.same(
    trial.pieces.map(({ isEnd }) => isEnd),
    [false],
  )
  t.match(trial.closed, [/^caller: /])
})

t.test('ended by its owner: the peers lose the session, nobody is told twice, nothing is left', async t => {
  const trial = ready()
  trial.say('caller', trial.request('caller', { body: 'unanswered' }))
  trial.heard('caller')
  trial.relay.close(trial.side.now)
  trial.relay.close(trial.side.now)
  t.same(headersIn(trial.heard('caller'), 'Status'), ['000 408 Timeout'])
  t.same([trial.closed, trial.relay.state], [[], 'closed'])
  t.same(relaysOf(trial.side), EMPTY)
  trial.relay.startLeg(trial.side.now, 'caller', { remotePath: [PATHS.caller], role: 'active' })
  t.same(trial.side.connected, [])
})

t.test('a side that never connects ends it', async t => {
  const trial = new RelayTrial().start('caller')
  trial.side.advance(30_000)
  t.match(trial.closed, ['callee: the peer did not connect'])
  t.same(relaysOf(trial.side), EMPTY)
})

t.test('one too many is closed from the start, and the others go on', async t => {
  const side = new Side(1, { relays: 1 })
  const options = { caller: {}, callee: {} }
  const first = new RelayTrial({}, options, side, 'a').start('caller', 'callee')
  const second = new RelayTrial({}, options, side, 'b')
  t.equal(second.relay.state, 'closed')
  second.start()
  second.relay.close(side.now)
  t.same(second.closed, [])
  first.say('caller', first.request('caller', { body: 'x' }))
  t.same(bodiesIn(first.heardBytes('callee')), ['x'])
  first.relay.close(side.now)
  t.equal(side.endpoint.relay(options, { onClosed() {} }).state, 'new')
})

t.test('a peer that answers nothing is not kept track of for ever', async t => {
  const trial = ready({ relayUnanswered: 3 })
  for (let at = 0; at < 5; at++)
    trial.say('caller', trial.request('caller', { id: `tran${at}`, messageId: `mess${at}`, body: 'x' }))
  t.match(relaysOf(trial.side), { unanswered: 3 })
  t.equal(trial.side.counters.get('msrp_relay_unwatched'), 2)
  trial.heard('caller')
  trial.side.advance(30_000)
  t.same(headersIn(trial.heard('caller'), 'Message-ID'), ['mess2', 'mess3', 'mess4'])
})

t.test('relays and sessions of our own share a connection', async t => {
  const side = new Side(1)
  const first = new RelayTrial({}, { caller: {}, callee: {} }, side, 'a').start('caller', 'callee')
  const second = new RelayTrial({}, { caller: {}, callee: {} }, side, 'b')
  second.flows.caller = first.flows.caller
  second.start('caller', 'callee')
  first.say('caller', first.request('caller', { body: 'one' }), second.request('caller', { id: 'tran2', body: 'two' }))
  const heard = side.sent.splice(0)
  const heardBy = (id: string) =>
    bodiesIn(Buffer.concat(heard.filter(({ flow }) => flow.id === id).map(each => each.bytes)))
  t.same([heardBy('acallee'), heardBy('bcallee')], [['one'], ['two']])
  second.relay.close(side.now)
  t.same(side.closed, [])
  first.say('caller', first.request('caller', { body: 'three' }))
  t.same(bodiesIn(first.heardBytes('callee')), ['three'])
})
