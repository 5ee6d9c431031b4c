import { createConnection } from 'node:net'
import t from 'tap'
import { basic, cookiesOf, OpenedPage } from './page.fixture.ts'

/** What strangers try at the door of page and API. */

const PASSWORD = 'correct horse battery'

async function opened(dir: string, more = ''): Promise<OpenedPage> {
  const page = await OpenedPage.open(dir, { more })
  page.access.finishSetup()
  return page
}

/** From an address of the network, without TLS. */
const fromNetwork = (
  page: OpenedPage,
  url: string,
  headers: Record<string, string> = {},
  method: 'GET' | 'POST' = 'GET',
) =>
  page.apps[0]!.inject({ method, url, headers: { host: '192.0.2.10:8080', ...headers }, remoteAddress: '192.0.2.77' })

t.test(
  'names of other sites are turned away, whoever points them here (DNS rebinding); ours and numeric ones are not',
  async t => {
    const page = await opened(t.testdir({}), 'web.hosts = ["gate.example.com"]')
    t.teardown(() => page.close())
    const get = (path: string, host: string) => page.apps[0]!.inject({ url: path, headers: { host } })
    const ours = [
      '127.0.0.1',
      'localhost:8080',
      '[::1]:8080',
      '192.168.1.1',
      '[2001:db8::1]',
      'EDGE1.example.org:1',
      'example.org',
    ]
    for (const host of [...ours, 'gate.example.com']) t.equal((await get('/login', host)).statusCode, 200, host)
    const others = [
      'evil.example',
      'evil.example:8080',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'edge1.example.org.',
    ]
    const odd = [
      'example.org@evil.example',
      'evil.example#example.org',
      '[::1',
      '::1]',
      '127.1',
      '0x7f.1',
      'localhost localhost',
      ' ',
    ]
    for (const host of [...others, ...odd])
      for (const path of ['/login', '/', '/api/v1/users', '/nowhere', '/api/nowhere'])
        t.equal((await get(path, host)).statusCode, 421, `${host}${path}`)
    const { status } = await page.ask('http://evil.example/login')
    t.equal(status, 421, 'a whole address in place of a path names another host')
  },
)

/** What no client library would send; the status line that comes back. */
async function statusOf(port: number, head: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1')
  socket.end(`${head}\r\n\r\n`)
  const parts: Buffer[] = []
  for await (const part of socket) parts.push(part as Buffer)
  return `${Buffer.concat(parts)}`.split('\r\n')[0]!
}

t.test('requests whose host is not one and the same are refused', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const { port } = page.apps[0]!.server.address() as { port: number }
  const cases: [RegExp, string][] = [
    [/ 200 /, 'GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close'],
    [/ 421 /, 'GET /login HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close'],
    [/ 421 /, 'GET /login HTTP/1.1\r\nHost: evil.example\r\nhost: localhost\r\nConnection: close'],
    [/ 400 /, 'GET /login HTTP/1.1\r\nConnection: close'],
    [/ 421 /, 'GET /login HTTP/1.0\r\nConnection: close'],
    [/ 421 /, 'GET /login HTTP/1.1\r\nHost:\r\nConnection: close'],
    [/ 421 /, 'GET http://evil.example/login HTTP/1.1\r\nHost: localhost\r\nConnection: close'],
    [/ 431 /, `GET /login HTTP/1.1\r\nHost: localhost\r\nCookie: ${'x'.repeat(40_000)}\r\nConnection: close`],
    [/ 400 /, 'GET /login\r\n evil HTTP/1.1\r\nHost: localhost'],
  ]
  for (const [status, head] of cases) t.match(await statusOf(port, head), status, head.slice(0, 90))
})

t.test('without TLS the network is sent to where it is safe, and what it sent in the open is refused', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const found = await fromNetwork(page, '/users?search=a')
  t.equal(found.statusCode, 308)
  t.match(found.headers.location, /^https:\/\/192\.0\.2\.10:\d+\/users\?search=a$/)
  t.match(
    (await fromNetwork(page, '//evil.example/')).headers.location,
    /^https:\/\/192\.0\.2\.10:\d+\/\/evil\.example\/$/,
  )
  for (const path of ['/login', '/api/v1/tokens', '/nowhere'])
    t.equal((await fromNetwork(page, path, {}, 'POST')).statusCode, 403, path)
  t.equal(
    (await fromNetwork(page, '/', { host: 'evil.example' })).statusCode,
    421,
    'nobody is sent elsewhere by a name',
  )
  const said = { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https', forwarded: 'for=127.0.0.1;proto=https' }
  t.equal((await fromNetwork(page, '/login', said)).statusCode, 308, 'what a proxy says is not believed')
  const known = await fromNetwork(page, '/api/v1/users', basic('admin', page.secret))
  t.equal(known.statusCode, 308, 'nor does a password help')
})

