import t from 'tap'
import type { MsrpSessionOptions } from './session.ts'
import { answersTo, headersIn, Owner, Side } from './simulated.fixture.ts'

const REMOTE = 'msrp://198.51.100.7:7000/bob12345;tcp'

const send = (to: string, lines: string, { id = 'tran1', from = REMOTE, method = 'SEND', flag = '$' } = {}) =>
  `MSRP ${id} ${method}\nTo-Path: ${to}\nFrom-Path: ${from}\n${lines}\n-------${id}${flag}\n`

const text = (body: string, lines = 'Message-ID: mess1') => `${lines}\nContent-Type: text/plain\n\n${body}`

/** A session of ours that a peer connected to. */
const bound = (options: MsrpSessionOptions = {}) => {
  const side = new Side()
  const owner = new Owner(side, options)
  owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
  const flow = side.accept()
  side.say(flow, send(owner.session.localPath, 'Message-ID: bind\nByte-Range: 1-0/0'))
  side.heard()
  return { side, owner, flow, path: owner.session.localPath }
}

const statuses = (heard: string): string[] => [...heard.matchAll(/^MSRP \S+ (\d{3})/gm)].map(match => match[1]!)

t.test(
  'RFC 6135: the passive side is bound by the first request with its path, and answers before it sends',
  async t => {
    for (const range of ['\nByte-Range: 1-0/0', '']) {
      const side = new Side()
      const owner = new Owner(side)
      owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
      owner.send('mess1', 'body')
      const flow = side.accept()
      t.equal(side.connected.length, 0)
      side.say(flow, send(owner.session.localPath, `Message-ID: bind${range}`))
      t.equal(owner.ready, 1)
      t.equal(side.sent.length, 1, 'one transmission')
      const heard = side.heard()
      t.ok(
        heard.startsWith(
          `MSRP tran1 200 OK\r\nTo-Path: ${REMOTE}\r\nFrom-Path: ${owner.session.localPath}\r\n-------tran1$\r\n`,
        ),
      )
      t.match(heard, 'Message-ID: mess1')
      side.say(flow, answersTo(heard))
      t.strictSame(owner.outcomes.get('mess1'), { status: 200 })
      t.equal(side.pending, 0)
    }
  },
)

t.test('RFC 6135: a peer may connect before the answer to our offer is here', async t => {
  const side = new Side()
  const owner = new Owner(side)
  const flow = side.accept()
  side.say(flow, send(owner.session.localPath, 'Message-ID: bind'))
  t.strictSame(statuses(side.heard()), ['200'])
  t.equal(owner.ready, 0)
  owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
  t.equal(owner.ready, 1)
})

t.test('RFC 6135: a first request binds even if its body is refused', async t => {
  for (const [receives, status] of [
    [false, '403'],
    [true, '413'],
  ] as const) {
    const side = new Side(1, { messageBytes: 2 })
    const owner = new Owner(side, { receives })
    owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
    side.say(side.accept(), send(owner.session.localPath, text('long', 'Message-ID: m\nByte-Range: 1-4/4')))
    t.strictSame(statuses(side.heard()), [status])
    t.equal(owner.ready, 1)
  }
})

t.test('RFC 6135: the wait for the peer is bounded', async t => {
  const side = new Side()
  const owner = new Owner(side)
  owner.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
  owner.send('mess1', 'body')
  side.advance(30_000)
  t.strictSame(owner.closed, ['the peer did not connect'])
  t.match(owner.outcomes.get('mess1'), { closed: 'the peer did not connect' })
})

