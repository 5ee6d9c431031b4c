import fc from 'fast-check'
import t from 'tap'
import { readXml } from '../../content/xml-read.ts'
import { readTarget } from './target.ts'
import { HISTORY, LIST, messageBytes, ROOT, SETTINGS, serveXcap } from './xcap.fixture.ts'

const at = (user: string): string => `org.openmobilealliance.deferred-list/users/${user}/deferred-list`

t.test('RFC 4825 6.2: the user is a SIP URI, escaped in any way', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  for (const user of [
    'sip:bob@example.org',
    'sip%3Abob%40example.org',
    'SIP:%62ob@Example.ORG',
    '%73ips:bob@example.org',
    'sip:bob@example.org;transport=tcp',
  ])
    t.equal((await box.ask(at(user))).status, 200, user)
  t.equal(
    (await box.ask(`org.openmobilealliance%2Edeferred-list/users/sip:bob@example.org/deferred%2dlist`)).status,
    200,
  )
  t.equal((await box.ask(at('sip:a%2520b@example.org'), { user: 'a b' })).status, 200, 'an escape of SIP, escaped')
})

t.test('only what is one’s own: 403 for every other tree, there or not', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  const others = [
    'sip:alice@example.org',
    'sip:nobody@example.org',
    'sip:bob@example.com',
    'bob',
    'tel:+1',
    'sip:bob%2Fx@example.org',
    '*',
  ]
  for (const user of others)
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE'])
      t.equal((await box.ask(at(user), { method })).status, 403, `${method} ${user}`)
  t.equal((await box.ask(SETTINGS, { user: 'alice' })).status, 403)
  t.equal((await box.ask(`none/users/sip:alice@example.org/x`)).status, 403, 'not even whether there is such a thing')
})

t.test('paths that mean something else to somebody on the way name nothing', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  const own = 'org.openmobilealliance.deferred-list/users/sip:bob@example.org'
  const tricks = [
    `/xcap//${LIST}`,
    `/xcap/./${LIST}`,
    `/xcap/x/../${LIST}`,
    `${own}//deferred-list`,
    `${own}/%2e/deferred-list`,
    `${own}/x/%2E%2e/deferred-list`,
  ]
  const more = [
    `${own}/deferred-list/`,
    `${own}`,
    `${own}/`,
    `${own}/deferred-list%00`,
    `${own}/deferred-list/..`,
    `${own}/x%2Fdeferred-list`,
    'users',
    '',
    '/xcap',
    'xcap-caps/users/sip:bob@example.org/index',
    'xcap-caps/global/x',
    `${LIST}?x=y`,
  ]
  const seen = [...tricks, ...more, 'org.openmobilealliance.deferred-list/global/deferred-list', '/xcap/%2e%2e/metrics']
  for (const path of seen) t.equal((await box.ask(path)).status, 404, path)
  for (const path of [`${own}/%zz`, `${own}/%`, `${own}/%ff`]) t.equal((await box.ask(path)).status, 400, path)
})