t.test('web.plain_http serves the network without TLS', async t => {
  const page = await opened(t.testdir({}), 'web.plain_http = true')
  t.teardown(() => page.close())
  t.equal((await fromNetwork(page, '/login')).statusCode, 200)
})

t.test('a form without the token of its own session does nothing', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const one = await page.signIn('admin', page.secret)
  const two = await page.signIn('admin', page.secret)
  const token = { token: 'made', tokenRole: 'admin', days: '' }
  const bodies = ['', 'csrf=', `csrf=${two.csrf}`, `csrf=${one.csrf}&csrf=${one.csrf}`, `csrf[]=${one.csrf}`]
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const csrf of bodies) {
    const body = `${csrf}&${new URLSearchParams(token)}`
    const answer = await page.ask('/account/tokens', { method: 'POST', body, headers: { cookie: one.cookie, ...type } })
    t.equal(answer.status, 403, csrf)
  }
  const json = { name: 'made', role: 'admin' }
  t.equal((await page.ask('/api/v1/tokens', { json, headers: { cookie: one.cookie } })).status, 403)
  const other = { cookie: one.cookie, 'x-csrf-token': two.csrf }
  t.equal((await page.ask('/api/v1/tokens', { json, headers: other })).status, 403)
  const plain = { cookie: one.cookie, 'content-type': 'text/plain' }
  const hidden = await page.ask('/api/v1/tokens', { method: 'POST', body: JSON.stringify(json), headers: plain })
  t.match(hidden.status, /403|415/)
  t.same(page.access.tokens(), [])
  const right = { cookie: one.cookie, 'x-csrf-token': one.csrf }
  t.equal((await page.ask('/api/v1/tokens', { json, headers: right })).status, 201)
  t.equal((await one.post('/account/tokens', token)).status, 200)
  t.equal(page.access.tokens().length, 2)
})

t.test('what comes from another site does nothing, whatever it carries', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const { cookie, csrf } = await page.signIn('admin', page.secret)
  const port = 8080
  const host = `127.0.0.1:${port}`
  const sent: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${port + 1}` },
    { origin: `https://${host}` },
    { origin: `http://${host}.evil.example` },
    { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
  ]
  for (const headers of sent) {
    const form = { csrf, name: 'eve', role: 'admin' }
    t.equal((await page.ask('/account/administrators', { form, headers: { host, cookie, ...headers } })).status, 403)
    const json = { name: 'eve', role: 'admin' }
    const known = { host, ...basic('admin', page.secret), ...headers }
    t.equal((await page.ask('/api/v1/administrators', { json, headers: known })).status, 403)
    const signIn = { name: 'admin', password: page.secret }
    const signed = await page.ask('/login', { form: signIn, headers: { host, ...headers } })
    t.match(signed, { status: 403 }, 'nor is anybody signed in from there')
    t.same(cookiesOf(signed), [])
  }
  t.equal(page.access.administrators().length, 1)
  const own = { host, cookie, 'sec-fetch-site': 'same-origin', origin: `http://${host}` }
  const form = { csrf, name: 'ops', role: 'operator' }
  t.equal((await page.ask('/account/administrators', { form, headers: own })).status, 200)
})

t.test('to look changes nothing', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const browser = await page.signIn('admin', page.secret)
  const id = page.access.sessions()[0]!.id
  for (const path of ['/logout', `/account/sessions/${id}/end`, '/account/tokens?token=x&tokenRole=admin'])
    t.equal((await browser.get(path)).status, 404, path)
  t.equal((await browser.get('/account')).status, 200)
})