t.test('RFC 4975 7.3: statuses of what is not accepted', async t => {
  const { side, owner, flow, path } = bound()
  const status = (request: string, on = flow) => {
    side.say(on, request)
    return statuses(side.heard())
  }
  const stranger = 'msrp://192.0.2.1:2855/nobody;tcp'
  t.strictSame(status(send(stranger, 'Message-ID: m')), ['481'], 'no such session')
  t.strictSame(status(send(stranger, text('x'))), ['481'])
  t.strictSame(status(send(`${path} ${REMOTE}`, 'Message-ID: m')), ['481'], 'we relay for nobody')
  t.strictSame(status(send(path, 'Message-ID: m'), side.accept('second')), ['506'], 'bound to another connection')
  t.strictSame(status(send(path, 'X: y')), ['400'], 'no Message-ID')
  t.strictSame(status(send(path, text('x', 'Message-ID: m\nByte-Range: nonsense'))), ['400'])
  t.strictSame(status(send(path, 'Message-ID: m', { method: 'AUTH' })), ['501'])
  t.strictSame(
    status(send(stranger, 'Message-ID: m\nStatus: 000 200', { method: 'REPORT' })),
    [],
    'no answer to REPORT',
  )
  owner.status = 415
  t.strictSame(status(send(path, text('x'))), ['415'], 'as the owner says')
  t.strictSame(owner.closed, [])
})

t.test('RFC 4975 5.4: a connection that had a wrong request is still good', async t => {
  const { side, owner, flow, path } = bound()
  side.say(flow, send('msrp://192.0.2.1:2855/nobody;tcp', text('x')) + send(path, text('hello', 'Message-ID: m')))
  t.strictSame(statuses(side.heard()), ['481', '200'])
  t.equal(owner.messages[0]?.body.toString(), 'hello')
})

t.test('a body for a session that was offered sendonly gets 403', async t => {
  const { side, owner, flow, path } = bound({ receives: false })
  side.say(flow, send(path, text('x')) + send(path, 'Message-ID: alive', { id: 'tran2' }))
  t.strictSame(statuses(side.heard()), ['403', '200'])
  t.equal(owner.messages.length, 0)
})

t.test('RFC 4975 10.2: lost framing is answered 400 if it can be, and the connection closed', async t => {
  const { side, owner, flow, path } = bound()
  side.say(flow, `MSRP tran9 SEND\nTo-Path: ${path}\nFrom-Path: ${REMOTE}\n${'X: y\n'.repeat(100)}`)
  t.strictSame(statuses(side.heard()), ['400'])
  t.equal(side.closed.length, 1)
  t.match(owner.closed, [/malformed/])
  t.equal(side.counters.get('msrp_malformed', 'too many headers'), 1)
  const other = side.accept('garbage')
  side.say(other, 'GET / HTTP/1.1\n\n')
  t.equal(side.heard(), '')
  t.equal(side.closed.length, 2)
  side.say(other, 'more')
  t.equal(side.heard(), '', 'it is dead')
  t.equal(side.pending, 0)
})

t.test('RFC 4975 7.2: Failure-Report decides which answers are sent', async t => {
  const { side, owner, flow, path } = bound()
  const answers = (value: string, status: number) => {
    owner.status = status
    side.say(flow, send(path, text('x', `Message-ID: m\nFailure-Report: ${value}`)))
    return statuses(side.heard())
  }
  t.strictSame([answers('yes', 200), answers('yes', 415)], [['200'], ['415']])
  t.strictSame([answers('partial', 200), answers('partial', 415)], [[], ['415']])
  t.strictSame([answers('no', 200), answers('no', 415)], [[], []])
  t.strictSame([answers('No', 415), answers('PARTIAL', 200), answers('Yes', 200)], [[], [], ['200']], 'RFC 4234 2.3')
})

