import { Buffer } from 'node:buffer'
import t from 'tap'
import { lines } from './fixtures/notation.fixture.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { type SipMessage, SipSyntaxError } from './message.ts'
import { parseMessage } from './parse.ts'

const HEADERS = [
  'Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1',
  'From: <sip:alice@example.org>;tag=a1',
  'To: <sip:bob@example.org>',
  'Call-ID: 1@example.org',
  'CSeq: 1 MESSAGE',
]

const message = (...more: string[]): Buffer => lines('MESSAGE sip:bob@example.org SIP/2.0', ...HEADERS, ...more)

const replaced = (name: string, line: string | undefined): Buffer => {
  const kept = HEADERS.map(header => (header.startsWith(`${name}:`) ? line : header))
  return lines('MESSAGE sip:bob@example.org SIP/2.0', ...kept.filter(header => header !== undefined), '')
}

function refusal(bytes: Buffer, limits = DEFAULT_LIMITS): SipSyntaxError {
  try {
    parseMessage(bytes, limits)
  } catch (error) {
    if (error instanceof SipSyntaxError) return error
    throw error
  }
  throw new Error('was accepted')
}

const told = (bytes: Buffer, limits = DEFAULT_LIMITS): string => {
  const { status, message } = refusal(bytes, limits)
  return `${status} ${message}`
}

t.test('RFC 3261 7: a request and a response are values', async t => {
  const request = parseMessage(Buffer.concat([message('X-Odd:  a  b ', 'l: 2', ''), Buffer.from('hi')]))
  t.match(request, { kind: 'request', method: 'MESSAGE', uri: 'sip:bob@example.org' })
  t.same(request.headers.map(({ name, key, value }) => [name, key, value]).slice(-2), [
    ['X-Odd', 'x-odd', 'a  b'],
    ['l', 'content-length', '2'],
  ])
  t.equal(request.body.toString(), 'hi')
  const response = parseMessage(lines('SIP/2.0 202 Accepted by hand', ...HEADERS, ''))
  t.match(response, { kind: 'response', status: 202, reason: 'Accepted by hand' })
})

t.test('RFC 3261 18.3: a datagram longer than its Content-Length is cut, a shorter one refused', async t => {
  t.equal(parseMessage(Buffer.concat([message('l: 2', ''), Buffer.from('hi there')])).body.toString(), 'hi')
  t.equal(parseMessage(Buffer.concat([message(''), Buffer.from('all')])).body.toString(), 'all')
  t.equal(told(message('l: 2', '')), '400 Content-Length beyond the end of the message')
  t.equal(refusal(lines('SIP/2.0 200 OK', ...HEADERS, 'l: 2', '')).status, 0, 'a response is dropped')
})

t.test('RFC 3261 20.14: Content-Length is one number', async t => {
  for (const bad of ['-1', '', '1 2', '0x1', '1,1', '+1', '1.0'])
    t.equal(told(message(`Content-Length: ${bad}`, '')), '400 Malformed Content-Length header', bad)
  t.equal(told(message('l: 0', 'Content-Length: 1', '')), '400 Repeated Content-Length header')
  t.equal(parseMessage(message('l: 0', 'Content-Length: 00', '')).body.length, 0, 'twice the same is one')
  t.equal(told(message(`l: ${'9'.repeat(400)}`, '')), '513 Message Too Large')
})

t.test('RFC 3261 8.1.1: what every message has', async t => {
  for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
    t.equal(refusal(replaced(name, undefined)).message, `Missing ${name} header`)
    t.equal(refusal(replaced(name, `${name}: <\x01`)).message, `Malformed ${name} header`)
  }
  for (const name of ['From', 'To', 'Call-ID', 'CSeq'])
    t.equal(told(message(HEADERS.find(line => line.startsWith(name))!, '')), `400 Repeated ${name} header`)
  t.equal(told(replaced('Call-ID', 'Call-ID: a b')), '400 Malformed Call-ID header')
  t.equal(told(replaced('CSeq', 'CSeq: 1 INVITE')), '400 Malformed CSeq header')
})

t.test('RFC 3261 20.22: Max-Forwards is 0 to 255 or absent', async t => {
  for (const good of ['0', '70', '255', '0068'])
    t.equal(parseMessage(message(`Max-Forwards: ${good}`, '')).kind, 'request')
  for (const bad of ['256', '-1', 'x', '7 0', ''])
    t.equal(told(message(`Max-Forwards: ${bad}`, '')), '400 Malformed Max-Forwards header', bad)
})

t.test('RFC 3261 7.1: the start line', async t => {
  const start = (line: string): string => told(lines(line, ...HEADERS, ''))
  t.equal(start('MESSAGE sip:bob@example.org SIP/3.0'), '505 Version Not Supported')
  t.equal(start('MESSAGE sip:bob@example.org HTTP/1.1'), '400 Malformed Request-Line')
  t.equal(start('MESSAGE sip:bob@example.org'), '400 Malformed Request-Line')
  t.equal(start('MESSAGE'), '400 Malformed Request-Line')
  t.equal(start('ME<SAGE sip:bob@example.org SIP/2.0'), '400 Malformed Request-Line')
  t.equal(start('MESSAGE bob SIP/2.0'), '400 Malformed Request-URI')
  t.equal(start('MESSAGE sip:bob@example.org?a=b SIP/2.0'), '400 Malformed Request-URI')
  t.equal(start('MESSAGE  SIP/2.0'), '400 Malformed Request-URI')
  t.equal(start('SIP/2.0 099 Early'), '0 Malformed Status-Line')
  t.equal(start('SIP/2.0 700 Late'), '0 Malformed Status-Line')
  t.equal(start('SIP/1.0 200 OK'), '0 Malformed Status-Line')
  t.equal(parseMessage(lines('MESSAGE sip:bob@example.org sip/2.0', ...HEADERS, '')).kind, 'request')
  t.equal(parseMessage(lines('SIP/2.0 200', ...HEADERS, '')).kind, 'response', 'without the space of an empty phrase')
})

