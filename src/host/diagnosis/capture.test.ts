import t from 'tap'
import { Counters } from '../../base/counters.ts'
import { type Flow, udpFlow } from '../../base/flow.ts'
import { silentLog } from '../../base/log.ts'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import type { CapturedMessage, CaptureWish } from '../../services/diagnosis.ts'
import { EchoEngine } from '../../testing/echo-engine.ts'
import { Loop } from '../loop.ts'
import { Capture } from './capture.ts'

const udp = udpFlow({ address: '127.0.0.1', port: 5060 }, { address: '192.0.2.1', port: 5061 })
const tcp: Flow = { ...udp, id: 'tcp/1', transport: 'tcp' }

const crlf = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1')
const message = (headers = '', body = 'hello'): string =>
  `MESSAGE sip:bob@example.org SIP/2.0\nTo: <sip:bob@example.org>\n${headers}Content-Length: ${body.length}\n\n${body}`

/** What was captured of `pass`. */
async function captured(pass: (capture: Capture) => void, wish: Partial<CaptureWish> = {}): Promise<CapturedMessage[]> {
  const capture = new Capture(() => 1000)
  const ending = new AbortController()
  const messages = capture.open({ withBodies: false, matching: '', ...wish }, ending.signal)!
  pass(capture)
  ending.abort()
  const all: CapturedMessage[] = []
  for await (const each of messages) all.push(each)
  t.notOk(capture.isOn)
  return all
}

t.test('SIP that passes the loop is shown, head by head, while somebody looks on', async t => {
  const capture = new Capture(() => 1000)
  const clock = { now: (): Now => ({ at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true }) }
  const loop = new Loop({ engine: new EchoEngine(), clock, log: silentLog, counters: new Counters(), capture })
  const nothing = () => {}
  loop.start({
    datagrams: { send: nothing },
    streams: { connect: nothing, write: nothing, close: nothing, hold: nothing, holdAll: nothing },
    dns: { ask: async () => [] },
    store: { outstanding: 0, submit: (_request, done) => done({ value: undefined } as never) },
  })
  loop.received(udp, crlf(message()))
  const ending = new AbortController()
  const messages = capture.open({ withBodies: false, matching: '' }, ending.signal)!
  loop.received(udp, crlf(message('Call-ID: 1\n')))
  ending.abort()
  loop.received(udp, crlf(message()))
  const all: CapturedMessage[] = []
  for await (const each of messages) all.push(each)
  const head = 'MESSAGE sip:bob@example.org SIP/2.0\nTo: <sip:bob@example.org>\nCall-ID: 1\nContent-Length: 5'
  const both = { at: 1000, transport: 'udp', peer: '192.0.2.1:5061', head, bodyBytes: 5, dropped: 0 }
  t.same(all, [
    { ...both, direction: 'in' },
    { ...both, direction: 'out' },
  ])
  loop.end()
})

t.test('a stream is cut into messages, wherever its pieces end', async t => {
  const bytes = crlf(`${message('N: 1\n')}\n\n${message('N: 2\n', '')}${message('N: 3\n', 'x'.repeat(3000))}`)
  for (const size of [1, 7, 100, bytes.length]) {
    const all = await captured(capture => {
      for (let at = 0; at < bytes.length; at += size) capture.seen('in', tcp, bytes.subarray(at, at + size))
    })
    t.same(
      all.map(({ head, bodyBytes }) => [/N: (\d)/.exec(head)?.[1], bodyBytes]),
      [
        ['1', 5],
        ['2', 0],
        ['3', 3000],
      ],
      `pieces of ${size}`,
    )
  }
})

t.test('looking on that begins in the middle of a message begins with the next', async t => {
  const bytes = crlf(message('N: 1\n', 'a long body'))
  const all = await captured(capture => {
    capture.seen('in', tcp, bytes.subarray(20))
    capture.seen('in', tcp, crlf(message('N: 2\n')))
  })
  t.equal(all.length, 1)
  t.match(all[0]!.head, 'N: 2')
})

t.test('keep-alives, STUN and MSRP are no SIP messages; what is malformed is one', async t => {
  const all = await captured(capture => {
    capture.seen('in', udp, Buffer.from('\r\n\r\n'))
    capture.seen('in', udp, Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]))
    capture.seen('in', { ...tcp, protocol: 'msrp' }, Buffer.from('MSRP abcd SEND\r\n'))
    capture.seen('in', udp, Buffer.from('GARB\x1b[2JAGE \xff without an end', 'latin1'))
  })
  t.same(
    all.map(({ head }) => head),
    ['GARB.[2JAGE . without an end'],
    'and nothing of it moves the cursor of a terminal',
  )
})