t.test(
  'RFC 4975 7.1.2: Success-Report yes gets one REPORT, along the whole path, when the whole message was taken',
  async t => {
    const { side, owner, flow, path } = bound()
    const relayed = { from: `msrp://198.51.100.9:1/relay;tcp ${REMOTE}`, flag: '+' }
    side.say(flow, send(path, text('abc', 'Message-ID: m\nSuccess-Report: yes\nByte-Range: 1-3/5'), relayed))
    t.strictSame(headersIn(side.heard(), 'Status'), [])
    const last = text('de', 'Message-ID: m\nSuccess-Report: Yes\nFailure-Report: no\nByte-Range: 4-5/5')
    side.say(flow, send(path, last, { ...relayed, flag: '$' }))
    const report = side.heard()
    t.match(report, /^MSRP (\S+) REPORT\r\nTo-Path: .*\r\nFrom-Path: .*\r\n[\s\S]*\r\n-------\1\$\r\n$/)
    t.strictSame([headersIn(report, 'Message-ID'), headersIn(report, 'Byte-Range')], [['m'], ['1-5/5']])
    t.strictSame(headersIn(report, 'Status'), ['000 200 OK'])
    t.strictSame(headersIn(report, 'To-Path'), [relayed.from])
    owner.status = 415
    side.say(flow, send(path, text('x', 'Message-ID: n\nSuccess-Report: yes')))
    const refused = side.heard()
    t.strictSame(statuses(refused), ['415'])
    t.strictSame(headersIn(refused, 'Status'), [], 'none for what was refused')
  },
)

t.test('RFC 4975 10.8: a session that ends in the middle of a chunk answers its rest 481', async t => {
  const { side, owner, flow, path } = bound()
  const [head = '', rest = ''] = send(path, text('one two', 'Message-ID: m\nSuccess-Report: yes')).split(/(?<=one)/)
  side.say(flow, head)
  owner.session.close(side.now)
  side.say(flow, rest)
  const heard = side.heard()
  t.strictSame(statuses(heard), ['481'])
  t.notMatch(heard, 'REPORT')
  t.equal(owner.messages.length, 0)
})

t.test('RFC 4975 5.1: a bodiless last chunk ends a message, a bodiless # abandons it', async t => {
  const { side, owner, flow, path } = bound()
  side.say(flow, send(path, text('abc', 'Message-ID: m\nByte-Range: 1-3/*'), { flag: '+' }))
  side.say(flow, send(path, 'Message-ID: m\nByte-Range: 4-3/3'))
  t.strictSame(statuses(side.heard()), ['200', '200'])
  t.equal(owner.messages[0]?.body.toString(), 'abc')
  t.match(owner.messages[0], { messageId: 'm', contentType: 'text/plain' })
  side.say(flow, send(path, text('abc', 'Message-ID: n\nByte-Range: 1-3/*'), { flag: '+' }))
  side.say(flow, send(path, 'Message-ID: n\nByte-Range: 4-*/*', { flag: '#' }))
  t.equal(owner.messages.length, 1)
  t.match(side.endpoint.describe(), { assemblyBytesLeft: 32 * 1024 * 1024 })
})

t.test('the same Message-ID in two sessions is two messages', async t => {
  const { side, owner, flow, path } = bound()
  const other = new Owner(side)
  other.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
  side.say(flow, send(path, text('mine ', 'Message-ID: m\nByte-Range: 1-5/9'), { flag: '+' }))
  side.say(flow, send(other.session.localPath, text('hers ', 'Message-ID: m\nByte-Range: 1-5/9'), { flag: '+' }))
  side.say(flow, send(path, text('text', 'Message-ID: m\nByte-Range: 6-9/9')))
  t.equal(owner.messages[0]?.body.toString(), 'mine text')
  t.equal(other.messages.length, 0)
})

t.test('a receiver may answer when the bytes are safe, in its own time', async t => {
  const kept: Buffer[] = []
  const later: (() => void)[] = []
  const { side, flow, path } = bound({
    receiver: {
      begin: () => 200,
      data: (_now, bytes) => {
        kept.push(Buffer.from(bytes))
        return 200
      },
      end: (_now, _flag, answer) => {
        later.push(() => answer(side.now, 200, 5))
      },
      abandon: () => {},
    },
  })
  side.say(flow, send(path, text('hello', 'Message-ID: m\nSuccess-Report: yes')))
  t.equal(side.heard(), '')
  t.equal(Buffer.concat(kept).toString(), 'hello')
  later[0]!()
  later[0]!()
  const heard = side.heard()
  t.strictSame(statuses(heard), ['200'])
  t.strictSame(headersIn(heard, 'Status'), ['000 200 OK'])
  side.say(flow, send(path, text('again', 'Message-ID: n')))
  side.endpoint.flowClosed(side.now, flow, 'reset')
  later[1]!()
  t.equal(side.heard(), '', 'nobody is there to hear it')
})

