import t from 'tap'
import { framesIn, PATHS, RelayTrial } from './relay.fixture.ts'
import { headersIn, Side } from './simulated.fixture.ts'

const ready = (...args: ConstructorParameters<typeof RelayTrial>): RelayTrial =>
  new RelayTrial(...args).start('caller', 'callee')

const statusesIn = (text: string): string[] => [...text.matchAll(/^MSRP \S+ (\d{3})/gm)].map(match => match[1]!)

t.test('HIS-DLV-01 RFC 4976 6.4.1: our URI goes from To-Path to From-Path, every other octet is as it was', async t => {
  const trial = ready()
  const callerPath = trial.relay.pathFor('caller')
  const id = 'tran.1'
  trial.say(
    'caller',
    Buffer.from(
      `MSRP ${id} SEND\r\nx-First:  \xe9 \r\nTo-Path: ${callerPath} ${PATHS.callee}\r\nFrom-Path:${PATHS.caller}\r\n` +
        'X-No-Space:1\r\nmessage-id: m123\r\nByte-Range: 1-*/9\r\nContent-Description: a\tb\r\nContent-Type: text/x;a="b"\r\n\r\n' +
        `a\r\n\0\xff---\r\n-------${id}$\r\n`,
      'latin1',
    ),
  )
  t.equal(
    trial.heard('caller'),
    `MSRP ${id} 200 OK\r\nTo-Path: ${PATHS.caller}\r\nFrom-Path: ${callerPath}\r\n-------${id}$\r\n`,
    'answered at once, by the hop that has it',
  )
  const heard = trial.heard('callee')
  const passed = heard.split(' ')[1]
  t.not(passed, id)
  t.equal(
    heard,
    `MSRP ${passed} SEND\r\nx-First:  \xe9 \r\nTo-Path: ${PATHS.callee}\r\nFrom-Path: ${trial.relay.pathFor('callee')} ${PATHS.caller}\r\n` +
      'X-No-Space:1\r\nmessage-id: m123\r\nByte-Range: 1-*/9\r\nContent-Description: a\tb\r\nContent-Type: text/x;a="b"\r\n\r\n' +
      `a\r\n\0\xff---\r\n-------${passed}$\r\n`,
  )
  trial.answer('callee', heard)
  t.equal(trial.heard('caller'), '', 'an answer ends where the request came from')
  t.equal(trial.side.pending, 0)
})

t.test('HIS-DLV-01 a REPORT goes back the way its SEND came, unanswered', async t => {
  const trial = ready()
  const report = trial.request('callee', { method: 'REPORT', lines: 'Byte-Range: 1-5/5\nStatus: 000 200 OK\n' })
  trial.say('callee', report)
  const [frame] = framesIn(trial.heardBytes('caller'))
  t.match(frame?.head, {
    method: 'REPORT',
    toPath: PATHS.caller,
    fromPath: `${trial.relay.pathFor('caller')} ${PATHS.callee}`,
    reportStatus: { status: 200, comment: 'OK' },
  })
  t.equal(trial.heard('callee'), '')
  t.same(trial.pieces, [])
})

t.test(
  'RFC 4976 6.4.3: what the next hop refuses reaches the sender as a REPORT, if it wants to hear of it',
  async t => {
    for (const [wish, isTold] of [
      ['', true],
      ['Failure-Report: yes\n', true],
      ['Failure-Report: partial\n', true],
      ['Failure-Report: no\n', false],
    ] as const) {
      const trial = ready()
      trial.say('caller', trial.request('caller', { lines: `${wish}Byte-Range: 3-*/9\n`, body: 'hello', flag: '+' }))
      t.same(statusesIn(trial.heard('caller')), wish.includes('no') || wish.includes('partial') ? [] : ['200'], wish)
      trial.answer('callee', trial.heard('callee'), 413)
      const [told] = framesIn(trial.heardBytes('caller'))
      t.equal(told !== undefined, isTold, wish)
      if (!isTold) continue
      t.match(told?.head, {
        method: 'REPORT',
        toPath: PATHS.caller,
        fromPath: trial.relay.pathFor('caller'),
        messageId: 'mess1',
        byteRange: { start: 3, end: 7, total: 9 },
        reportStatus: { status: 413 },
      })
      t.equal(trial.relay.state, 'ready')
    }
  },
)

