import t from 'tap'
import * as access from './access.ts'
import { lines } from './fixtures/notation.fixture.ts'
import type { SipRequest } from './message.ts'
import { parseMessage } from './parse.ts'
import { topVia } from './typed.ts'

const request = (...more: string[]): SipRequest => {
  const message = parseMessage(
    lines(
      'INVITE sip:bob@example.org SIP/2.0',
      'Via: SIP/2.0/UDP a.example.org;branch=z9hG4bKa;x="1,2", SIP/2.0/UDP b.example.org;branch=z9hG4bKb',
      'v: SIP/2.0/UDP c.example.org;branch=z9hG4bKc',
      'From: "Alice, A" <sip:alice@example.org>;tag=a1',
      'To: <sip:bob@example.org>',
      'Call-ID: 1@example.org',
      'CSeq: 1 INVITE',
      ...more,
      '',
    ),
  )
  if (message.kind !== 'request') throw new Error('not a request')
  return message
}

const text = (message: SipRequest, key: string): string[] =>
  message.headers.filter(field => field.key === key).map(field => `${field.name}: ${field.value}`)

t.test('RFC 3261 7.3.1: list headers are split, others are not', async t => {
  const message = request(
    'Supported: 100rel , timer,',
    ' path',
    'k:',
    'Subject: a, b',
    'Accept:',
    'Date: Sat, 13 Nov 2010 23:29:00 GMT',
  )
  t.equal(access.values(message, 'via').length, 3)
  t.same(access.values(message, 'supported'), ['100rel', 'timer', 'path'])
  t.same(access.values(message, 'subject'), ['a, b'])
  t.same(access.values(message, 'accept'), [])
  t.ok(access.has(message, 'accept'), 'an empty list is there')
  t.same(access.values(message, 'from'), ['"Alice, A" <sip:alice@example.org>;tag=a1'])
  t.same(access.values(message, 'date'), ['Sat, 13 Nov 2010 23:29:00 GMT'])
  t.same(access.values(message, 'expires'), [])
})

t.test('commas in quotes and angle brackets separate nothing', async t => {
  const message = request(
    'Contact: "a,\\"b" <sip:a,b@example.org>;p="x,y",<sip:c@example.org>',
    'Route: <sip:"@example.org>, <sip:d@example.org>',
  )
  t.same(access.values(message, 'contact'), ['"a,\\"b" <sip:a,b@example.org>;p="x,y"', '<sip:c@example.org>'])
  t.same(access.values(message, 'route'), ['<sip:"@example.org>', '<sip:d@example.org>'])
})

t.test('the first value is that of a list its first element', async t => {
  const message = request('Subject: hello', ' there', 'Accept:')
  t.equal(access.value(message, 'via'), 'SIP/2.0/UDP a.example.org;branch=z9hG4bKa;x="1,2"')
  t.equal(access.value(message, 'subject'), 'hello there')
  t.equal(access.value(message, 'accept'), undefined)
  t.equal(access.value(message, 'expires'), undefined)
})

t.test('headers are added, replaced and removed in their places', async t => {
  const message = request('X-A: 1', 'x-a: 2')
  access.addFirst(message, 'Via', 'SIP/2.0/UDP new.example.org;branch=z9hG4bKn')
  t.equal(topVia(message).host, 'new.example.org')
  access.addFirst(message, 'Record-Route', '<sip:r@example.org>')
  t.equal(message.headers[0]?.key, 'record-route')
  access.set(message, 'X-A', '3')
  t.same(text(message, 'x-a'), ['X-A: 3'])
  access.set(message, 'X-B', '4')
  access.addLast(message, 'X-B', '5')
  t.same(
    message.headers.slice(-2).map(field => field.value),
    ['4', '5'],
  )
  access.remove(message, 'x-b')
  t.notOk(access.has(message, 'x-b'))
})

t.test('RFC 3261 16.7: the top Via goes and leaves the others as they are', async t => {
  const message = request()
  access.removeFirst(message, 'via')
  t.same(text(message, 'via'), [
    'Via: SIP/2.0/UDP b.example.org;branch=z9hG4bKb',
    'v: SIP/2.0/UDP c.example.org;branch=z9hG4bKc',
  ])
  access.removeFirst(message, 'via')
  t.equal(topVia(message).host, 'c.example.org')
  access.removeFirst(message, 'via')
  access.removeFirst(message, 'via')
  t.notOk(access.has(message, 'via'))
})

t.test('RFC 3261 18.2.1: the top Via is replaced alone', async t => {
  const message = request()
  access.replaceFirst(message, 'via', 'SIP/2.0/UDP a.example.org;branch=z9hG4bKa;received=192.0.2.7')
  t.equal(topVia(message).params.get('received'), '192.0.2.7')
  t.equal(access.values(message, 'via')[1], 'SIP/2.0/UDP b.example.org;branch=z9hG4bKb')
})

t.test('a clone has headers of its own', async t => {
  const message = request()
  const copy = access.cloneRequest(message)
  access.set(copy, 'From', '<sip:carol@example.org>')
  copy.uri = 'sip:carol@example.org'
  t.equal(access.value(message, 'from'), '"Alice, A" <sip:alice@example.org>;tag=a1')
  t.equal(message.uri, 'sip:bob@example.org')
})