t.test('cookies: strict, for the server alone, and over TLS of this very host', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const form = { name: 'admin', password: page.secret }
  const [plain = ''] = cookiesOf(await page.ask('/login', { form }))
  t.match(plain, /^restante=[a-z2-7]{32}; Path=\/; HttpOnly; SameSite=Strict$/)
  const [secure = ''] = cookiesOf(await page.ask('/login', { form, isSecure: true }))
  t.match(secure, /^__Host-restante=[a-z2-7]{32}; Path=\/; HttpOnly; Secure; SameSite=Strict$/)
  const value = (cookie: string): string => /=([a-z2-7]+);/.exec(cookie)![1]!
  const account = (cookie: string, isSecure: boolean) => page.ask('/account', { headers: { cookie }, isSecure })
  t.equal((await account(`__Host-restante=${value(secure)}`, true)).status, 200)
  // What a neighbour on the same host can set over plain HTTP is not looked at over TLS.
  t.equal((await account(`restante=${value(secure)}`, true)).status, 303)
  t.equal((await account(`__Host-restante=${value(secure)}`, false)).status, 303)
  const bad = [
    '',
    '=',
    ';;;',
    'restante',
    'restante=',
    'restante=%zz',
    'restante="',
    `restante=${'x'.repeat(8000)}`,
    'restante=\u00e9',
  ]
  for (const cookie of bad) t.equal((await account(cookie, false)).status, 303, cookie.slice(0, 40))
})

t.test('a session that somebody else knows is never the one that is signed in to', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const form = { name: 'admin', password: page.secret }
  const given = 'a'.repeat(32)
  const signed = await page.ask('/login', { form, headers: { cookie: `restante=${given}` } })
  t.equal(signed.status, 303)
  t.notMatch(cookiesOf(signed)[0], given)
  t.equal(page.access.session(given, true), undefined)
  const known = await page.signIn('admin', page.secret)
  await page.ask('/login', { form, headers: { cookie: known.cookie } })
  t.equal((await known.get('/account')).status, 303, 'the one before ends when somebody signs in again')
})

t.test('a session that ended, or was ended, leads back to the place after signing in', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const browser = await page.signIn('admin', page.secret)
  page.pass(30 * 60_000)
  const led = await browser.get('/users?search=a')
  t.match(led, { status: 303, headers: { location: '/login?back=%2Fusers%3Fsearch%3Da' } })
  const stale = await browser.post('/account/tokens', { token: 'x', tokenRole: 'admin' })
  t.equal(stale.status, 401)
  const back = async (to: string) => {
    const form = { name: 'admin', password: page.secret, back: to }
    return (await page.ask('/login', { form })).headers.location
  }
  for (const own of ['/users?search=a', '/logs']) t.equal(await back(own), own)
  const others = [
    '//evil.example',
    'https://evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'users',
    '/login',
    '/logout',
    '',
  ]
  for (const other of others) t.equal(await back(other), '/', other)
})

t.test('every reply of the page says what a browser may do with it', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const { cookie, csrf } = await page.signIn('admin', page.secret)
  const wrong = { name: 'admin', password: 'wrong' }
  const answers = {
    document: await page.ask('/login'),
    redirect: await page.ask('/'),
    missing: await page.ask('/nowhere', { headers: { cookie } }),
    asset: await page.ask('/assets/none'),
    refused: await page.ask('/login', { form: wrong }),
    stale: await page.ask('/account/tokens', { form: wrong, headers: { cookie } }),
    huge: await page.ask('/account/tokens', { form: { csrf, token: 'x'.repeat(100_000) }, headers: { cookie } }),
    type: await page.ask('/login', { json: wrong, headers: { 'content-type': 'text/xml' } }),
    host: await page.ask('/login', { headers: { host: 'evil.example' } }),
    method: await page.ask('/login', { method: 'PATCH' }),
  }
  const statuses = Object.fromEntries(Object.entries(answers).map(([name, { status }]) => [name, status]))
  const expected = {
    document: 200,
    redirect: 303,
    missing: 404,
    asset: 404,
    refused: 403,
    stale: 403,
    huge: 413,
    type: 415,
    host: 421,
    method: 401,
  }
  t.same(statuses, expected)
  const policy =
    "default-src 'none';style-src 'self';script-src 'self';img-src 'self' data:;connect-src 'self';form-action 'self';frame-ancestors 'none';base-uri 'none'"
  for (const [name, { headers }] of Object.entries(answers)) {
    t.equal(headers['content-security-policy'], policy, name)
    t.match(headers, {
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'x-frame-options': 'SAMEORIGIN',
    })
  }
  t.equal(answers.document.headers['cache-control'], 'no-store')
  t.match(answers.missing.headers['content-type'], 'text/html')
  t.match(answers.missing.body, 'There is no such page')
})

