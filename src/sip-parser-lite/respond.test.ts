import t from 'tap'
import { encodeMessage } from './encode.ts'
import { lines } from './fixtures/notation.fixture.ts'
import { type SipRequest, SipSyntaxError } from './message.ts'
import { parseMessage } from './parse.ts'
import { reasonPhrase, responseTo } from './respond.ts'

const received = (to: string): SipRequest => {
  const message = parseMessage(
    lines(
      'INVITE sip:bob@example.org SIP/2.0',
      'Via: SIP/2.0/UDP a.example.org;branch=z9hG4bKa, SIP/2.0/UDP b.example.org',
      'v: SIP/2.0/UDP c.example.org',
      'From: <sip:alice@example.org>;tag=a1',
      `To: ${to}`,
      'Call-ID: 1@example.org',
      'CSeq: 1 INVITE',
      'Timestamp: 54',
      'Subject: not copied',
      '',
    ),
  )
  if (message.kind !== 'request') throw new Error('not a request')
  return message
}

t.test('RFC 3261 8.2.6.2: what a response copies', async t => {
  const text = encodeMessage(responseTo(received('<sip:bob@example.org>'), 404, undefined, 'b1')).toString('latin1')
  t.equal(
    text,
    lines(
      'SIP/2.0 404 Not Found',
      'Via: SIP/2.0/UDP a.example.org;branch=z9hG4bKa, SIP/2.0/UDP b.example.org',
      'v: SIP/2.0/UDP c.example.org',
      'From: <sip:alice@example.org>;tag=a1',
      'To: <sip:bob@example.org>;tag=b1',
      'Call-ID: 1@example.org',
      'CSeq: 1 INVITE',
      'Content-Length: 0',
      '',
    ).toString('latin1'),
  )
})

t.test('RFC 3261 8.2.6.1: 100 carries Timestamp and adds no tag', async t => {
  const trying = responseTo(received('<sip:bob@example.org>'), 100, undefined, 'b1')
  t.same(
    trying.headers.filter(field => field.key === 'timestamp' || field.key === 'to').map(field => field.value),
    ['<sip:bob@example.org>', '54'],
  )
})

t.test('RFC 3261 8.2.6.2: a tag that is there stays', async t => {
  const { headers } = responseTo(received('<sip:bob@example.org>;Tag=x'), 200, 'Fine', 'b1')
  t.equal(headers.find(field => field.key === 'to')?.value, '<sip:bob@example.org>;Tag=x')
})

t.test('a request that was refused can be answered', async t => {
  try {
    received('"Bob <sip:bob@example.org>')
    t.fail('was accepted')
  } catch (error) {
    if (!(error instanceof SipSyntaxError) || !error.partial) throw error
    const response = responseTo(error.partial, error.status, error.message, 'b1')
    t.match(response, { status: 400, reason: 'Malformed To header' })
    t.equal(response.headers.find(field => field.key === 'to')?.value, '"Bob <sip:bob@example.org>')
  }
})

t.test('RFC 3261 21: reason phrases', async t => {
  t.equal(reasonPhrase(480), 'Temporarily Unavailable')
  t.equal(reasonPhrase(202), 'Accepted')
  t.equal(reasonPhrase(499), 'Request Failure', 'an unknown code has the phrase of its class')
})
