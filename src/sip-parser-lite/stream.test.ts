import { Buffer } from 'node:buffer'
import t from 'tap'
import { encodeMessage } from './encode.ts'
import { lines } from './fixtures/notation.fixture.ts'
import type { Limits } from './limits.ts'
import { SipSyntaxError } from './message.ts'
import { SipStream } from './stream.ts'

const HEADERS = [
  'Via: SIP/2.0/TCP 192.0.2.10;branch=z9hG4bK1',
  'From: <sip:alice@example.org>;tag=a1',
  'To: <sip:bob@example.org>',
  'Call-ID: 1@example.org',
  'CSeq: 1 MESSAGE',
]

const message = (body: string, ...more: string[]): Buffer =>
  Buffer.concat([
    lines('MESSAGE sip:bob@example.org SIP/2.0', ...HEADERS, ...more, `Content-Length: ${body.length}`, ''),
    Buffer.from(body),
  ])

const PING = Buffer.from('\r\n\r\n')

/** What comes out of a stream for each of the pushes: bodies, pings and refusals. */
function fed(pushes: readonly Buffer[], limits?: Partial<Limits>): { told: string[][]; stream: SipStream } {
  const stream = new SipStream(limits)
  const told = pushes.map(bytes => {
    stream.push(bytes)
    return taken(stream)
  })
  return { told, stream }
}

function taken(stream: SipStream): string[] {
  const told: string[] = []
  for (;;) {
    try {
      const next = stream.next()
      if (next === undefined) return told
      told.push(next === 'ping' ? next : next.body.toString('latin1'))
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error
      told.push(`${error.status} ${error.message}`)
    }
  }
}

t.test('RFC 3261 18.3: Content-Length frames a stream', async t => {
  const two = Buffer.concat([message('one'), message('two')])
  t.same(fed([two]).told, [['one', 'two']])
  t.same(fed([two.subarray(0, 300), two.subarray(300)]).told, [['one'], ['two']])
  t.same(fed([message('')]).told, [['']])
})

t.test('a body may look like anything', async t => {
  const body = '\r\n\r\nMESSAGE sip:x SIP/2.0\r\n\r\n'
  t.same(fed([message(body), message('next')]).told, [[body], ['next']])
})

t.test('RFC 5626 4.4.1: a double line end is a keep-alive, a single one is nothing', async t => {
  t.same(fed([PING]).told, [['ping']])
  t.same(fed([Buffer.from('\r\n'), message('a')]).told, [[], ['a']])
  t.same(fed([PING.subarray(0, 2), PING.subarray(2)]).told, [[], ['ping']])
  t.same(fed([PING.subarray(0, 3), PING.subarray(3)]).told, [[], ['ping']])
  t.same(fed([Buffer.concat([PING, message('a'), PING])]).told, [['ping', 'a', 'ping']])
  t.same(fed([Buffer.concat([PING, PING, PING])]).told, [['ping']], 'many at once are answered once')
  t.notOk(fed([PING]).stream.isWithinMessage)
})

t.test('a stream without Content-Length cannot be followed', async t => {
  const { told, stream } = fed([lines('MESSAGE sip:bob@example.org SIP/2.0', ...HEADERS, ''), message('a')])
  t.same(told, [['400 Missing Content-Length header'], []])
  t.ok(stream.isDead)
})

t.test('a message refused for what it says does not cost the others their connection', async t => {
  const bad = message('body', 'Max-Forwards: 1000')
  const cut = bad.length - 2
  const { told, stream } = fed([bad.subarray(0, cut), Buffer.concat([bad.subarray(cut), message('a')])])
  t.same(told, [['400 Malformed Max-Forwards header'], ['a']])
  t.notOk(stream.isDead)
})

t.test('noise is refused once, and then nothing is kept', async t => {
  const { told, stream } = fed([Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), message('a'), PING])
  t.same(told, [['0 Malformed Request-Line'], [], []])
  t.ok(stream.isDead)
  t.notOk(stream.isWithinMessage)
})

t.test('bounds: what does not end is not waited for', async t => {
  const limits = { startLineBytesMax: 100, headerBytesMax: 1000, headersMax: 20, valueBytesMax: 300, bodyBytesMax: 10 }
  t.same(fed([Buffer.alloc(101, 'a'), Buffer.from('a')], limits).told, [[], ['0 Start line without end']])
  const long = lines(
    'MESSAGE sip:bob@example.org SIP/2.0',
    ...HEADERS,
    ...Array.from({ length: 12 }, () => `X-A: ${'x'.repeat(90)}`),
  )
  t.same(fed([long], limits).told, [['513 Headers too long']])
  t.same(fed([message('12345678901')], limits).told, [['513 Message Too Large']])
  t.same(fed([message('1234567890')], limits).told, [['1234567890']])
  t.same(fed([message('', ...Array.from({ length: 15 }, () => 'X-A: 1'))], limits).told, [['513 Too many headers']])
})

t.test('bounds: a body refused is refused before it is sent', async t => {
  const stream = new SipStream()
  stream.push(lines('MESSAGE sip:bob@example.org SIP/2.0', ...HEADERS, 'Content-Length: 65537', ''))
  t.same(taken(stream), ['513 Message Too Large'])
})

t.test('a slow sender costs no more than its bytes', async t => {
  const big = message('x'.repeat(60000))
  const stream = new SipStream()
  for (let at = 0; at < big.length - 1; at++) {
    stream.push(big.subarray(at, at + 1))
    if (at % 1000 === 0) t.equal(stream.next(), undefined)
  }
  stream.push(big.subarray(big.length - 1))
  const next = stream.next()
  t.ok(next && next !== 'ping' && encodeMessage(next).equals(big))
  t.notOk(stream.isWithinMessage)
})

t.test('a body does not change when more arrives', async t => {
  const stream = new SipStream()
  const first = message('first')
  stream.push(first.subarray(0, 10))
  stream.push(first.subarray(10))
  const one = stream.next()
  stream.push(message('other'))
  stream.next()
  t.ok(one && one !== 'ping' && one.body.toString() === 'first')
})