t.test('what opens a door is hidden, in any spelling', async t => {
  const headers = `Authorization: Digest username="bob", response="s3cret"
PROXY-authorization : Digest
 response="s3cret"
Authentication-Info: rspauth="s3cret"
Contact: <sip:bob:s3cret@192.0.2.1>
P-Asserted-Identity: <sip:bob@example.org>
`
  const [one] = await captured(capture => capture.seen('in', udp, crlf(message(headers))))
  t.notMatch(one!.head, 's3cret')
  t.match(
    one!.head,
    'Authorization: (hidden)\nPROXY-authorization: (hidden)\nAuthentication-Info: (hidden)\nContact: <sip:bob:(hidden)@192',
  )
  t.match(one!.head, 'P-Asserted-Identity: <sip:bob@example.org>')
})

t.test('a head that is too long for anybody is cut', async t => {
  const [one] = await captured(capture => capture.seen('in', udp, crlf(message(`X: ${'x'.repeat(40_000)}\n`))))
  t.equal(one!.head.length, 16_384 + '\n(cut)'.length)
})

t.test('who asked to be nobody is nobody', async t => {
  const folded = ['Privacy:\n id\n', 'Privacy: none;\n\tid\n', 'f:\n <sip:anonymous@anonymous.invalid>;tag=1\n']
  const plain = ['Privacy: id\n', 'privacy: none;ID\n', 'From: <sip:anonymous@anonymous.invalid>;tag=1\n']
  for (const asked of [...plain, ...folded]) {
    const headers = `P-Asserted-Identity: "Ann"\n <sip:ann@example.org>\n${asked}Remote-Party-ID: <sip:ann@example.org>\n`
    const [one] = await captured(capture => capture.seen('in', udp, crlf(message(headers))))
    t.notMatch(one!.head, /ann@/, asked)
  }
})

t.test('bodies are shown to whoever asked for them, and no more than 2 KiB', async t => {
  const pass = (capture: Capture): void => {
    capture.seen('in', udp, crlf(message('', 'a\u0007b\nc')))
    capture.seen('in', tcp, crlf(message('', 'x'.repeat(5000))))
  }
  t.ok((await captured(pass)).every(({ body }) => body === undefined))
  const [short, long] = await captured(pass, { withBodies: true })
  t.equal(short!.body, 'a.b\nc')
  t.equal(long!.body!.length, 2048)
  t.equal(long!.bodyBytes, 5000)
})

t.test('only what matches is shown; by what is hidden nothing is found', async t => {
  const pass = (capture: Capture): void => {
    capture.seen('in', udp, crlf(message('Call-ID: ABC\n')))
    capture.seen('in', udp, crlf(message('Authorization: abc\n')))
  }
  t.equal((await captured(pass, { matching: 'aBc' })).length, 1)
})

t.test('what nobody takes in time is dropped and counted', async t => {
  const capture = new Capture()
  const ending = new AbortController()
  const messages = capture.open({ withBodies: false, matching: '' }, ending.signal)![Symbol.asyncIterator]()
  for (let each = 0; each < 300; each++) capture.seen('in', udp, crlf(message()))
  for (let each = 0; each < 200; each++) await messages.next()
  capture.seen('in', udp, crlf(message('N: last\n')))
  t.match((await messages.next()).value, { head: /N: last/, dropped: 100 })
  ending.abort()
  t.ok((await messages.next()).done)
})

t.test('two look on at once, and no third; whoever goes makes room', async t => {
  const capture = new Capture()
  const wish = { withBodies: false, matching: '' }
  const [first, second] = [new AbortController(), new AbortController()]
  const messages = capture.open(wish, first.signal)!
  t.ok(capture.open(wish, second.signal))
  t.equal(capture.open(wish, new AbortController().signal), undefined)
  capture.seen('in', udp, crlf(message()))
  for await (const each of messages) {
    t.match(each.head, 'MESSAGE')
    break
  }
  t.ok(capture.isOn)
  t.ok(capture.open(wish, AbortSignal.abort()), 'there is room again')
  second.abort()
  t.notOk(capture.isOn)
})