t.test('errors of the API are problems (RFC 9457) in every case', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const headers = basic('admin', page.secret)
  const json = { 'content-type': 'application/json' }
  const post = (body: string | Buffer, more = {}) =>
    page.ask('/api/v1/tokens', { method: 'POST', body, headers: { ...headers, ...json, ...more } })
  const cases = [
    [404, await page.ask('/api/v1/nowhere', { headers })],
    [404, await page.ask('/api/v2', { headers })],
    [404, await page.ask('/api/v1/tokens', { method: 'PATCH', headers })],
    [404, await page.ask('/api/v1/tokens/../../nowhere', { headers })],
    [401, await page.ask('/api/v1/nowhere')],
    [400, await page.ask('/api/v1/%zz', { headers })],
    [400, await page.ask('/%zz')],
    [421, await page.ask('/api/v1/users', { headers: { ...headers, host: 'evil.example' } })],
    [400, await post('{')],
    [400, await post('')],
    [400, await post('[]')],
    [400, await post('null')],
    [400, await post('{"name":1,"role":"admin"}')],
    [400, await post('{"name":"x","role":"root"}')],
    [400, await post('{"name":"x","role":"viewer","more":1}')],
    [400, await post('{"__proto__":{"role":"admin"},"name":"x"}')],
    [422, await post('{"name":"x","role":"viewer","expires":"soon"}')],
    [413, await post(`{"name":"${'x'.repeat(20_000)}"}`)],
    [400, await post('['.repeat(8000))],
    [415, await post('<x/>', { 'content-type': 'text/xml' })],
  ] as const
  for (const [status, answer] of cases) {
    t.equal(answer.status, status, answer.body)
    t.match(answer.headers['content-type'], 'application/problem+json')
    t.match(JSON.parse(answer.body), { status, title: String, detail: String })
    t.equal(answer.headers['x-content-type-options'], 'nosniff')
  }
  t.same(page.access.tokens(), [])
})

t.test('files are served by their names alone, and paths lead nowhere else', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const paths = ['/assets/..%2f..%2fplugin.ts', '/assets/../plugin.ts', '/assets/style.css', '/assets/%00', '/assets/']
  for (const path of paths) t.match((await page.ask(path)).status, /303|404/, path)
})

t.test('tokens come in with their role and no further; what is no token comes in nowhere', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const made = page.access.addToken('a script', 'viewer')
  if (typeof made === 'string') throw new Error(made)
  const as = (authorization: string, path = '/api/v1/users') => page.ask(path, { headers: { authorization } })
  t.equal((await as(`Bearer ${made.secret}`)).status, 200)
  t.equal((await as(`bearer  ${made.secret} `)).status, 200)
  t.equal((await as(`Bearer ${made.secret}`, '/api/v1/tokens')).status, 403)
  const own = { authorization: `Bearer ${made.secret}` }
  t.equal(
    (await page.ask('/api/v1/password', { method: 'PUT', json: { old: 'x', new: 'y' }, headers: own })).status,
    403,
  )
  const bad = [
    'Bearer',
    'Bearer x',
    'Bearer rst_',
    `Bearer ${made.secret}x`,
    `Basic ${made.secret}`,
    'Basic',
    'Basic =',
    'Digest x',
    'x',
    `Basic ${btoa('admin')}`,
  ]
  for (const authorization of bad) t.equal((await as(authorization)).status, 401, authorization)
  page.access.removeToken(made.id)
  const gone = await as(`Bearer ${made.secret}`)
  t.match(gone, { status: 401, headers: { 'www-authenticate': /^Basic / } })
})

t.test('whoever guesses is told how long to wait, on the page and at the API, and others are not', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  await page.access.addAdministrator('ops', 'operator', PASSWORD)
  for (let guess = 0; guess < 10; guess++) await page.ask('/login', { form: { name: 'ops', password: `no${guess}` } })
  const form = { name: 'ops', password: PASSWORD }
  const slowed = await page.ask('/login', { form })
  t.match(slowed, { status: 429, headers: { 'retry-after': '30' }, body: /Try again in 30 seconds/ })
  t.match(await page.ask('/api/v1/users', { headers: basic('ops', PASSWORD) }), {
    status: 429,
    headers: { 'retry-after': '30' },
  })
  t.equal((await page.ask('/api/v1/users', { headers: basic('admin', page.secret) })).status, 200)
  page.pass(30_000)
  t.equal((await page.ask('/login', { form })).status, 303)
})
