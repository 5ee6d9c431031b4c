import t from 'tap'
import { Counters } from '../base/counters.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { atSecond } from '../testing/sip-examples.ts'
import { answerChallenge, Digest, ha1, type Verdict } from './digest.ts'
import { Guesses } from './digest-guesses.ts'

const HERE = '192.0.2.7'
const THERE = '192.0.2.8'
const ALICE = 'sip:alice@example.org'

/** The waits that so many wrong passwords in a row begin. */
const waits = (guesses: Guesses, times: number, second = 0, source = HERE, account = ALICE): number[] =>
  Array.from({ length: times }, () => guesses.wrong(atSecond(second), source, account))

t.test('ten wrong passwords at once begin a wait, each further one a longer one, up to five minutes', async t => {
  const guesses = new Guesses()
  t.same(waits(guesses, 9), [0, 0, 0, 0, 0, 0, 0, 0, 0])
  t.equal(guesses.waitMs(atSecond(0), HERE, ALICE), 0)
  let second = 0
  for (const expectedS of [30, 60, 120, 240, 300, 300]) {
    let waitMs = 0
    while (waitMs === 0) waitMs = guesses.wrong(atSecond(second), HERE, ALICE)
    t.equal(waitMs, expectedS * 1000)
    t.equal(guesses.waitMs(atSecond(second + 1), HERE, ALICE), waitMs - 1000)
    second += expectedS
    t.equal(guesses.waitMs(atSecond(second), HERE, ALICE), 0)
  }
})

t.test('one wrong password a minute is forgotten as fast as it comes', async t => {
  const guesses = new Guesses()
  for (let minute = 0; minute < 500; minute++) t.equal(waits(guesses, 1, minute * 60)[0], 0)
})

t.test('other accounts and other sources do not wait, and the right password ends the count', async t => {
  const guesses = new Guesses()
  waits(guesses, 10)
  t.equal(guesses.waitMs(atSecond(1), THERE, ALICE), 0)
  t.equal(guesses.waitMs(atSecond(1), HERE, 'sip:bob@example.org'), 0)
  waits(guesses, 9, 0, THERE)
  guesses.right(THERE, ALICE)
  t.same(waits(guesses, 9, 0, THERE), [0, 0, 0, 0, 0, 0, 0, 0, 0])
})

t.test(
  'whoever tries account after account shares one count for all beyond the 64th, and does not push out their own',
  async t => {
    const guesses = new Guesses(100)
    waits(guesses, 10)
    for (let n = 0; n < 63; n++) waits(guesses, 1, 0, HERE, `sip:user${n}@example.org`)
    t.equal(guesses.size, 64)
    const further = Array.from({ length: 10 }, (_, n) => waits(guesses, 1, 0, HERE, `sip:more${n}@example.org`)[0])
    t.same(further, [0, 0, 0, 0, 0, 0, 0, 0, 0, 30_000])
    t.equal(guesses.size, 65)
    t.equal(guesses.waitMs(atSecond(1), HERE, 'sip:carol@example.org'), 29_000)
    t.equal(guesses.waitMs(atSecond(1), HERE, ALICE), 29_000)
    t.equal(guesses.waitMs(atSecond(1), HERE, 'sip:user1@example.org'), 0)
    t.equal(guesses.waitMs(atSecond(1), THERE, 'sip:carol@example.org'), 0)
  },
)

t.test('the table is bounded: what is forgotten leaves it, then what was added to longest ago', async t => {
  const guesses = new Guesses(100)
  for (let n = 0; n < 1000; n++) waits(guesses, 1, 0, `192.0.2.${n}`)
  t.equal(guesses.size, 100)
  waits(guesses, 1, 60)
  t.equal(guesses.size, 1)
  waits(guesses, 1, 60, THERE, 'x'.repeat(100_000))
  t.equal(guesses.waitMs(atSecond(60), THERE, 'x'), 0)
})

const PHONE = '198.51.100.7'
const OTHER = '203.0.113.9'

