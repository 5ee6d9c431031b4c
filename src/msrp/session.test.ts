import t from 'tap'
import type { MsrpSessionOptions } from './session.ts'
import { answersTo, headersIn, Owner, Side } from './simulated.fixture.ts'

const REMOTE = 'msrp://192.0.2.9:7000/bob12345;tcp'

/** A session of ours that connected to a peer which the test speaks for. */
const ready = (options: MsrpSessionOptions & { remotePath?: string[] } = {}) => {
  const side = new Side()
  const owner = new Owner(side, options)
  owner.session.start(side.now, { remotePath: options.remotePath ?? [REMOTE], role: 'active' })
  const flow = side.connected[0]!
  side.say(flow, answersTo(side.heard()))
  const answer = (status = 200, comment = '') => {
    const heard = side.heard()
    side.say(flow, answersTo(heard, status, comment))
    return heard
  }
  const report = (messageId: string, lines: string) =>
    side.say(
      flow,
      `MSRP repo${messageId} REPORT\nTo-Path: ${owner.session.localPath}\nFrom-Path: ${REMOTE}\n` +
        `Message-ID: ${messageId}\n${lines}\n-------repo${messageId}$\n`,
    )
  return { side, owner, flow, answer, report }
}

t.test('RFC 4975 5.4: the active side connects and sends a bodiless SEND; its 200 makes the session ready', async t => {
  const side = new Side()
  const owner = new Owner(side)
  t.match(owner.session.localPath, /^msrp:\/\/192\.0\.2\.1:2855\/[a-z2-7]{16,};tcp$/, '14.1: 80 bits')
  owner.session.start(side.now, { remotePath: [REMOTE], role: 'active' })
  t.match(side.connected, [{ transport: 'tcp', remote: { address: '192.0.2.9', port: 7000 } }])
  const bind = side.heard()
  t.match(
    bind,
    /^MSRP (\S+) SEND\r\nTo-Path: (.*)\r\nFrom-Path: (.*)\r\nMessage-ID: \S+\r\nByte-Range: 1-0\/0\r\n-------\1\$\r\n$/,
  )
  t.equal(owner.ready, 0)
  side.say(side.connected[0]!, answersTo(bind))
  t.equal(owner.ready, 1)
  t.equal(owner.session.state, 'ready')
  t.equal(side.pending, 0)
})

t.test('RFC 4976: the whole path of the peer goes into To-Path, the nearest hop is connected to', async t => {
  const relay = 'msrps://[2001:db8::5]:9000/relay1;tcp'
  const side = new Side()
  const owner = new Owner(side)
  owner.session.start(side.now, { remotePath: [relay, REMOTE], role: 'active' })
  t.match(side.connected, [{ transport: 'tls', remote: { address: '2001:db8::5', port: 9000 } }])
  t.strictSame(headersIn(side.heard(), 'To-Path'), [`${relay} ${REMOTE}`])
})

t.test('a path that cannot be used ends the session at once', async t => {
  const cases = {
    'no uri': 'malformed path of the peer',
    'msrp://bob.example.org:7000/x;tcp': /not looked up/,
    'msrp://192.0.2.9/x;ws': /not supported/,
  }
  for (const [uri, reason] of Object.entries(cases)) {
    const side = new Side()
    const owner = new Owner(side)
    owner.session.start(side.now, { remotePath: [uri], role: 'active' })
    t.match(owner.closed, [reason])
    t.equal(side.connected.length, 0)
  }
  const side = new Side()
  const owner = new Owner(side)
  owner.session.start(side.now, { remotePath: ['msrp://bob.example.org/x;tcp'], role: 'active', address: '192.0.2.9' })
  t.match(side.connected, [{ remote: { address: '192.0.2.9', port: 2855 } }], 'unless its address is given')
})

