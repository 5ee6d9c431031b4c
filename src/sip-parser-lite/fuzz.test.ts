import { Buffer } from 'node:buffer'
import t from 'tap'
import { values } from './access.ts'
import { encodeMessage } from './encode.ts'
import { RFC4475 } from './fixtures/rfc4475.fixture.ts'
import { RFC5118 } from './fixtures/rfc5118.fixture.ts'
import { summary } from './fixtures/summary.fixture.ts'
import { type SipMessage, SipSyntaxError } from './message.ts'
import { parseMessage } from './parse.ts'
import { responseTo } from './respond.ts'
import { SipStream } from './stream.ts'
import * as typed from './typed.ts'

const SEED = 0x5eed
const ROUNDS = 3000
const SEEDS = [...RFC4475, ...RFC5118].map(row => row.message)
const TOKENS = [
  '\r\n',
  '\r\n ',
  '\n',
  '\r',
  '\0',
  '\xff',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  ':',
  '=',
  '%',
  '[',
  ']',
  '@',
  '?',
  '*',
  'SIP/2.0',
]
  .concat('9'.repeat(30), 'Content-Length: 5\r\n', '\r\n\r\n', ';tag=a', 'sip:', ' ')
  .map(text => Buffer.from(text, 'latin1'))

/** Marsaglia's xorshift: the same mutations at every run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

type Random = (below: number) => number

function mutated(random: Random): Buffer {
  let bytes: Buffer = Buffer.from(SEEDS[random(SEEDS.length)]!)
  for (let count = 1 + random(3); count > 0; count--) bytes = mutate(bytes, random)
  return bytes
}

function mutate(bytes: Buffer, random: Random): Buffer {
  const at = random(bytes.length + 1)
  const to = Math.min(bytes.length, at + random(20))
  const piece = TOKENS[random(TOKENS.length)]!
  switch (random(4)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)])
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
    case 2:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random(256)]), bytes.subarray(at + 1)])
    default: {
      const other = SEEDS[random(SEEDS.length)]!
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length))])
    }
  }
}

/** Runs what may refuse; anything but a refusal comes through. */
function refusing<T>(run: () => T): T | SipSyntaxError {
  try {
    return run()
  } catch (error) {
    if (error instanceof SipSyntaxError) return error
    throw error
  }
}

/** Every reader on every header: what is not refused is whatever it is, and nothing else escapes. */
function readAll(message: SipMessage): void {
  refusing(() => summary(message))
  for (const { key } of message.headers)
    for (const value of values(message, key))
      for (const read of [
        typed.parseVia,
        typed.parseNameAddr,
        typed.parseAuth,
        typed.parseParams,
        typed.parseSeconds,
        typed.parseCSeq,
      ])
        refusing(() => read(value))
}

/** An answer to a refused request copies what was wrong with it, but it is framed. */
const parseAnswer = (answer: SipMessage): SipMessage | SipSyntaxError =>
  refusing(() => parseMessage(encodeMessage(answer)))

t.test('nothing but SipSyntaxError escapes, and what is accepted goes out as it came in', async t => {
  const random = generator(SEED)
  let accepted = 0
  let answered = 0
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutated(random)
    const result = refusing(() => parseMessage(bytes))
    if (!(result instanceof SipSyntaxError)) {
      accepted++
      readAll(result)
      const again = encodeMessage(result)
      const twice = encodeMessage(parseMessage(again))
      if (!twice.equals(again)) t.equal(twice.toString('latin1'), again.toString('latin1'), `round ${round}`)
    } else if (result.partial) {
      answered++
      const answer = parseAnswer(responseTo(result.partial, result.status, result.message, 'tag'))
      if (answer instanceof SipSyntaxError && answer.status !== 0) t.fail(`round ${round}: ${answer.message}`)
    }
  }
  t.ok(accepted > ROUNDS / 10 && answered > ROUNDS / 10, `${accepted} accepted, ${answered} answered`)
})

t.test('a stream of rubbish in rubbish pieces ends dead or goes on, and says so', async t => {
  const random = generator(SEED + 1)
  let dead = 0
  for (let round = 0; round < ROUNDS / 4; round++) {
    const stream = new SipStream()
    const bytes = Buffer.concat([mutated(random), mutated(random), mutated(random)])
    for (let at = 0; at < bytes.length && !stream.isDead; ) {
      const size = 1 + random(700)
      stream.push(bytes.subarray(at, at + size))
      at += size
      for (let more = true; more; ) {
        const next = refusing(() => stream.next())
        more = next !== undefined && !stream.isDead
      }
    }
    if (stream.isDead) dead++
  }
  t.ok(dead > 0 && dead < ROUNDS / 4, `${dead} of ${ROUNDS / 4} died`)
})
