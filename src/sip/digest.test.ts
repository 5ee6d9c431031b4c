import t from 'tap'
import { Counters } from '../base/counters.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { atSecond } from '../testing/sip-examples.ts'
import { type Algorithm, answerChallenge, type ClientAnswer, Digest, ha1, type Secrets } from './digest.ts'

const account: Secrets = {
  ha1Md5: ha1('alice', 'example.org', 'secret', 'MD5'),
  ha1Sha256: ha1('alice', 'example.org', 'secret', 'SHA-256'),
}

function setUp(seed = 'digest') {
  const counters = new Counters()
  const digest = new Digest({ realm: 'example.org', entropy: new SeededEntropy(seed), counters })
  return { counters, digest, challenge: (algorithm: Algorithm = 'MD5', second = 0) => first(digest, algorithm, second) }
}

const first = (digest: Digest, algorithm: Algorithm, second: number): string =>
  digest.challenge(atSecond(second), { algorithms: [algorithm] })[0]!

const answer = (challenge: string, change: Partial<ClientAnswer> = {}): string =>
  answerChallenge(challenge, {
    method: 'REGISTER',
    uri: 'sip:example.org',
    username: 'alice',
    password: 'secret',
    entropy: new SeededEntropy('client'),
    ...change,
  })!

const attempt = (authorization: string | string[], change = {}) => ({
  method: 'REGISTER',
  uri: 'sip:example.org',
  authorization: [authorization].flat(),
  account,
  ...change,
})

t.test('RFC 7616 3.9.1: the figures of the RFC', async t => {
  const realm = 'http-auth@example.org'
  t.equal(ha1('Mufasa', realm, 'Circle of Life', 'MD5'), '3d78807defe7de2157e2b0b6573a855f')
  for (const [algorithm, response] of [
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const) {
    const digest = new Digest({ realm, entropy: new SeededEntropy(1), counters: new Counters() })
    const credentials =
      `Digest username="Mufasa", realm="${realm}", uri="/dir/index.html", algorithm=${algorithm}, ` +
      `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, qop=auth, ` +
      `cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", response="${response}"`
    const verdict = digest.check(atSecond(0), {
      method: 'GET',
      uri: '/dir/index.html',
      authorization: [credentials],
      account: {
        ha1Md5: ha1('Mufasa', realm, 'Circle of Life', 'MD5'),
        ha1Sha256: ha1('Mufasa', realm, 'Circle of Life', 'SHA-256'),
      },
    })
    t.equal(verdict.result, 'stale', `${algorithm}: the password is right, the nonce not ours`)
  }
})

t.test('RFC 7616 3.4: the right password passes by either algorithm, once', async t => {
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    const { digest, challenge, counters } = setUp()
    const authorization = answer(challenge(algorithm))
    t.same(digest.check(atSecond(1), attempt(authorization)), { result: 'ok', username: 'alice' })
    t.same(digest.check(atSecond(1), attempt(authorization)), { result: 'stale', isRight: true }, 'replay')
    t.equal(counters.get('digest', 'ok'), 1)
    t.equal(counters.get('digest', 'stale'), 1)
  }
})

t.test('RFC 7616 3.4: one nonce serves many requests as its count grows', async t => {
  const { digest, challenge } = setUp()
  const text = challenge()
  for (const count of [1, 2, 4, 3]) {
    const verdict = digest.check(atSecond(1), attempt(answer(text, { count })))
    t.equal(verdict.result, 'ok', `count ${count}`)
  }
})

