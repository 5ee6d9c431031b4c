import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { HostStore } from '../testing/host-store.ts'
import { basic, OpenedPage } from './page.fixture.ts'

/** The first run, as a browser without script goes through it. */

const PASSWORD = 'kestrel over the dunes'

const network = (page: OpenedPage, more: Record<string, string> = {}) => {
  const { version, running } = page.configuration.view()
  return {
    version,
    domain: running.domain,
    hostname: running.hostname,
    reach: 'keep',
    secure: 'off',
    page: 'off',
    ...more,
  }
}

const place = ({ headers }: { headers: Record<string, unknown> }): unknown => headers.location

t.test('a new box leads everybody to its steps, and is used by scripts meanwhile', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  t.match(await page.ask('/login'), { status: 200, body: /the password that the box printed/ })
  const browser = await page.signIn('admin', page.secret)
  for (const path of ['/', '/users', '/account', '/nowhere', '/setupx', '/changes'])
    t.match(await browser.get(path), { status: 303, headers: { location: '/setup' } }, path)
  t.equal((await browser.post('/users', { names: 'eve' })).status, 403, 'nothing else of the page does anything')
  for (const path of ['/setup', '/setup/network', '/setup/users', '/setup/summary', '/setup/applied'])
    t.equal(place(await browser.get(path)), '/setup/password', path)
  t.equal((await page.ask('/setup/password')).status, 303, 'but for whoever has not signed in')
  const headers = basic('admin', page.secret)
  t.equal((await page.ask('/api/v1/users', { json: { aor: 'alice' }, headers })).status, 201)
  t.equal((await page.ask('/healthz')).status, 200)
  t.match(JSON.parse((await page.ask('/api/v1/setup', { headers })).body), { is_new: true, has_printed_password: true })
  const finish = await page.ask('/api/v1/setup/finish', { json: {}, headers })
  t.equal(finish.status, 409, 'not with the password that was printed')
})

t.test('another than an administrator waits until the box is set up', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  await page.access.addAdministrator('ops', 'operator', PASSWORD)
  const browser = await page.signIn('ops', PASSWORD)
  for (const path of ['/', '/setup', '/setup/password', '/setup/summary'])
    t.equal((await browser.get(path)).status, 403, path)
  t.equal(
    (await browser.post('/setup/password', { password: 'mine from now on', again: 'mine from now on' })).status,
    403,
  )
  t.equal((await browser.post('/setup/finish')).status, 403)
  t.ok(page.access.isNew)
})

t.test('the password is refused in words, and then the printed one opens nothing', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  const [browser, other] = [await page.signIn('admin', page.secret), await page.signIn('admin', page.secret)]
  const choose = (password: string, again = password) => browser.post('/setup/password', { password, again })
  const cases: [RegExp, ReturnType<typeof choose>][] = [
    [/The two are not the same/, choose(PASSWORD, `${PASSWORD}.`)],
    [/too short/, choose('short')],
    [/too short/, choose('')],
    [/too easy to guess/, choose('Password123')],
    [/too easy to guess/, choose('admin admin admin')],
    [/too long/, choose('x'.repeat(257))],
  ]
  for (const [words, answer] of cases) t.match(await answer, { status: 422, body: words })
  t.ok(page.access.hasPrintedPassword)
  const german = await page.ask('/setup/password', {
    form: { csrf: browser.csrf, password: 'kurz', again: 'kurz' },
    headers: { cookie: `${browser.cookie}; language=de` },
  })
  t.match(german, { status: 422, body: /Das ist zu kurz/ })
  t.match(await choose(PASSWORD), { status: 303, headers: { location: '/setup/network?did=passwordChanged' } })
  t.equal((await other.get('/setup')).status, 303, 'other sessions ended')
  t.equal((await page.ask('/api/v1/users', { headers: basic('admin', page.secret) })).status, 401)
  t.equal((await page.ask('/api/v1/users', { headers: basic('admin', PASSWORD) })).status, 200)
  t.equal(place(await choose('yet another long one')), '/setup/network', 'a reload does not change it again')
  t.match(await browser.get('/setup/password'), { status: 200, body: /has a password of its own/ })
})

t.test('names and addresses are checked, used, and kept; a power cut in between loses no step', async t => {
  const dir = t.testdir({})
  const store = new HostStore()
  const page = await OpenedPage.open(dir, { store })
  const browser = await page.signIn('admin', page.secret)
  await browser.post('/setup/password', { password: PASSWORD, again: PASSWORD })
  const send = (more: Record<string, string>) => browser.post('/setup/network', network(page, more))
  t.match(await send({ hostname: 'edge 1' }), { status: 422, body: /f-hostname-error/ })
  t.match(await send({ domain: '' }), { status: 422, body: /f-domain-error/ })
  t.match(await send({ reach: '203.0.113.99' }), { status: 422, body: /Choose one of these/ })
  t.match(await send({ reach: 'all', hostname: '127.0.0.1' }), { status: 422, body: /means this machine itself/ })
  t.match(await send({ hostname: 'edge2.example.net', version: 'another' }), {
    status: 422,
    body: /Somebody else changed/,
  })
  t.same(page.restarts, [], 'nothing was applied')
  t.equal(place(await send({})), '/setup/users', 'nothing to change')
  t.equal(place(await send({ domain: 'example.net', hostname: 'edge2.example.net' })), '/setup/applied')
  while (page.restarts.length === 0) await new Promise(setImmediate)
  await page.restarts[0]
  t.match(await browser.get('/setup/applied'), { status: 200, body: /serves with this now/ }, 'the session lives on')
  t.match(page.configuration.view(), { running: { domain: 'example.net', hostname: 'edge2.example.net' } })
  t.match(readFileSync(join(dir, 'restante.toml'), 'utf8'), /hostname = "edge2\.example\.net"/)
  await page.close()
  const again = await OpenedPage.open(dir, { store })
  t.teardown(() => again.close())
  t.equal(again.secret, '', 'no password is made again')
  t.ok(again.access.isNew)
  const next = await again.signIn('admin', PASSWORD)
  t.equal(place(await next.get('/')), '/setup')
  t.equal(place(await next.get('/setup')), '/setup/network')
})