t.test('RFC 4975 7.1: success is every chunk answered 200', async t => {
  const { owner, side, answer } = ready()
  owner.send('mess1', 'x'.repeat(2048 * 2 + 1))
  const sent = answer()
  t.equal(side.sent.length, 0)
  t.strictSame(headersIn(sent, 'Byte-Range'), ['1-2048/4097', '2049-4096/4097', '4097-4097/4097'])
  t.strictSame(
    [...sent.matchAll(/^-------\S+([+$#])\r$/gm)].map(match => match[1]),
    ['+', '+', '$'],
  )
  t.equal(new Set(sent.match(/^MSRP \S+/gm)).size, 3, 'a transaction id per chunk')
  t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
  t.equal(side.pending, 0)
})

t.test('RFC 4975 7.1: success is not told before the last answer', async t => {
  const { owner, side, flow } = ready()
  owner.send('mess1', 'x'.repeat(5000))
  const answers = answersTo(side.heard()).split(/(?<=\$\n)/)
  t.equal(answers.length, 3)
  side.say(flow, answers[2]! + answers[0]!)
  t.equal(owner.outcomes.size, 0)
  side.say(flow, answers[1]!)
  t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
})

t.test('RFC 4975 10: a refusal fails its message and no other', async t => {
  for (const status of [400, 403, 408, 413, 415, 423, 501]) {
    const { owner, answer } = ready()
    owner.send('refused', 'body')
    answer(status, 'for a reason')
    owner.send('taken', 'body')
    answer()
    t.strictSame(owner.outcomes.get('refused'), { status, reason: 'for a reason' })
    t.strictSame(owner.outcomes.get('taken'), { status: 200 })
    t.strictSame(owner.closed, [])
  }
})

t.test('RFC 4975 10.8, 10.10: 481 and 506 end the session', async t => {
  for (const status of [481, 506]) {
    const { owner, side, answer } = ready()
    owner.send('first', 'body')
    owner.send('second', 'body')
    answer(status)
    t.match(owner.outcomes.get('first'), { status })
    t.match(owner.outcomes.get('second'), { closed: `refused by the peer: ${status}` })
    t.equal(owner.closed.length, 1)
    t.equal(side.closed.length, 1, 'nobody else uses the connection')
    t.equal(side.pending, 0)
  }
})

t.test('RFC 4975 10.5: 413 stops the message, the peer is told to forget it, the next one goes on', async t => {
  const { owner, side, answer } = ready()
  owner.send('large', Buffer.alloc(1_000_000))
  owner.send('small', 'body')
  const window = answer(413)
  t.equal(window.match(/^MSRP \S+ SEND/gm)?.length, 64)
  t.match(owner.outcomes.get('large'), { status: 413 })
  const after = answer()
  t.strictSame(headersIn(after, 'Message-ID'), ['large', 'small'])
  t.strictSame(
    [...after.matchAll(/^-------\S+([+$#])\r$/gm)].map(match => match[1]),
    ['#', '$'],
  )
  t.strictSame(headersIn(after, 'Byte-Range')[0], '131073-*/1000000')
  t.strictSame(owner.outcomes.get('small'), { status: 200 })
  t.equal(side.heard(), '')
})

t.test('RFC 4975 7.1.1: thirty seconds without an answer are a 408', async t => {
  const { owner, side } = ready()
  owner.send('mess1', 'body')
  side.advance(29_999)
  t.equal(owner.outcomes.size, 0)
  side.advance(1)
  t.match(owner.outcomes.get('mess1'), { status: 408 })
  t.equal(side.pending, 0)
})

t.test('RFC 4975 7.1.1: a peer that is slow but answers is not given up', async t => {
  const { owner, side, flow } = ready()
  owner.send('mess1', 'x'.repeat(2048 * 4))
  for (const answer of answersTo(side.heard()).split(/(?<=\$\n)/)) {
    side.advance(20_000)
    side.say(flow, answer)
  }
  t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
})

t.test('RFC 4975 7.1.1: silence after the binding SEND ends the session', async t => {
  const side = new Side()
  const owner = new Owner(side)
  owner.session.start(side.now, { remotePath: [REMOTE], role: 'active' })
  side.advance(30_000)
  t.match(owner.closed, [/408/])
  t.equal(side.closed.length, 1)
})

t.test('RFC 4975 10: only what speaks of the session ends it when it answers the binding SEND', async t => {
  const bound = (status: number) => {
    const side = new Side()
    const owner = new Owner(side)
    owner.session.start(side.now, { remotePath: [REMOTE], role: 'active' })
    side.say(side.connected[0]!, answersTo(side.heard(), status, 'for a reason'))
    return { side, owner }
  }
  for (const status of [400, 404, 413, 415, 423]) {
    const { side, owner } = bound(status)
    t.strictSame(owner.closed, [], String(status))
    t.equal(owner.session.state, 'ready')
    owner.send('mess1', 'body')
    side.say(side.connected[0]!, answersTo(side.heard()))
    t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
  }
  for (const status of [403, 408, 481, 500, 501, 506]) {
    const { owner } = bound(status)
    t.match(owner.closed, [`refused by the peer: ${status} for a reason`])
    t.equal(owner.ready, 0)
  }
})

t.test('what is unanswered is bounded by chunks and by octets', async t => {
  const { owner, side, flow } = ready()
  owner.send('large', Buffer.alloc(400 * 2048))
  const first = side.heard()
  t.equal(headersIn(first, 'Byte-Range').length, 64)
  side.say(
    flow,
    answersTo(first)
      .split(/(?<=\$\n)/)
      .slice(0, 10)
      .join(''),
  )
  t.equal(side.sent.length, 1, 'one transmission per input')
  t.equal(headersIn(side.heard(), 'Byte-Range').length, 10)
  const big = ready({ chunkBytes: 32_768 })
  big.owner.send('large', Buffer.alloc(2_000_000))
  t.equal(headersIn(big.side.heard(), 'Byte-Range').length, 8, '256 KiB')
})

t.test('RFC 4975 5.1: a chunk above 2048 octets has * as range end', async t => {
  const { owner, side } = ready({ chunkBytes: 4096 })
  owner.send('mess1', 'x'.repeat(6000))
  t.strictSame(headersIn(side.heard(), 'Byte-Range'), ['1-*/6000', '4097-6000/6000'])
})

t.test('RFC 4975 5.1, 5.4: sessions share a connection; a long message is interrupted for the others', async t => {
  const { owner, side, flow } = ready({ chunkBytes: 65_536 })
  const other = new Owner(side)
  other.session.start(side.now, { remotePath: ['msrp://192.0.2.9:7000/carol678;tcp'], role: 'active' })
  t.equal(side.connected.length, 1, 'same address, port and scheme')
  side.say(flow, answersTo(side.heard()))
  owner.send('large', Buffer.alloc(2_000_000))
  const window = side.heard()
  t.strictSame(headersIn(window, 'Byte-Range'), [
    '1-*/2000000',
    '65537-*/2000000',
    '131073-*/2000000',
    '196609-*/2000000',
  ])
  other.send('small', 'hello')
  t.equal(side.heard(), '', 'the window is full')
  side.say(flow, answersTo(window).split(/(?<=\$\n)/)[0]!)
  t.strictSame(headersIn(side.heard(), 'Byte-Range').slice(0, 2), ['262145-264192/2000000', '1-5/5'])
  owner.session.close(side.now)
  t.equal(side.closed.length, 0, 'the other still uses the connection')
  other.session.close(side.now)
  t.equal(side.closed.length, 1)
})

t.test('RFC 4975 7.1.2: a success REPORT is awaited when asked for, in one piece or several', async t => {
  const { owner, side, answer, report } = ready()
  owner.send('mess1', 'x'.repeat(3000), { successReport: true })
  t.strictSame(headersIn(answer(), 'Success-Report'), ['yes', 'yes'])
  t.equal(owner.outcomes.size, 0)
  report('mess1', 'Byte-Range: 2049-3000/3000\nStatus: 000 200 OK')
  t.equal(owner.outcomes.size, 0)
  report('mess1', 'Byte-Range: 1-2048/3000\nStatus: 000 200 OK')
  t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
  t.equal(owner.reports.length, 2)
  t.equal(side.heard(), '', '7.2: a REPORT is never answered')
  t.equal(side.pending, 0)
})

t.test('RFC 4975 7.1.2: a REPORT may overtake the answers, may have open ranges, may not come at all', async t => {
  const { owner, side, answer, report } = ready()
  owner.send('early', 'body', { successReport: true })
  report('early', 'Byte-Range: 1-*/*\nStatus: 000 200 OK')
  t.equal(owner.outcomes.size, 0)
  answer()
  t.strictSame(owner.outcomes.get('early'), { status: 200 })
  owner.send('never', 'body', { successReport: true })
  answer()
  side.advance(30_000)
  t.match(owner.outcomes.get('never'), { status: 408, reason: 'no success report' })
})

t.test('RFC 4975 7.3.2: a failure REPORT fails an unfinished message; one of a stranger changes nothing', async t => {
  const { owner, answer, report } = ready()
  owner.send('mess1', 'body')
  report('other', 'Byte-Range: 1-4/4\nStatus: 000 403 No')
  report('mess1', 'Byte-Range: 1-4/4\nStatus: 001 403 No')
  report('mess1', 'Byte-Range: 1-4/4')
  t.equal(owner.outcomes.size, 0)
  report('mess1', 'Byte-Range: 1-4/4\nStatus: 000 403 No')
  t.strictSame(owner.outcomes.get('mess1'), { status: 403, reason: 'No' })
  answer()
  t.strictSame(owner.closed, [])
})

t.test('RFC 4975 7.1.1: Failure-Report no is done when handed over, and has to fit the window', async t => {
  const { owner, side } = ready()
  owner.send('mess1', 'x'.repeat(3000), { failureReport: 'no' })
  t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
  t.strictSame(headersIn(side.heard(), 'Failure-Report'), ['no', 'no'])
  owner.send('mess2', Buffer.alloc(300_000), { failureReport: 'no' })
  t.match(owner.outcomes.get('mess2'), { status: 413 })
  t.equal(side.pending, 0)
})

t.test('an empty message is one chunk with a Content-Type', async t => {
  const { owner, side, answer } = ready()
  owner.session.send(side.now, { messageId: 'empty1', contentType: 'text/plain', body: [] }, (_now, outcome) =>
    t.match(outcome, { status: 200 }),
  )
  t.match(answer(), /Byte-Range: 1-0\/0\r\nContent-Type: text\/plain\r\n\r\n\r\n-------\S+\$\r\n$/)
  t.equal(owner.session.outstanding, 0)
})

t.test('what cannot be tried is refused at once', async t => {
  const side = new Side(1, { queuedMessages: 2 })
  const owner = new Owner(side)
  owner.send('a b', 'body')
  t.match(owner.outcomes.get('a b'), { status: 400 })
  owner.session.send(side.now, { messageId: 'line1', contentType: 'a/b\r\nX: y', body: [] }, (_now, outcome) =>
    t.match(outcome, { status: 400 }),
  )
  owner.send('mess1', 'body')
  let second: unknown
  owner.session.send(side.now, { messageId: 'mess1', contentType: 'a/b', body: [] }, (_now, outcome) => {
    second = outcome
  })
  t.match(second, { status: 400, reason: /in use/ })
  owner.send('mess2', 'body')
  owner.send('mess3', 'body')
  t.match(owner.outcomes.get('mess3'), { status: 503 })
  t.equal(owner.session.outstanding, 2)
  owner.session.close(side.now)
  t.match(owner.outcomes.get('mess1'), { closed: 'closed' })
  t.strictSame(owner.closed, [], 'its owner closed it')
  owner.send('mess4', 'body')
  t.match(owner.outcomes.get('mess4'), { closed: 'the session is over' })
})

t.test('a connection that breaks ends its sessions and their messages', async t => {
  const { owner, side, flow } = ready()
  owner.send('mess1', 'body')
  side.endpoint.flowClosed(side.now, flow, 'reset')
  t.strictSame(owner.closed, ['connection lost: reset'])
  t.strictSame(owner.outcomes.get('mess1'), { closed: 'connection lost: reset' })
  t.equal(side.pending, 0)
  t.equal(side.closed.length, 0)
})