t.test('RFC 8760 2.3: one challenge per algorithm in the order configured, each with a nonce of its own', async t => {
  const { digest } = setUp()
  const challenges = digest.challenge(atSecond(0), { algorithms: ['SHA-256', 'MD5'] })
  t.match(challenges[0], /^Digest realm="example\.org", nonce="[^"]+", algorithm=SHA-256, qop="auth"$/)
  t.match(challenges[1], /algorithm=MD5/)
  t.equal(new Set(challenges.map(text => /nonce="([^"]+)"/.exec(text)?.[1])).size, 2)
  const [stale] = digest.challenge(atSecond(0), { algorithms: ['MD5'], isStale: true })
  t.match(stale, /, stale=true$/)
})

t.test('RFC 7616 3.3: an old nonce is stale, and only we are told whether the password is right', async t => {
  const { digest, challenge } = setUp()
  const old = challenge()
  const stray = setUp('before the restart').challenge()
  for (const [second, text] of [
    [301, old],
    [1, stray],
  ] as const) {
    t.same(digest.check(atSecond(second), attempt(answer(text))), { result: 'stale', isRight: true })
    const guess = attempt(answer(text, { password: 'guess' }))
    t.same(digest.check(atSecond(second), guess), { result: 'stale', isRight: false })
  }
})

t.test('RFC 7616 3.4: a wrong response uses nothing up', async t => {
  const { digest, challenge } = setUp()
  const text = challenge()
  t.equal(digest.check(atSecond(1), attempt(answer(text, { password: 'guess' }))).result, 'wrong')
  t.match(digest.describe(), { noncesInUse: 0 })
  t.equal(digest.check(atSecond(1), attempt(answer(text))).result, 'ok')
})

t.test('RFC 3261 22.4: what proves nothing is wrong, and each reason is counted', async t => {
  const { digest, challenge, counters } = setUp()
  const good = answer(challenge())
  const cases: [label: string, authorization: string, change?: object][] = [
    ['qop', good.replace(', qop=auth', '')],
    ['qop', good.replace('qop=auth', 'qop=auth-int')],
    ['algorithm', good.replace('=MD5', '=MD5-sess')],
    ['algorithm', good, { algorithms: ['SHA-256'] }],
    ['nonce count', good.replace('nc=00000001', 'nc=00000000')],
    ['nonce count', good.replace('nc=00000001', 'nc=1')],
    ['nonce count', good.replace(/cnonce="[^"]*"/, 'cnonce=""')],
    ['uri', good.replace('uri="sip:example.org"', 'uri=""')],
    ['password', good, { method: 'MESSAGE' }],
    ['password', good, { account: {} }],
    ['password', good, { account: { ha1Sha256: account.ha1Sha256 } }],
    ['password', good, { account: { ha1Md5: '' } }],
    ['password', good.replace(/response="[^"]*"/, 'response=""')],
  ]
  for (const [label, authorization, change] of cases) {
    const before = counters.get('digest', label)
    t.equal(digest.check(atSecond(1), attempt(authorization, change)).result, 'wrong', `${label}: ${authorization}`)
    t.equal(counters.get('digest', label), before + 1, label)
  }
  t.equal(digest.check(atSecond(1), attempt(good)).result, 'ok', 'and the good one is still good')
})

t.test('RFC 3261 22.4: credentials of another realm, scheme or no sense count as none', async t => {
  const { digest, challenge } = setUp()
  const good = answer(challenge())
  const foreign = good.replace('realm="example.org"', 'realm="example.net"')
  for (const values of [[], [foreign], ['Basic QWxhZGRpbjpvcGVu'], ['Digest'], ['Digest username="x'], ['']]) {
    t.equal(digest.check(atSecond(1), attempt(values)).result, 'absent', values.join())
    t.equal(digest.usernameOf(values), undefined)
  }
  t.equal(digest.usernameOf([foreign, good]), 'alice')
  t.equal(digest.check(atSecond(1), attempt([foreign, good])).result, 'ok')
})

t.test('RFC 3261 22.4: what a second user adds to the header does not count', async t => {
  const { digest, challenge } = setUp()
  const mallory = answer(challenge(), { username: 'mallory', password: 'guess' })
  const alice = answer(challenge())
  t.equal(digest.usernameOf([mallory, alice]), 'mallory')
  t.equal(digest.check(atSecond(1), attempt([mallory, alice])).result, 'wrong')
})

t.test('RFC 7616 3.4.6: proxies may rewrite the host, but not to whom the request goes', async t => {
  const { digest, challenge } = setUp()
  const check = (claimed: string, uri: string): string =>
    digest.check(atSecond(1), attempt(answer(challenge(), { uri: claimed }), { uri })).result
  t.equal(check('sip:example.org', 'sip:192.0.2.10:5060;transport=udp'), 'ok')
  t.equal(check('sip:bob@example.org', 'sip:b%6fb@192.0.2.10'), 'ok')
  t.equal(check('sip:bob@example.org', 'sip:carol@example.org'), 'wrong')
  t.equal(check('sip:example.org', 'sip:carol@example.org'), 'wrong')
  t.equal(check('nonsense', 'sip:example.org'), 'wrong')
})

t.test('a user name with the domain is hashed as it stands, so it fits no account made without it', async t => {
  const { digest, challenge } = setUp()
  const authorization = answer(challenge(), { username: 'alice@example.org' })
  t.equal(digest.usernameOf([authorization]), 'alice@example.org')
  t.equal(digest.check(atSecond(1), attempt(authorization)).result, 'wrong')
})

t.test('both forms of a name are right where the account has hashes of both, by either algorithm', async t => {
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    const digest = new Digest({ realm: 'example.org', entropy: new SeededEntropy('forms'), counters: new Counters() })
    const hashed = (name: string): string => ha1(name, 'example.org', 'secret', algorithm)
    const [plain, address] = [hashed('alice'), hashed('alice@example.org')]
    const account =
      algorithm === 'MD5' ? { ha1Md5: plain, ha1Md5Address: address } : { ha1Sha256: plain, ha1Sha256Address: address }
    const result = (username: string, password: string): string => {
      const authorization = answer(first(digest, algorithm, 0), { username, password })
      return digest.check(atSecond(1), attempt(authorization, { account })).result
    }
    t.equal(result('alice', 'secret'), 'ok')
    t.equal(result('alice@example.org', 'secret'), 'ok')
    t.equal(result('alice@elsewhere.example', 'secret'), 'wrong')
    t.equal(result('alice@example.org', 'wrong'), 'wrong')
  }
})

t.test('RFC 7616 4: names and passwords beyond ASCII are UTF-8 on both sides, quotes are escaped', async t => {
  const entropy = new SeededEntropy('utf8')
  const digest = new Digest({ realm: 'a "b"', entropy, counters: new Counters() })
  const username = 'jörg "j"'
  const authorization = answer(first(digest, 'SHA-256', 0), { username, password: 'pässwort' })
  const secrets = { ha1Sha256: ha1(username, 'a "b"', 'pässwort', 'SHA-256') }
  t.equal(digest.check(atSecond(1), attempt(authorization, { account: secrets })).result, 'ok')
})

t.test('the client answers nothing that it cannot answer', async t => {
  const options = { method: 'A', uri: 'sip:x', username: 'a', password: 'b', entropy: new SeededEntropy(1) }
  t.equal(answerChallenge('Basic realm="x"', options), undefined)
  t.equal(answerChallenge('Digest realm="x", nonce="y", algorithm=SHA-512-256, qop="auth"', options), undefined)
  t.equal(answerChallenge('Digest realm="x", nonce="y", qop="auth-int"', options), undefined)
  t.match(answerChallenge('Digest realm="x", nonce="y", qop="auth,auth-int", opaque="z"', options), /opaque="z"$/)
})
