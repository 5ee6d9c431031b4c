import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { HostStore } from '../testing/host-store.ts'
import { problemIn } from '../web/problem.ts'
import { OpenedPage } from './page.fixture.ts'
import { PlainError } from './plain-error.ts'

const opened = async (t: Test, store = new HostStore(), dir = t.testdir({})) => {
  const page = await OpenedPage.open(dir, { store })
  page.access.finishSetup()
  t.teardown(() => page.close())
  return { page, browser: await page.signIn('admin', page.secret), dataDir: join(dir, 'data') }
}

t.test('an address that nothing has: said so, with the way back, and nothing of the address', async t => {
  const { page, browser } = await opened(t)
  for (const path of ['/nothing', '/about/nothing', '/%3Cscript%3E', '/users/..%2f..%2fetc']) {
    const { status, body, headers } = await browser.get(path)
    t.equal(status, 404, path)
    t.match(headers['content-type'], 'text/html; charset=utf-8')
    t.match(body, /<h1>There is no such page<\/h1>/)
    t.match(body, /<nav class="pages"/, 'where else to go')
    t.notMatch(body, '<script>')
  }
  t.match(await page.ask('/nothing'), { status: 303 }, 'strangers are not told what there is')
})

t.test('a form that is too large, or that nobody can read: said in words, nothing done', async t => {
  const { page, browser } = await opened(t)
  const { cookie } = browser
  const form = 'application/x-www-form-urlencoded'
  const large = await page.ask('/users', { headers: { cookie, 'content-type': form }, body: `a=${'x'.repeat(70_000)}` })
  t.equal(large.status, 413)
  t.match(large.body, /<p>That was more than this page takes\.<\/p><p>Nothing was changed\./)
  const headers = { cookie, 'content-type': 'application/xml', 'accept-language': 'de' }
  const odd = await page.ask('/users', { headers, body: '<a/>' })
  t.equal(odd.status, 415)
  t.match(odd.body, /nicht zu lesen.*Es wurde nichts geändert/s)
})

t.test('what the box cannot write is told with its path and what to do, by the page and by the API', async t => {
  const { page, browser, dataDir } = await opened(t)
  const headers = { cookie: browser.cookie, 'x-csrf-token': browser.csrf }
  mkdirSync(join(dataDir, 'admin.new'))
  const said = `${dataDir}/admin: the administrators' passwords cannot be written: `
  const shown = await browser.post('/account/tokens', { token: 'script', tokenRole: 'viewer', days: '' })
  t.equal(shown.status, 503)
  t.match(shown.body, '/admin: the administrators&#39; passwords cannot be written: ')
  const json = { name: 'script', role: 'viewer' }
  const told = await page.ask('/api/v1/tokens', { json, headers })
  t.match(told, { status: 503, headers: { 'content-type': /^application\/problem\+json/ } })
  t.ok(JSON.parse(told.body).detail.startsWith(said))
  t.same(page.access.tokens(), [])
})

t.test('a full disk is 507; what is a defect is told to nobody', async t => {
  const plain = (code: string) => new PlainError('it is full', { cause: Object.assign(new Error('x'), { code }) })
  t.match(problemIn(plain('ENOSPC')), { status: 507, message: 'it is full' })
  t.match(problemIn(plain('EDQUOT')), { status: 507 })
  t.match(problemIn(plain('EROFS')), { status: 503 })
  t.match(problemIn(new PlainError('no cause')), { status: 503 })
  t.equal(problemIn(new Error('of the inside')), undefined)
  t.equal(problemIn(undefined), undefined)
})

t.test('a file of somebody who may not give one is not taken apart', async t => {
  const { page } = await opened(t)
  const headers = { 'content-type': 'multipart/form-data; boundary=x' }
  const body = '--x\r\nContent-Disposition: nonsense'
  t.equal((await page.ask('/certificates/given', { headers, body })).status, 401, 'a stranger')
  const { access } = page
  await access.addAdministrator('operator', 'operator', 'correct horse battery')
  const { cookie } = await page.signIn('operator', 'correct horse battery')
  t.equal((await page.ask('/certificates/given', { headers: { ...headers, cookie }, body })).status, 403, 'an operator')
})

t.test('whoever has to sign in comes back; a form from another site does nothing', async t => {
  const { page, browser } = await opened(t)
  t.match(await page.ask('/?span=week'), { status: 303, headers: { location: '/login?back=%2F%3Fspan%3Dweek' } })
  const headers = { cookie: browser.cookie, origin: 'https://elsewhere.example' }
  const { status, body } = await page.ask('/logout', { headers, form: { csrf: browser.csrf } })
  t.equal(status, 403)
  t.match(body, /<main/)
  t.equal((await browser.get('/')).status, 200, 'still signed in')
})