t.test('a To-Path whose host a gateway rewrote still finds its session', async t => {
  const { side, flow, path } = bound()
  side.say(flow, send(path.replace('192.0.2.1:2855', 'gateway.example.org:9'), 'Message-ID: m'))
  t.strictSame(statuses(side.heard()), ['200'])
})

t.test('a connection without a session is closed after 30 s, whatever it sends', async t => {
  const side = new Side()
  const silent = side.accept('silent')
  const noisy = side.accept('noisy')
  side.say(noisy, `MSRP tran1 SEND\nTo-Path: msrp://192.0.2.1:2855/nobody;tcp\nFrom-Path: ${REMOTE}\nMessage-ID: m\n\n`)
  for (let s = 0; s < 29; s++) {
    side.advance(1000)
    side.say(noisy, 'body without end')
  }
  t.equal(side.closed.length, 0)
  side.advance(1000)
  t.strictSame(
    side.closed.map(flow => flow.id),
    [silent.id, noisy.id],
  )
  t.match(side.endpoint.describe(), { connections: 0 })
})

t.test('a bound connection may rest; it goes some time after its last session', async t => {
  const { side, owner } = bound()
  side.advance(3_600_000)
  t.equal(side.closed.length, 0)
  owner.session.close(side.now)
  side.advance(30_000)
  t.equal(side.closed.length, 1)
  t.equal(side.pending, 0)
})

t.test('connections are bounded in all and per remote address, and room comes back', async t => {
  const side = new Side(1, { connections: 3, connectionsPerAddress: 2 })
  const first = side.accept('a1', '198.51.100.1')
  side.accept('a2', '198.51.100.1')
  side.accept('a3', '198.51.100.1')
  t.strictSame(
    side.closed.map(flow => flow.id),
    ['a3'],
  )
  side.accept('b1', '198.51.100.2')
  side.accept('c1', '198.51.100.3')
  t.strictSame(
    side.closed.map(flow => flow.id),
    ['a3', 'c1'],
  )
  t.equal(side.counters.get('msrp_connection_refused', 'address'), 1)
  t.equal(side.counters.get('msrp_connection_refused', 'total'), 1)
  const owner = new Owner(side)
  owner.session.start(side.now, { remotePath: ['msrp://192.0.2.9:7000/bob;tcp'], role: 'active' })
  t.strictSame(owner.closed, ['too many connections'])
  side.endpoint.flowClosed(side.now, first, 'end')
  side.accept('a4', '198.51.100.1')
  t.equal(side.closed.length, 2)
})

t.test('sessions are bounded', async t => {
  const side = new Side(1, { sessions: 1 })
  const first = new Owner(side)
  const second = new Owner(side)
  second.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
  t.strictSame(second.closed, ['too many sessions'])
  first.session.close(side.now)
  const third = new Owner(side)
  third.session.start(side.now, { remotePath: [REMOTE], role: 'passive' })
  t.equal(third.session.state, 'waiting')
})

t.test('a stray answer is counted and ignored', async t => {
  const { side, owner, flow, path } = bound()
  side.say(flow, `MSRP nobody 200 OK\nTo-Path: ${path}\nFrom-Path: ${REMOTE}\nX: y\n\nwith a body\n-------nobody$\n`)
  t.equal(side.counters.get('msrp_stray_response'), 1)
  t.equal(side.heard(), '')
  t.strictSame(owner.closed, [])
})
