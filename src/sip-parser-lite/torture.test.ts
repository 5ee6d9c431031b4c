import { Buffer } from 'node:buffer'
import t, { type Test } from 'tap'
import { encodeMessage } from './encode.ts'
import type { Fixture } from './fixtures/notation.fixture.ts'
import { RFC4475 } from './fixtures/rfc4475.fixture.ts'
import { RFC5118 } from './fixtures/rfc5118.fixture.ts'
import { summary } from './fixtures/summary.fixture.ts'
import { type SipMessage, SipSyntaxError } from './message.ts'
import { parseMessage } from './parse.ts'
import { SipStream } from './stream.ts'

const ALL = [...RFC4475.map(row => ({ rfc: 4475, row })), ...RFC5118.map(row => ({ rfc: 5118, row }))]

type Result = SipMessage | SipSyntaxError | 'ping'

function attempt(read: () => SipMessage): SipMessage | SipSyntaxError {
  try {
    return read()
  } catch (error) {
    if (error instanceof SipSyntaxError) return error
    throw error
  }
}

/** Everything that comes out of a stream fed with `chunks`, until it has no more to say. */
function drain(chunks: readonly Buffer[]): Result[] {
  const stream = new SipStream()
  const results: Result[] = []
  for (const chunk of chunks) {
    stream.push(chunk)
    for (;;) {
      try {
        const next = stream.next()
        if (next === undefined) break
        results.push(next)
      } catch (error) {
        if (!(error instanceof SipSyntaxError)) throw error
        results.push(error)
      }
    }
  }
  return results
}

/** Enough of a result to tell it from another. */
const told = (result: Result): unknown => {
  if (result === 'ping') return result
  if (result instanceof SipSyntaxError) return `${result.status} ${result.message}`
  return encodeMessage(result).toString('latin1')
}

const expected = (row: Fixture): string =>
  row.layer === 'element' || row.outcome.kind === 'accepted' ? 'accepted' : row.outcome.kind

t.test('RFC 4475: there are 49 messages, each once', async t => {
  t.equal(new Set(RFC4475.map(row => row.name)).size, 49)
  t.equal(new Set(RFC4475.map(row => row.section)).size, 49)
})

for (const { rfc, row } of ALL) {
  t.test(`RFC ${rfc} ${row.section} ${row.name}: ${expected(row)} as a datagram`, async t => {
    const result = attempt(() => parseMessage(row.message))
    if (expected(row) !== 'accepted') return checkRefusal(t, row, result)
    if (result instanceof SipSyntaxError) throw result
    const found = summary(result)
    for (const [name, fact] of Object.entries(row.facts ?? {})) t.same(found[name], fact, name)
    checkRoundTrip(t, row, result)
  })

  t.test(`RFC ${rfc} ${row.section} ${row.name}: the same however a stream cuts it`, async t => {
    const whole = drain([row.message]).map(told)
    const bytes = Array.from(row.message, (_, at) => row.message.subarray(at, at + 1))
    t.same(drain(bytes).map(told), whole, 'byte by byte')
    let different = 0
    for (let at = 1; at < row.message.length; at++) {
      const results = drain([row.message.subarray(0, at), row.message.subarray(at)]).map(told)
      if (JSON.stringify(results) !== JSON.stringify(whole)) different++
    }
    t.equal(different, 0, 'split at every offset')
  })
}

function checkRefusal(t: Test, row: Fixture, result: SipMessage | SipSyntaxError): void {
  if (!(result instanceof SipSyntaxError)) throw new Error(`${row.name} was accepted`)
  if (row.outcome.kind !== 'refused') {
    t.equal(result.status, 0)
    return
  }
  t.same([result.status], row.outcome.statuses)
  t.equal(result.message, row.outcome.reason)
  t.ok(
    result.partial?.headers.some(field => field.key === 'via'),
    'an answer can be made',
  )
}

/** Without Content-Length one is added; what is behind the message is dropped; nothing else changes. */
function checkRoundTrip(t: Test, row: Fixture, message: SipMessage): void {
  const bytes = encodeMessage(message)
  const hasLength = message.headers.some(field => field.key === 'content-length')
  if (hasLength) t.ok(bytes.equals(row.message.subarray(0, bytes.length)), 'byte for byte')
  else t.equal(bytes.toString('latin1').replace(/Content-Length: \d+\r\n/, ''), row.message.toString('latin1'))
}

const TRAILER = Buffer.from(
  'SIP/2.0 100 Trying\r\nv: SIP/2.0/TCP a.example.org\r\nf: <sip:a@example.org>\r\nt: <sip:b@example.org>\r\ni: 1\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n',
)

/** After these nobody can tell where the next message starts. */
const UNFRAMED = ['badvers', 'bigcode', 'inv2543', 'mcl01', 'ncl', 'trws']
/** The rest of the message is waited for; a second message whose body is longer than it says. */
const PENDING = ['clerr', 'dblreq']

t.test(
  'RFC 3261 18.3: what follows a message on a stream is the next message, be the first one refused or not',
  async t => {
    const lost: string[] = []
    for (const { row } of ALL) {
      const results = drain([row.message, TRAILER]).map(told)
      if (results.at(-1) !== TRAILER.toString('latin1')) lost.push(row.name)
    }
    t.same(lost.sort(), [...UNFRAMED, ...PENDING].sort())
  },
)
