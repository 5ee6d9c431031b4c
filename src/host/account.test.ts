import t from 'tap'
import { basic, OpenedPage } from './page.fixture.ts'

/** Those who look after the box, on the page and over the API. */

const PASSWORD = 'kestrel over the dunes'
const OTHER = 'another long sentence'

async function opened(dir: string): Promise<OpenedPage> {
  const page = await OpenedPage.open(dir)
  page.access.finishSetup()
  await page.access.changePassword('admin', PASSWORD)
  return page
}

const place = ({ headers }: { headers: Record<string, unknown> }): unknown => headers.location
const secretIn = (body: string): string => /<code class="secret">([^<]+)<\/code>/.exec(body)?.[1] ?? ''

t.test('the own password: the old one is asked again, and other sessions end', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const [one, other] = [await page.signIn('admin', PASSWORD), await page.signIn('admin', PASSWORD)]
  const change = (old: string, fresh: string, again = fresh) => one.post('/account/password', { old, fresh, again })
  t.match(await change('wrong', OTHER), { status: 422, body: /This is not your password/ })
  t.match(await change(PASSWORD, OTHER, PASSWORD), { status: 422, body: /The two are not the same/ })
  t.match(await change(PASSWORD, 'short'), { status: 422, body: /too short/ })
  t.equal((await other.get('/account')).status, 200)
  t.equal(place(await change(PASSWORD, OTHER)), '/account?did=passwordChanged')
  t.match(await one.get('/account?did=passwordChanged'), { status: 200, body: /Your password is changed/ })
  t.equal((await other.get('/account')).status, 303)
})

t.test('whoever found a browser open may guess the password no faster than at the door', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const browser = await page.signIn('admin', PASSWORD)
  for (let guess = 0; guess < 10; guess++)
    await browser.post('/account/password', { old: `no${guess}`, fresh: OTHER, again: OTHER })
  t.match(await browser.post('/account/password', { old: PASSWORD, fresh: OTHER, again: OTHER }), {
    status: 429,
    headers: { 'retry-after': '30' },
  })
})

t.test('sessions are listed and ended: by others than administrators their own alone', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  await page.access.addAdministrator('ops', 'operator', PASSWORD)
  const [admin, ops, second] = [
    await page.signIn('admin', PASSWORD),
    await page.signIn('ops', PASSWORD),
    await page.signIn('ops', PASSWORD),
  ]
  const idOf = (at: number) => page.access.sessions()[at]!.id
  const [adminId, secondId] = [idOf(0), idOf(2)]
  const seen = (await ops.get('/account')).body
  t.match(seen, secondId)
  t.notMatch(seen, adminId)
  t.notMatch(seen, '/account/tokens')
  t.equal((await ops.post(`/account/sessions/${adminId}/end`)).status, 404)
  t.equal(place(await ops.post(`/account/sessions/${secondId}/end`)), '/account?did=sessionEnded')
  t.equal((await second.get('/account')).status, 303)
  const list = async (cookie: string) => JSON.parse((await page.ask('/api/v1/sessions', { headers: { cookie } })).body)
  t.match(await list(ops.cookie), { sessions: [{ name: 'ops', is_this: true, from: '127.0.0.1', since: /Z$/ }] })
  t.equal((await list(admin.cookie)).sessions.length, 2)
  const all = { method: 'DELETE', headers: basic('admin', PASSWORD) }
  const opsId = page.access.sessions().find(({ name }) => name === 'ops')!.id
  t.equal((await page.ask(`/api/v1/sessions/${opsId}`, all)).status, 204)
  t.equal((await page.ask(`/api/v1/sessions/${opsId}`, all)).status, 404)
  t.equal((await ops.get('/account')).status, 303)
})

t.test(
  'administrators on the page: added with a password shown once, changed, removed; one’s own account is not',
  async t => {
    const page = await opened(t.testdir({}))
    t.teardown(() => page.close())
    const admin = await page.signIn('admin', PASSWORD)
    const path = '/account/administrators'
    t.match(await admin.post(path, { name: 'Ops!', role: 'operator' }), { status: 422, body: /lower-case letters/ })
    t.match(await admin.post(path, { name: 'ops', role: 'root' }), { status: 422, body: /Choose one of the roles/ })
    const added = await admin.post(path, { name: 'ops', role: 'admin' })
    t.equal(added.status, 200)
    const ops = await page.signIn('ops', secretIn(added.body))
    t.notMatch((await admin.get('/account')).body, secretIn(added.body))
    t.match(await admin.post(path, { name: 'ops', role: 'viewer' }), { status: 422, body: /one of that name already/ })
    for (const what of ['role', 'password', 'remove'])
      t.match(
        await ops.post(`${path}/ops/${what}`, { 'role-ops': 'viewer' }),
        { status: 422, body: /your own account/ },
        what,
      )
    t.match(await ops.post(`${path}/admin/remove`), { status: 422, body: /The account admin stays/ })
    t.match(await ops.post(`${path}/admin/role`, { 'role-admin': 'viewer' }), {
      status: 422,
      body: /The account admin stays/,
    })
    t.equal(place(await admin.post(`${path}/ops/role`, { 'role-ops': 'viewer' })), '/account?did=roleChanged')
    t.equal((await ops.post(path, { name: 'eve', role: 'admin' })).status, 403, 'at once')
    const reset = await admin.post(`${path}/ops/password`)
    t.equal((await ops.get('/account')).status, 303, 'signed out by a new password')
    t.equal((await (await page.signIn('ops', secretIn(reset.body))).get('/account')).status, 200)
    t.equal(place(await admin.post(`${path}/ops/remove`)), '/account?did=removed')
    t.match(await admin.post(`${path}/ops/remove`), { status: 422, body: /nothing of that name any more/ })
    t.same(
      page.access.administrators().map(({ name }) => name),
      ['admin'],
    )
  },
)