t.test('RFC 4976 6.4.1: silence of the next hop is 408 after 30 s, to those who asked for all failures', async t => {
  for (const [wish, statuses] of [
    ['', ['000 408 Timeout']],
    ['Failure-Report: partial\n', []],
    ['Failure-Report: no\n', []],
  ] as const) {
    const trial = ready()
    trial.say('caller', trial.request('caller', { lines: wish, body: 'hello' }))
    const heard = trial.heard('callee')
    trial.side.advance(29_999)
    trial.heard('caller')
    trial.side.advance(1)
    t.same(headersIn(trial.heard('caller'), 'Status'), statuses, wish)
    t.equal(trial.side.pending, 0)
    trial.answer('callee', heard, 413)
    t.equal(trial.heard('caller'), '', 'too late')
  }
})

t.test('nobody is timed out while its connection takes nothing more, or is not read', async t => {
  const trial = ready()
  const { side, flows } = trial
  trial.say('caller', trial.request('caller', { body: 'hello' }))
  side.endpoint.flowFull(side.now, flows.callee, true)
  side.advance(300_000)
  side.endpoint.flowFull(side.now, flows.callee, false)
  side.endpoint.flowFull(side.now, flows.caller, true)
  side.advance(300_000)
  side.endpoint.flowFull(side.now, flows.caller, false)
  side.advance(29_000)
  t.same(headersIn(trial.heard('caller'), 'Status'), [])
  side.advance(31_000)
  t.same(headersIn(trial.heard('caller'), 'Status'), ['000 408 Timeout'])
})

t.test('a long chunk is passed on before its end, in parts whose ranges say so', async t => {
  const trial = ready()
  const body = Buffer.alloc(100_000, 'x')
  const bytes = trial.request('caller', { lines: 'Byte-Range: 11-*/200000\n', body, flag: '+' })
  trial.say('caller', bytes.subarray(0, 70_000))
  const first = framesIn(trial.heardBytes('callee'))
  t.same(
    first.map(({ head, body: part, flag }) => [head.byteRange, part.length, flag]),
    [
      [{ start: 11, end: undefined, total: 200_000 }, 32_768, '+'],
      [{ start: 32_779, end: undefined, total: 200_000 }, 32_768, '+'],
    ],
  )
  t.equal(trial.heard('caller'), '', 'answered when it is whole')
  trial.say('caller', bytes.subarray(70_000))
  t.same(statusesIn(trial.heard('caller')), ['200'])
  const rest = framesIn(trial.heardBytes('callee'))
  t.same(Buffer.concat([...first, ...rest].map(frame => frame.body)), body)
  t.equal(new Set([...first, ...rest].map(({ head }) => head.transactionId)).size, 4)
  t.same(trial.captured('caller'), bytes)
  t.ok(trial.pieces.every(piece => piece.bytes.length <= 65_536))
  t.same(
    trial.pieces.map(({ isEnd }) => isEnd),
    [false, false, false, true],
  )
})

t.test('a long chunk without a Byte-Range gets one, before the headers of its body', async t => {
  const trial = ready()
  const body = Buffer.alloc(40_000, 'x')
  trial.say('caller', trial.request('caller', { lines: 'X-Any: 1\n', body }))
  t.same(headersIn(trial.heard('callee'), 'Byte-Range'), ['1-*/*', '32769-*/*'])
  trial.say('caller', trial.request('caller', { lines: 'X-Any: 1\n', body: 'short' }))
  t.same(headersIn(trial.heard('callee'), 'Byte-Range'), [], 'what is whole stays as it was')
})

