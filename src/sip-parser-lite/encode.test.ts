import { Buffer } from 'node:buffer'
import t from 'tap'
import { addLast, set } from './access.ts'
import { encodeMessage } from './encode.ts'
import { lines } from './fixtures/notation.fixture.ts'
import type { SipRequest } from './message.ts'
import { field, headerKey } from './names.ts'
import { parseMessage } from './parse.ts'

const BARE: SipRequest = {
  kind: 'request',
  method: 'OPTIONS',
  uri: 'sip:example.org',
  headers: [],
  body: Buffer.alloc(0),
}

const text = (message: SipRequest): string => encodeMessage(message).toString('latin1')

const received = lines(
  'MESSAGE sip:bob@example.org SIP/2.0',
  'V :  SIP/2.0/UDP 192.0.2.10',
  '  ;branch=z9hG4bK1',
  'from:"\xff\x00\\"" <sip:alice@example.org>;tag=a1  ',
  'To:\t<sip:bob@example.org>',
  'Call-ID: 1@example.org',
  'CSeq:1   MESSAGE',
  'X-Unknown: ;;,,"',
  'l: 4',
  '',
  '\x00\xff',
)

t.test('what came in goes out byte for byte', async t => {
  const message = parseMessage(received)
  t.ok(encodeMessage(message).equals(received))
  addLast(message, 'X-New', 'a')
  const grown = received.toString('latin1').replace('l: 4\r\n', 'l: 4\r\nX-New: a\r\n')
  t.equal(encodeMessage(message).toString('latin1'), grown)
})

t.test('RFC 3261 20.14: Content-Length is there once and right', async t => {
  t.equal(text(BARE), 'OPTIONS sip:example.org SIP/2.0\r\nContent-Length: 0\r\n\r\n')
  const message = parseMessage(received)
  message.body = Buffer.from('longer')
  addLast(message, 'Content-Length', '99')
  const lengths = encodeMessage(message)
    .toString('latin1')
    .match(/^(l|Content-Length):.*$/gm)
  t.same(lengths, ['Content-Length: 6'])
})

t.test('no value can start another line, none can leave latin1', async t => {
  const message: SipRequest = { ...BARE, headers: [] }
  set(message, 'Subject', 'a\r\nEvil: 1\nb\rc')
  addLast(message, 'Organization', 'caf\xe9 \u010d\u010a')
  message.headers.push({ name: 'Reason', key: 'reason', value: 'x\r\n\r\ny' })
  t.equal(
    text(message),
    'OPTIONS sip:example.org SIP/2.0\r\nSubject: a Evil: 1 b c\r\nOrganization: caf\xe9 ??\r\nReason: x y\r\nContent-Length: 0\r\n\r\n',
  )
  t.equal(text({ ...BARE, uri: 'sip:a\r\nEvil: 1' }).split('\r\n')[0], 'OPTIONS sip:a Evil: 1 SIP/2.0')
})

t.test('RFC 3261 7.3.3: every compact form stands for its header', async t => {
  const forms: Record<string, string> = {
    a: 'accept-contact',
    b: 'referred-by',
    c: 'content-type',
    d: 'request-disposition',
  }
  Object.assign(forms, {
    e: 'content-encoding',
    f: 'from',
    i: 'call-id',
    j: 'reject-contact',
    k: 'supported',
    l: 'content-length',
  })
  Object.assign(forms, {
    m: 'contact',
    n: 'identity-info',
    o: 'event',
    r: 'refer-to',
    s: 'subject',
    t: 'to',
    u: 'allow-events',
  })
  Object.assign(forms, { v: 'via', x: 'session-expires', y: 'identity' })
  for (const [compact, key] of Object.entries(forms)) {
    t.equal(headerKey(compact), key)
    t.equal(field(compact.toUpperCase(), '').key, key)
  }
  t.equal(headerKey('X-Odd'), 'x-odd')
  t.equal(headerKey('call-ID'), 'call-id')
})