t.test('tokens on the page: the secret once, with a role and an end', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const admin = await page.signIn('admin', PASSWORD)
  const make = (token: string, tokenRole: string, days: string) =>
    admin.post('/account/tokens', { token, tokenRole, days })
  t.match(await make('', 'viewer', ''), { status: 422, body: /in 1 to 64 lower-case letters/ })
  t.match(await make('backup <b>', 'viewer', ''), { status: 422, body: /value="backup &lt;b&gt;"/ })
  t.match(await make('x', 'god', ''), { status: 422, body: /Choose one of the roles/ })
  for (const days of ['0', '3651', '-1', '1.5', 'x', '1e3'])
    t.match(await make('x', 'viewer', days), { status: 422, body: /A number from 1 to 3650/ }, days)
  const made = await make('backup script', 'operator', '30')
  const secret = secretIn(made.body)
  t.match(secret, /^rst_[a-z2-7]{32}$/)
  t.match(made.body, 'backup script')
  const shown = await admin.get('/account')
  t.notMatch(shown.body, secret)
  t.equal((await page.ask('/api/v1/users', { headers: { authorization: `Bearer ${secret}` } })).status, 200)
  const [token] = page.access.tokens()
  t.match(token, { name: 'backup script', role: 'operator' })
  t.equal(Math.round((token!.expiresAt! - token!.createdAt) / 86_400_000), 30)
  t.equal(place(await admin.post(`/account/tokens/${token!.id}/remove`)), '/account?did=removed')
  t.equal((await admin.post(`/account/tokens/${token!.id}/remove`)).status, 404)
  t.equal((await page.ask('/api/v1/users', { headers: { authorization: `Bearer ${secret}` } })).status, 401)
})

t.test('the same over the API', async t => {
  const page = await opened(t.testdir({}))
  t.teardown(() => page.close())
  const headers = basic('admin', PASSWORD)
  const send = async (method: string, path: string, json?: unknown, as = headers) => {
    const { status, body } = await page.ask(`/api/v1/${path}`, { method, json, headers: as })
    return { status, body: body === '' ? undefined : JSON.parse(body) }
  }
  const unknown = await send('POST', 'administrators', { name: 'ops', role: 'boss' })
  t.match(unknown, { status: 400, body: { detail: /admin, operator, viewer/ } }, 'what is allowed is told')
  const made = await send('POST', 'administrators', { name: 'ops', role: 'operator' })
  t.match(made, { status: 201, body: { name: 'ops', role: 'operator', password: /^[a-z2-7]{16}$/ } })
  t.same(await send('POST', 'administrators', { name: 'eve', role: 'viewer', password: OTHER }), {
    status: 201,
    body: { name: 'eve', role: 'viewer' },
  })
  t.match(await send('POST', 'administrators', { name: 'eve', role: 'viewer' }), { status: 409 })
  t.match(await send('POST', 'administrators', { name: 'mia', role: 'viewer', password: 'short' }), { status: 422 })
  t.match(await send('GET', 'administrators'), {
    status: 200,
    body: { administrators: [{ name: 'admin' }, { name: 'ops', role: 'operator' }, { name: 'eve', role: 'viewer' }] },
  })
  t.match(await send('PUT', 'administrators/ops/role', { role: 'admin' }), { status: 204 })
  t.match(await send('PUT', 'administrators/admin/role', { role: 'viewer' }), { status: 409 })
  t.match(await send('PUT', 'administrators/none/role', { role: 'viewer' }), { status: 404 })
  t.match(await send('PUT', 'administrators/admin/password', {}), {
    status: 409,
    body: { detail: /PUT \/api\/v1\/password/ },
  })
  t.match(await send('PUT', 'administrators/eve/password', {}), { status: 200, body: { password: /^[a-z2-7]{16}$/ } })
  t.match(await send('PUT', 'administrators/eve/password', { password: OTHER }), { status: 204 })
  const eve = basic('eve', OTHER)
  t.match(await send('PUT', 'password', { old: 'wrong', new: PASSWORD }, eve), { status: 403 })
  t.match(await send('PUT', 'password', { old: OTHER, new: 'short' }, eve), { status: 422 })
  t.match(await send('PUT', 'password', { old: OTHER, new: PASSWORD }, eve), { status: 204 })
  t.match(await send('GET', 'sessions', undefined, basic('eve', PASSWORD)), { status: 200, body: { sessions: [] } })
  t.match(await send('DELETE', 'administrators/eve'), { status: 204 })
  t.match(await send('DELETE', 'administrators/admin'), { status: 409 })
  const token = await send('POST', 'tokens', { name: 'admin', role: 'admin', expires: '2999-01-01T00:00:00Z' })
  t.match(token, { status: 201, body: { id: String, secret: /^rst_/, expires: '2999-01-01T00:00:00.000Z' } })
  const bearer = { authorization: `Bearer ${token.body.secret}` }
  t.match(await send('GET', 'tokens', undefined, bearer), { body: { tokens: [{ name: 'admin', role: 'admin' }] } })
  t.notMatch(await send('GET', 'tokens', undefined, bearer), { body: { tokens: [{ secret: /./ }] } })
  // A token is nobody, whatever it is called: it has no password to know, and may give the account a new one.
  t.match(await send('PUT', 'password', { old: PASSWORD, new: OTHER }, bearer), { status: 403 })
  t.match(await send('PUT', 'administrators/admin/password', { password: OTHER }, bearer), { status: 204 })
  t.match(await send('DELETE', `tokens/${token.body.id}`, undefined, basic('admin', OTHER)), { status: 204 })
  t.match(await send('GET', 'tokens', undefined, bearer), { status: 401 })
})