t.test('an abandoned message is abandoned on the other side too', async t => {
  const trial = ready()
  trial.say(
    'caller',
    trial.request('caller', { lines: 'Byte-Range: 1-*/9\n', body: 'abc', flag: '+' }),
    trial.request('caller', { id: 'tran2', lines: 'Byte-Range: 4-*/9\n', body: 'd', flag: '#' }),
    trial.request('caller', { id: 'tran3', messageId: 'mess2', lines: 'Byte-Range: 4-*/9\n', flag: '#' }),
  )
  t.same(
    framesIn(trial.heardBytes('callee')).map(({ flag, body }) => `${body}${flag}`),
    ['abc+', 'd#', '#'],
  )
  t.equal(trial.pieces.length, 3)
})

t.test('a SEND that only binds or keeps alive is passed on and not captured', async t => {
  const trial = ready()
  trial.say('caller', trial.request('caller', { lines: 'Byte-Range: 1-0/0\n' }))
  const [frame] = framesIn(trial.heardBytes('callee'))
  t.match(frame?.head, { method: 'SEND', hasBody: false, byteRange: { start: 1, end: 0, total: 0 } })
  t.same(trial.pieces, [])
})

t.test('chunks of several messages alternate as they came', async t => {
  const trial = ready()
  for (const [at, messageId] of ['one1', 'two2', 'one1', 'two2'].entries())
    trial.say(
      'caller',
      trial.request('caller', { id: `tran${at}`, messageId, body: String(at), flag: at < 2 ? '+' : '$' }),
    )
  t.same(
    framesIn(trial.heardBytes('callee')).map(({ head, body, flag }) => `${head.messageId} ${body}${flag}`),
    ['one1 0+', 'two2 1+', 'one1 2$', 'two2 3$'],
  )
})

t.test('what is not for the other side, or is no request, gets the error of the protocol and goes nowhere', async t => {
  const trial = ready()
  const path = trial.relay.pathFor('caller')
  const refused = (bytes: Buffer): string[] => {
    trial.say('caller', bytes)
    return statusesIn(trial.heard('caller'))
  }
  const elsewhere = 'msrp://203.0.113.99:7002/mallory;tcp'
  t.same(refused(trial.request('caller', { toPath: `${path} ${elsewhere}`, body: 'x' })), ['481'], 'no open relay')
  t.same(refused(trial.request('caller', { toPath: `${elsewhere} ${path}`, body: 'x' })), ['481'])
  t.same(refused(trial.request('caller', { method: 'AUTH' })), ['501'])
  t.same(refused(trial.request('caller', { lines: 'Byte-Range: 5-1/9\n', body: 'x' })), ['400'])
  t.same(refused(trial.request('caller', { lines: 'Byte-Range: 1-99999999999999999999/*\n', body: 'x' })), ['423'])
  const round = trial
    .request('caller', { body: 'x' })
    .toString()
    .replace(/From-Path: /, `$&${trial.relay.pathFor('callee')} `)
  t.same(refused(Buffer.from(round)), ['481'], 'it came from us')
  t.equal(trial.heard('callee'), '')
  t.same(trial.pieces, [])
  const stranger = trial.side.accept('stranger')
  trial.side.say(stranger, trial.request('caller', { body: 'x' }))
  t.same(statusesIn(trial.side.heard()), ['506'])
  t.same(refused(trial.request('caller', { toPath: path, body: 'x' })), ['200'], 'who leaves out the rest means it')
  t.match(trial.heard('callee'), `To-Path: ${PATHS.callee}\r\n`)
})

t.test('more octets than the Byte-Range says: 400, and the other side is told to forget the message', async t => {
  const trial = ready()
  trial.say('caller', trial.request('caller', { lines: 'Byte-Range: 1-2/9\n', body: 'abcd', flag: '+' }))
  t.same(statusesIn(trial.heard('caller')), ['400'])
  t.same(
    framesIn(trial.heardBytes('callee')).map(({ flag }) => flag),
    ['#'],
  )
  trial.say('caller', trial.request('caller', { lines: 'Byte-Range: 5-9/9\n', body: 'efghi' }))
  t.same(statusesIn(trial.heard('caller')), ['400'], 'the rest of it too')
  t.equal(trial.heard('callee'), '')
})