t.test('RFC 3261 17.1.1.3: nobody answers an ACK, nor a response', async t => {
  const ack = HEADERS.map(line => line.replace('CSeq: 1 MESSAGE', 'CSeq: 1 ACK').replace('tag=a1', 'tag="'))
  t.match(refusal(lines('ACK sip:bob@example.org SIP/2.0', ...ack, '')), { status: 0, partial: undefined })
  t.match(refusal(lines('SIP/2.0 200 OK', ...ack, '')), { status: 0, partial: undefined })
})

t.test('a message without Via cannot be answered, whatever is wrong with it', async t => {
  t.match(refusal(replaced('Via', undefined)), { status: 0, partial: undefined })
})

t.test('what can be read of a refused request is there to answer it', async t => {
  const { partial } = refusal(replaced('From', 'From: alice'))
  t.match(partial, { kind: 'request', method: 'MESSAGE', uri: 'sip:bob@example.org' })
  t.same(
    partial?.headers.map(field => field.key),
    ['via', 'from', 'to', 'call-id', 'cseq'],
  )
})

t.test('a line ends with CRLF and nothing else', async t => {
  const text = message('X: 1', '').toString('latin1')
  for (const end of ['\n', '\r', '\n\r', '\r\r\n'])
    t.equal(refusal(Buffer.from(text.replace('X: 1\r\n', `X: 1${end}`), 'latin1')).status, 400, JSON.stringify(end))
  t.equal(refusal(Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1')).status, 0)
  t.equal(told(message('no colon here', '')), '400 Malformed header line')
  t.equal(told(message(': nameless', '')), '400 Malformed header line')
  t.equal(told(message('na me: x', '')), '400 Malformed header name')
  t.equal(told(message()), '400 Headers without end')
})

t.test('RFC 3261 7.3.1: white space before the colon, folding, and compact forms', async t => {
  const odd: SipMessage = parseMessage(message('s :', 'K\t: a,', '\tb', 'X-Odd:', ' 1', ''))
  t.same(
    odd.headers.slice(-3).map(({ name, key, value }) => [name, key, value]),
    [
      ['s', 'subject', ''],
      ['K', 'supported', 'a,\r\n\tb'],
      ['X-Odd', 'x-odd', '1'],
    ],
  )
})

t.test('line ends before a message are passed over; nothing but them is nothing', async t => {
  t.equal(parseMessage(Buffer.concat([Buffer.from('\r\n\r\n'), message('')])).kind, 'request')
  t.equal(told(Buffer.from('\r\n\r\n')), '0 Empty message')
  t.equal(told(Buffer.alloc(0)), '0 Empty message')
})

t.test('every bound has its answer', async t => {
  const limits = { startLineBytesMax: 100, headerBytesMax: 2000, headersMax: 20, valueBytesMax: 300, bodyBytesMax: 50 }
  const long = lines(`MESSAGE sip:${'b'.repeat(100)}@example.org SIP/2.0`, ...HEADERS, '')
  t.equal(told(long, limits), '414 Request-URI Too Long')
  t.equal(told(message(`X: ${'x'.repeat(300)}`, ''), limits), '513 Header too long')
  t.equal(told(message(...Array.from({ length: 16 }, () => 'X: 1'), ''), limits), '513 Too many headers')
  t.equal(
    told(message(...Array.from({ length: 10 }, () => `X: ${'x'.repeat(250)}`), ''), limits),
    '513 Headers too long',
  )
  t.equal(told(Buffer.concat([message('l: 51', ''), Buffer.alloc(51)]), limits), '513 Message Too Large')
  t.equal(told(Buffer.concat([message(''), Buffer.alloc(51)]), limits), '513 Message Too Large')
  t.equal(parseMessage(Buffer.concat([message('l: 50', ''), Buffer.alloc(50)]), limits).body.length, 50)
  t.equal(told(message(...Array.from({ length: 9000 }, () => 'X: 123456789'), '')), '513 Too many headers')
})

t.test('hostile shapes cost linear time', async t => {
  const shapes = ['\n', '\r\n', ':', 'a\r\n', 'a:\r\n ', '"', '<', ',', ';', ' ', '\\', '=', '%', '[', 'a'].map(piece =>
    message(`Contact: ${piece.repeat(60000 / piece.length)}`, ''),
  )
  const started = process.hrtime.bigint()
  for (const shape of shapes) {
    try {
      parseMessage(shape)
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error
    }
  }
  t.ok(
    process.hrtime.bigint() - started < 1_000_000_000n,
    'a second for a megabyte of them is a hundred times too much',
  )
})