t.test('where the page may move, the change is on trial until somebody shows that they still reach it', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  const browser = await page.signIn('admin', page.secret)
  await browser.post('/setup/password', { password: PASSWORD, again: PASSWORD })
  const restarted = async (count: number): Promise<void> => {
    while (page.restarts.length < count) await new Promise(setImmediate)
    await page.restarts[count - 1]
  }
  // The name that the browser has in its address goes away by this.
  const move = () => {
    const form = { csrf: browser.csrf, ...network(page, { hostname: 'edge2.example.org' }) }
    return page.ask('/setup/network', { form, headers: { cookie: browser.cookie, host: 'edge1.example.org' } })
  }
  t.equal(place(await move()), '/setup/network')
  t.match(page.configuration.view().pending, { who: 'admin' })
  t.equal(place(await browser.post('/setup/keep')), '/setup/network', 'too early: nobody can know yet')
  await restarted(1)
  t.match(await browser.get('/setup/network'), { status: 200, body: /Can you still reach it/ })
  t.equal(place(await browser.post('/setup/revert')), '/setup/network?did=reverted')
  await restarted(2)
  t.equal(page.configuration.view().running.hostname, 'edge1.example.org')
  t.equal(place(await move()), '/setup/network')
  await restarted(3)
  t.equal(place(await browser.post('/setup/keep')), '/setup/users')
  t.notOk(page.configuration.view().pending)
  t.equal(page.configuration.view().running.hostname, 'edge2.example.org')
})

t.test('where the box cannot serve with it, it serves as before and says why', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const page = await OpenedPage.open(t.testdir({}), { sipTcp: `127.0.0.2:${port}` })
  t.teardown(() => page.close())
  const browser = await page.signIn('admin', page.secret)
  await browser.post('/setup/password', { password: PASSWORD, again: PASSWORD })
  const { version, running } = page.configuration.view()
  t.equal(place(await browser.post('/setup/network', network(page, { reach: 'local' }))), '/setup/applied')
  while (page.restarts.length === 0) await new Promise(setImmediate)
  await page.restarts[0]?.catch(() => {})
  const told = await browser.get('/setup/applied')
  t.match(told, {
    status: 200,
    body: /could not serve with this, and serves as before: .*another program listens there/,
  })
  t.match(page.configuration.view(), { version, running: { listen: running.listen } })
  t.equal((await browser.get('/setup/network')).status, 200)
})

t.test('users are made, their passwords shown once; the last step closes all of them for good', async t => {
  const dir = t.testdir({})
  const store = new HostStore()
  const page = await OpenedPage.open(dir, { store })
  const browser = await page.signIn('admin', page.secret)
  await browser.post('/setup/password', { password: PASSWORD, again: PASSWORD })
  const made = await browser.post('/setup/users', { names: 'alice\r\nbob, alice <script>' })
  t.match(made, { status: 422, body: /alice: There is an account of that address already/ })
  t.match(made.body, /&lt;script&gt;: /)
  t.notMatch(made.body, '<script>:')
  const passwords = [...made.body.matchAll(/<code>([a-z2-7]{16})<\/code>/g)].map(([, password]) => password)
  t.equal(new Set(passwords).size, 2)
  t.equal(made.headers['cache-control'], 'no-store')
  const later = await browser.get('/setup/users')
  t.match(later.body, 'sip:bob@example.org')
  for (const password of passwords) t.notMatch(later.body, password)
  t.match(await browser.post('/setup/users', { names: 'u '.repeat(21) }), { status: 422, body: /At most 20/ })
  t.match(await browser.get('/setup/summary'), { status: 200, body: /example\.org/ })
  t.equal(place(await browser.post('/setup/finish')), '/?did=setUp')
  const steps = ['/setup', '/setup/password', '/setup/network', '/setup/users', '/setup/summary', '/setup/applied']
  for (const path of steps) t.equal((await browser.get(path)).status, 404, path)
  const posts = ['/setup/password', '/setup/network', '/setup/users', '/setup/finish', '/setup/keep', '/setup/revert']
  for (const path of posts)
    t.equal((await browser.post(path, { password: 'not this way', again: 'not this way' })).status, 404, path)
  t.equal((await browser.get('/?did=setUp')).status, 200)
  await page.close()
  const again = await OpenedPage.open(dir, { store })
  t.teardown(() => again.close())
  t.notOk(again.access.isNew)
  t.equal((await (await again.signIn('admin', PASSWORD)).get('/setup')).status, 404)
})

t.test('a script sets the box up with two requests', async t => {
  const page = await OpenedPage.open(t.testdir({}))
  t.teardown(() => page.close())
  const json = { old: page.secret, new: PASSWORD }
  const put = { method: 'PUT', json, headers: basic('admin', page.secret) }
  t.equal((await page.ask('/api/v1/password', put)).status, 204)
  const finish = await page.ask('/api/v1/setup/finish', { json: {}, headers: basic('admin', PASSWORD) })
  t.same(JSON.parse(finish.body), { is_new: false, has_printed_password: false })
  t.equal((await (await page.signIn('admin', PASSWORD)).get('/account')).status, 200)
})