/** A digest server and what somebody says to it; a nonce is sent to `got`, the answer seems to come from `from`. */
function setUp() {
  const counters = new Counters()
  const digest = new Digest({ realm: 'example.org', entropy: new SeededEntropy('guesses'), counters })
  const account = { ha1Md5: ha1('alice', 'example.org', 'secret', 'MD5') }
  const nonceFor = (address: string): string => digest.challenge(atSecond(0), { algorithms: ['MD5'], address })[0]!
  const say = (password: string, challenge: string, from: string, second = 1): Verdict => {
    const entropy = new SeededEntropy('client')
    const credentials = { method: 'REGISTER', uri: 'sip:example.org', username: 'alice', password, entropy }
    const authorization = [answerChallenge(challenge, credentials)!]
    const request = { method: 'REGISTER', uri: 'sip:example.org', authorization, account, name: ALICE, address: from }
    return digest.check(atSecond(second), request)
  }
  const guess = (times: number, challenge: string, from: string): string[] =>
    Array.from({ length: times }, (_, n) => say(`guess ${n}`, challenge, from).result)
  return { counters, digest, nonceFor, say, guess }
}

t.test('after ten wrong passwords not even the right one is looked at until the wait is over', async t => {
  const { counters, nonceFor, say, guess } = setUp()
  const nonce = nonceFor(OTHER)
  guess(9, nonce, OTHER)
  t.same(say('guess', nonce, OTHER), { result: 'wrong', slowedS: 30 })
  t.same(say('guess', nonce, OTHER), { result: 'slowed', retryAfterS: 30 })
  t.same(say('secret', nonce, OTHER, 30.5), { result: 'slowed', retryAfterS: 1 })
  t.equal(say('secret', nonceFor(PHONE), PHONE).result, 'ok', 'alice is let in elsewhere')
  t.equal(say('secret', nonce, OTHER, 31).result, 'ok')
  t.equal(counters.get('guessing_slowed'), 1)
  t.equal(counters.get('digest', 'slowed'), 2)
})

t.test('a forged source keeps nobody out: what was sent to the guesser is charged to the guesser', async t => {
  const { nonceFor, say, guess } = setUp()
  const own = nonceFor(OTHER)
  t.same(new Set(guess(200, own, PHONE)), new Set(['wrong', 'slowed']))
  t.equal(say('secret', nonceFor(PHONE), PHONE).result, 'ok')
  t.equal(say('secret', own, OTHER).result, 'slowed')
  const invented = own.replace(/nonce="[^"]*"/, 'nonce="invented"')
  t.same(new Set(guess(200, invented, PHONE)), new Set(['stale']))
  t.equal(say('secret', nonceFor(PHONE), PHONE).result, 'ok')
})

t.test('a guesser who takes nonces at one address and guesses from others is slowed all the same', async t => {
  const { nonceFor, say } = setUp()
  const nonce = nonceFor(OTHER)
  const results = Array.from({ length: 20 }, (_, n) => say('guess', nonce, `198.51.100.${n}`).result)
  t.same(results.slice(10), new Array(10).fill('slowed'))
  const six = ['2001:db8::1', '2001:db8::2'].map(nonceFor)
  t.equal(Array.from({ length: 10 }, (_, n) => say('guess', six[n % 2]!, '2001:db8::3').result).at(-1), 'wrong')
  t.equal(say('guess', nonceFor('2001:db8::4'), '2001:db8::4').result, 'slowed', 'a /64 is one source')
})

t.test('under nonces that are not ours guessing tells nothing, and soon not even to us', async t => {
  const { digest, say, guess } = setUp()
  const before = new Digest({ realm: 'example.org', entropy: new SeededEntropy('before'), counters: new Counters() })
  const stray = before.challenge(atSecond(0), { algorithms: ['MD5'], address: OTHER })[0]!
  t.same(say('secret', stray, OTHER), { result: 'stale', isRight: true })
  guess(10, stray, OTHER)
  t.same(say('secret', stray, OTHER), { result: 'stale', isRight: false })
  t.same(say('secret', stray, PHONE), { result: 'stale', isRight: true })
  t.match(digest.describe(), { wrongTallies: 0 })
})