t.test('any path is read, or is none, or has a malformed escape', async t => {
  const piece = fc.constantFrom(
    '/',
    '~~',
    '%7e',
    '%2F',
    '%',
    '..',
    'users',
    'sip:bob@example.org',
    '?',
    'a',
    '\u0000',
    '\u00e9',
    '@',
    '%F0%9F',
  )
  const paths = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 15 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(paths, path => {
      try {
        const target = readTarget(path)
        return (
          !target ||
          [target.auid, ...target.document.split('/')].every(name => name !== '' && name !== '.' && name !== '..')
        )
      } catch (error) {
        return error instanceof URIError
      }
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test(
  'nothing is shown to nobody: 401 for every path, with digest and without basic where others can listen',
  async t => {
    const box = await serveXcap(t.testdir())
    t.teardown(box.close)
    for (const path of [LIST, 'xcap-caps/global/index', 'none', at('sip:alice@example.org'), '%zz']) {
      const reply = await box.send(`/xcap/${path}`)
      t.ok(reply.status === 401 || path === '%zz', path)
      t.notMatch(reply.text, 'openmobile')
    }
    const reply = await box.send(`/xcap/${LIST}`, { method: 'PUT', body: 'x'.repeat(100_000) })
    t.match(reply, {
      status: 401,
      headers: { 'www-authenticate': /^Digest realm="example\.org", nonce="[^"]+", algorithm=MD5, qop="auth"$/ },
    })
    const basic = (text: string) => box.ask(LIST, { authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    t.equal((await basic('bob:bob-secret')).status, 401, 'not without TLS')
    for (const authorization of ['Digest', 'Basic', 'Bearer x', 'Digest username="bob"', 'Basic ???', '"'])
      t.ok([400, 401].includes((await box.ask(LIST, { authorization })).status), authorization)
  },
)

t.test('RFC 7616: names, wrong passwords, another URI, and what was heard before', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  t.equal((await box.ask(LIST)).status, 200)
  t.equal((await box.ask(LIST, { password: 'bob' })).status, 401)
  t.equal((await box.ask(LIST, { user: 'nobody', password: 'x' })).status, 401)
  const sent: string[] = []
  const { answerChallenge } = await import('../../sip/digest.ts')
  const { SeededEntropy } = await import('../../testing/seeded-entropy.ts')
  const challenge = (await box.send('/xcap/')).headers['www-authenticate']!
  const answer = (path: string, method = 'GET') =>
    answerChallenge(challenge, {
      method,
      uri: path,
      username: 'bob',
      password: 'bob-secret',
      entropy: new SeededEntropy(7),
      count: sent.push(path),
    })!
  const own = `/xcap/${LIST}`
  const good = answer(own)
  t.equal((await box.send(own, { authorization: good })).status, 200)
  const again = await box.send(own, { authorization: good })
  t.match(again, { status: 401, headers: { 'www-authenticate': /stale=true/ } }, 'a count that was used')
  t.equal((await box.send(own, { authorization: answer(`/xcap/${SETTINGS}`) })).status, 401, 'for another URI')
  t.equal((await box.send(own, { authorization: answer(own), method: 'DELETE' })).status, 401, 'for another method')
  box.clock.at = 301_000
  t.match(await box.send(own, { authorization: answer(own) }), {
    status: 401,
    headers: { 'www-authenticate': /stale=true/ },
  })
})

t.test('whoever guesses is slowed down, and nobody else', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  for (let tries = 0; tries < 10; tries++) t.equal((await box.ask(LIST, { password: `guess${tries}` })).status, 401)
  t.match(
    await box.ask(LIST),
    { status: 429, headers: { 'retry-after': '30' } },
    'whether it is right is not looked at',
  )
  t.equal((await box.ask(at('sip:alice@example.org'), { user: 'alice' })).status, 200)
  box.clock.at = 31_000
  t.equal((await box.ask(LIST)).status, 200)
  t.match(box.counters.describe(), { xcap_refused: { 'wrong credentials': 10, slowed: 1 } })
})

t.test('RFC 4825 12, OMA XDM: what there is, and what a user has', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  const caps = await box.ask('xcap-caps/global/index')
  t.match(caps, { status: 200, headers: { 'content-type': 'application/xcap-caps+xml' } })
  const auids = readXml(Buffer.from(caps.text)).root.children[0]!.children.map(({ text }) => text)
  t.strictSame(auids, [
    'xcap-caps',
    'org.openmobilealliance.deferred-list',
    'org.openmobilealliance.conv-history',
    'org.openmobilealliance.im-service-settings',
    'org.openmobilealliance.xcap-directory',
  ])
  t.match(await box.ask('xcap-caps/global/index/~~/xcap-caps/auids/auid[1]'), { text: '<auid>xcap-caps</auid>' })
  const { etag = '' } = caps.headers
  t.equal((await box.ask('xcap-caps/global/index', { headers: { 'if-none-match': etag } })).status, 304)
  t.match(await box.ask('xcap-caps/global/index', { method: 'PUT' }), { status: 405, headers: { allow: 'GET, HEAD' } })
  const directory = 'org.openmobilealliance.xcap-directory/users/sip:bob@example.org/directory.xml'
  const entries = async () =>
    readXml(Buffer.from((await box.ask(directory)).text)).root.children.map(({ children: [entry] }) =>
      entry!.attributes.map(({ value }) => value),
    )
  const listTag = async () => (await box.ask(LIST)).headers.etag!.slice(1, -1)
  t.strictSame(await entries(), [
    [ROOT + LIST, await listTag()],
    [ROOT + HISTORY, '0'],
  ])
  const settings = '<im-settings xmlns="urn:oma:xml:im:service-settings"/>'
  await box.ask(SETTINGS, { method: 'PUT', body: settings, headers: { 'content-type': 'text/xml' } })
  await box.keep(1, { bytes: messageBytes(['From: <sip:a@b>']) })
  t.match(await entries(), [
    [ROOT + LIST, await listTag()],
    [ROOT + HISTORY, '0'],
    [ROOT + SETTINGS, /^1-/],
  ])
})