t.test('RFC 4976 6.4.2: a method that nobody here knows goes through, and its answer comes back', async t => {
  const trial = ready()
  trial.say('caller', trial.request('caller', { id: 'nick1', method: 'NICKNAME', lines: 'Use-Nickname: "A"\n' }))
  t.equal(trial.heard('caller'), '')
  const [asked] = framesIn(trial.heardBytes('callee'))
  t.match(asked?.head, { method: 'NICKNAME', toPath: PATHS.callee, transactionId: 'nick1' })
  trial.say(
    'callee',
    `MSRP nick1 425 Nickname usage failed\nTo-Path: ${asked!.head.fromPath}\nFrom-Path: ${PATHS.callee}\n-------nick1$\n`,
  )
  t.equal(
    trial.heard('caller'),
    `MSRP nick1 425 Nickname usage failed\r\nTo-Path: ${PATHS.caller}\r\nFrom-Path: ${trial.relay.pathFor('caller')} ${PATHS.callee}\r\n-------nick1$\r\n`,
  )
})

t.test('a path whose hosts a gateway wrote anew is known by its unguessable ends', async t => {
  const trial = ready()
  const path = trial.relay.pathFor('caller').replace('192.0.2.1', '10.1.1.1')
  trial.say('caller', trial.request('caller', { toPath: `${path} msrp://10.1.1.2:5/bob12345;tcp`, body: 'x' }))
  t.same(statusesIn(trial.heard('caller')), ['200'])
  t.match(trial.heard('callee'), `To-Path: ${PATHS.callee}\r\n`)
})

t.test('both sides may be connected to: each is asked for its own session only', async t => {
  const side = new Side(1)
  const trial = new RelayTrial({}, { caller: {}, callee: {} }, side)
  const { relay } = trial
  relay.startLeg(side.now, 'caller', { remotePath: [PATHS.caller], role: 'active' })
  t.same(side.connected, [], 'not before both are known')
  relay.startLeg(side.now, 'callee', { remotePath: PATHS.callee.split(' '), role: 'active' })
  t.same(
    side.connected.map(({ remote }) => remote.port),
    [7000, 7001],
  )
  for (const flow of side.connected) {
    const sent = side.sent.filter(each => each.flow.id === flow.id).map(({ bytes }) => bytes)
    const [, id, to, from] = /^MSRP (\S+) SEND\r\nTo-Path: (.*)\r\nFrom-Path: (.*)\r\n/.exec(
      Buffer.concat(sent).toString(),
    )!
    side.say(flow, `MSRP ${id} 200\nTo-Path: ${from}\nFrom-Path: ${to!.split(' ')[0]}\n-------${id}$\n`)
  }
  t.equal(relay.state, 'ready')
})

t.test('a leg of TLS is bound by nobody else than the one whose fingerprint it is', async t => {
  const fingerprints = ['SHA-256 AA:BB']
  const tls = { transport: 'tls', fingerprints } as const
  const trial = new RelayTrial({}, { caller: tls, callee: {} }).start('callee')
  t.match(trial.relay.pathFor('caller'), /^msrps:/)
  trial.say('caller', trial.request('caller', { body: 'x' }))
  t.same(statusesIn(trial.heard('caller')), ['403'], 'plain TCP')
  t.same(
    trial.side.closed.map(({ id }) => id),
    ['caller'],
  )
  const right = trial.side.accept('right', '198.51.100.7', { transport: 'tls', peerFingerprints: ['sha-256 AA:BB'] })
  trial.side.say(right, trial.request('caller', { body: 'x' }))
  t.match(trial.heard('callee'), /SEND\r\n/)
})
