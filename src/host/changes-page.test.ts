import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { configSchema } from '../base/config-schema.ts'
import { Authority, dns } from '../testing/authority.ts'
import { SETTINGS_PAGES } from '../web/page/settings-pages.ts'
import { de } from '../web/page/strings/de.ts'
import { en } from '../web/page/strings/en.ts'
import { basic, OpenedPage } from './page.fixture.ts'

const PASSWORD = 'correct horse battery'
const XDMS = '[xdms]\nroot = "https://xdm.example.org/xcap/"\nuser = "edge1"\npassword = "canary-of-xdms"\n'

async function opened(t: Test, more = '') {
  const dir = t.testdir({})
  const page = await OpenedPage.open(dir, { more })
  t.teardown(() => page.close())
  page.access.finishSetup()
  await page.access.addAdministrator('ann', 'admin', PASSWORD)
  await page.access.addAdministrator('otto', 'operator', PASSWORD)
  const { configuration } = page
  /** The box serves with what the file says. */
  const served = async () => {
    while (configuration.view().isStarting) await new Promise(setImmediate)
  }
  const api = (path: string, json?: object, headers = {}, name = 'ann') =>
    page.ask(`/api/v1${path}`, { ...(json && { json }), headers: { ...basic(name, PASSWORD), ...headers } })
  const version = () => configuration.view().version
  return { page, dir, served, api, version, file: join(dir, 'restante.toml') }
}

t.test('every key stands on exactly one page, in every language', async t => {
  const keys = Object.entries(configSchema.properties as Record<string, { properties?: object }>)
    .flatMap(([name, { properties }]) => (properties ? Object.keys(properties).map(each => `${name}.${each}`) : [name]))
    .filter(key => key !== 'user')
  const shown = SETTINGS_PAGES.flatMap(({ groups }) => groups.flatMap(group => group.keys))
  t.same([...shown].sort(), keys.sort())
  for (const { config } of [en, de]) t.same(Object.keys(config.keys).sort(), keys)
})

t.test('a change from form to file: looked at, tried, kept; the session stays', async t => {
  const { page, served, version, file } = await opened(t)
  const ann = await page.signIn('ann', PASSWORD)
  t.match((await ann.get('/changes')).body, 'Nothing is about to be changed')
  const sent = await ann.post('/delivery', { version: version(), 'deferral.quota_messages': ' 77 ' })
  t.match(sent, { status: 303, headers: { location: '/changes' } })
  const review = (await ann.get('/changes')).body
  t.match(review, /<del>1000<\/del>[\s\S]*<ins>77<\/ins>/)
  t.match((await ann.get('/delivery')).body, /quota_messages"[^>]*value="77"/, 'the form remembers it')
  t.match((await ann.get('/network')).body, 'changes that are not applied')
  const applied = await ann.post('/changes/apply', { version: version() })
  t.match(applied, { status: 200, body: /starts to serve with the change/ })
  t.match((await ann.get('/changes/apply')).headers, { location: '/changes' })
  t.match((await ann.post('/changes/confirm')).headers, { location: '/changes' }, 'too soon')
  t.ok(configurationOnTrial(page))
  await served()
  t.match((await ann.get('/changes')).body, 'Keep it')
  t.match((await ann.get('/network')).body, /on trial[\s\S]*data-until-s/)
  t.match((await ann.post('/changes/confirm')).headers, { location: '/changes?did=confirmed' })
  t.match(readFileSync(file, 'utf8'), /quota_messages = 77/)
  t.notOk(existsSync(`${file}.unconfirmed`))
  t.match((await ann.get('/changes')).body, 'Nothing is about to be changed')
})

const configurationOnTrial = ({ configuration }: OpenedPage): boolean => configuration.view().pending !== undefined

t.test('taken back: the file to the octet, and the change is gone', async t => {
  const { page, served, version, file } = await opened(t)
  const before = readFileSync(file, 'utf8')
  const ann = await page.signIn('ann', PASSWORD)
  await ann.post('/delivery', { version: version(), 'deferral.enabled': 'off' })
  await ann.post('/changes/apply', { version: version() })
  await served()
  t.match((await ann.post('/changes/revert')).body, 'goes back to what was before')
  await served()
  t.equal(readFileSync(file, 'utf8'), before)
  t.match((await ann.get('/changes')).body, 'Nothing is about to be changed')
  t.match((await ann.post('/changes/revert')).headers, { location: '/changes' }, 'twice does nothing')
})

t.test('a start that fails: told on every page until somebody understood, and the change is still there', async t => {
  const { page, served, version } = await opened(t)
  const ann = await page.signIn('ann', PASSWORD)
  const taken = page.apps[0]!.server.address() as { port: number }
  t.ok(taken.port)
  await ann.post('/network', { version: version(), 'listen.msrp_tcp': '192.0.2.200:2855' })
  await ann.post('/changes/apply', { version: version() })
  await served()
  t.match((await ann.get('/time')).body, /The last change went back: listen\.msrp_tcp: cannot listen/)
  const review = await ann.get('/changes')
  t.match(review.body, 'What you wanted to change is still here')
  t.match(review.body, /<ins>192\.0\.2\.200:2855<\/ins>/)
  await ann.post('/changes/understood')
  t.notMatch((await ann.get('/time')).body, 'went back')
  await ann.post('/changes/discard')
  t.match((await ann.get('/changes')).body, 'Nothing is about to be changed')
})

t.test('two administrators: each has changes of their own, and the second looks again', async t => {
  const { page, served, version } = await opened(t)
  const [ann, otto] = [await page.signIn('ann', PASSWORD), await page.signIn('otto', PASSWORD)]
  const old = version()
  await ann.post('/delivery', { version: old, 'deferral.quota_messages': '77' })
  await otto.post('/delivery', { version: old, 'delivery.retry_min_s': '5' })
  t.notMatch((await otto.get('/changes')).body, 'quota_messages')
  await ann.post('/changes/apply', { version: old })
  await served()
  t.match((await otto.post('/changes/apply', { version: old })).headers, { location: '/changes' })
  await ann.post('/changes/confirm')
  const review = (await otto.get('/changes')).body
  t.match(review, 'Somebody else changed the configuration since')
  t.notMatch(review, 'quota_messages', 'what ann did stays')
  t.match((await otto.post('/changes/apply', { version: old })).headers, { location: '/changes' })
  t.notOk(configurationOnTrial(page))
  const stale = await otto.post('/delivery', { version: old, 'deferral.quota_messages': '1000' })
  t.equal(stale.status, 409)
  t.match(stale.body, 'while this form was open')
  t.notMatch((await otto.get('/changes')).body, 'quota_messages', 'an old form takes nothing back unseen')
})

t.test('what is wrong is told beside its field, with what was typed; nothing is taken', async t => {
  const { page, version } = await opened(t)
  const ann = await page.signIn('ann', PASSWORD)
  for (const [path, name, value, said] of [
    ['/delivery', 'deferral.quota_messages', 'many', /“many” is not a whole number/],
    ['/delivery', 'deferral.quota_messages', '0', /Messages for one user: from 1 to 10000000/],
    ['/delivery', 'deferral.quota_messages', '-5', /is not a whole number/],
    ['/delivery', 'delivery.profile', 'nonsense', /How it is delivered: /],
    ['/network', 'listen.sip_udp', 'nowhere', /SIP over UDP: .*is not an address with a port/],
    ['/network', 'listen.http', '127.0.0.1:1\n1.2.3.4:x', /This page without TLS: /],
    ['/network', 'domain', '<script>alert(1)</script>', /&lt;script&gt;/],
    ['/network', 'hostname', 'a'.repeat(3000), /is not a host/],
  ] as const) {
    const answer = await ann.post(path, { version: version(), [name]: value })
    t.equal(answer.status, 422, value)
    t.match(answer.body, said)
    t.notMatch(answer.body, '<script>alert')
    t.match(answer.body, 'aria-invalid')
  }
  t.match((await ann.get('/changes')).body, 'Nothing is about to be changed')
  const none = await ann.post('/network', { version: version(), data_dir: '/elsewhere', nothing: 'x', __proto__: 'y' })
  t.match(none.headers, { location: '/network?did=nothing' })
})

t.test('secrets stand in no page and no answer of the API', async t => {
  const { page, api, version, served } = await opened(
    t,
    `${XDMS}[[user]]\naor = "sip:alice@example.org"\npassword = "canary-of-alice"\n`,
  )
  const ann = await page.signIn('ann', PASSWORD)
  await ann.post('/network', { version: version(), 'xdms.password': 'canary-of-next' })
  const seen = []
  for (const path of ['/changes', '/network', '/delivery', '/certificates', '/time'])
    seen.push((await ann.get(path)).body)
  for (const path of ['/config', '/config/schema', '/certificates', '/time']) seen.push((await api(path)).body)
  seen.push((await api('/config/check', { changes: { 'xdms.password': 'canary-2' } })).body)
  seen.push((await api('/config/check', { changes: { 'xdms.password': 'canary\u0007' } })).body)
  seen.push((await api('/config/apply', { changes: { 'xdms.password': 'canary-3' }, version: version() })).body)
  await served()
  seen.push((await api('/config')).body, (await ann.get('/changes')).body)
  t.match(
    JSON.parse((await api('/config')).body).keys.find(({ key }: { key: string }) => key === 'xdms.password'),
    { is_set: true },
  )
  for (const text of seen) t.notMatch(text, /canary/)
})

t.test('a password goes when its name goes, and stays when its field is empty', async t => {
  const { page, version } = await opened(t, XDMS)
  const ann = await page.signIn('ann', PASSWORD)
  const same = { 'xdms.root': 'https://xdm.example.org/xcap/', 'xdms.user': 'edge1', 'xdms.password': '' }
  t.match((await ann.post('/network', { version: version(), ...same })).headers, { location: /nothing/ })
  const elsewhere = await ann.post('/network', { version: version(), ...same, 'xdms.root': 'https://evil.example/x/' })
  t.match(elsewhere, { status: 422, body: /has to be given again/ })
  await ann.post('/network', { version: version(), ...same, 'xdms.user': '' })
  t.match((await ann.get('/changes')).body, /xdms\.password<\/code>[\s\S]*<del>••••••<\/del>[\s\S]*<ins>none<\/ins>/)
})

t.test('the page moves: told before, and where it will be', async t => {
  const { page, version } = await opened(t)
  const ann = await page.signIn('ann', PASSWORD)
  await ann.post('/network', { version: version(), 'listen.http': '0.0.0.0:18099', 'listen.https': '' })
  const review = (await ann.get('/changes')).body
  t.match(review, 'This page will be at other addresses')
  t.match(review, 'http://127.0.0.1:18099/', 'a listener on all addresses has the name of now')
  await ann.post('/network', { version: version(), 'listen.http': '', 'listen.https': '' })
  t.match((await ann.get('/changes')).body, /class="banner alarm"[^>]*>There will be no page at all/)
})

t.test('the API: what stands, what a change would do, and a change with its version', async t => {
  const { api, version, served, page } = await opened(t)
  const read = await api('/config')
  t.match(read, { status: 200, headers: { etag: `"${version()}"` } })
  t.match(JSON.parse(read.body), { version: version(), is_starting: false, pending: null, last_failure: null })
  t.match(JSON.parse((await api('/config/schema')).body), { properties: { domain: { type: 'string' } } })
  const changes = { 'deferral.quota_messages': 5, 'delivery.retry_min_s': null }
  t.match(JSON.parse((await api('/config/check', { changes })).body), {
    differences: [{ key: 'deferral.quota_messages', before: 1000, after: 5 }],
    warnings: [],
  })
  t.equal((await api('/config/apply', { changes })).status, 428)
  t.equal((await api('/config/apply', { changes, version: 'old' })).status, 409)
  t.equal((await api('/config/apply', { changes }, { 'if-match': '"old"' })).status, 412)
  t.equal((await api('/config/confirm', {})).status, 409)
  t.equal((await api('/config/revert', {})).status, 409)
  t.match(JSON.parse((await api('/config/apply', { changes: {} }, { 'if-match': '*' })).body), { differences: [] })
  const applied = await api('/config/apply', { changes, confirm_s: 30 }, { 'if-match': `"${version()}"` })
  t.match(applied, { status: 202 })
  t.match(JSON.parse(applied.body), {
    is_starting: true,
    pending: { by: 'ann', left_s: 30 },
    pages: [/^http/, /^https/],
  })
  t.match(await api('/config/confirm', {}), { status: 409, headers: { 'retry-after': '1' } })
  t.equal((await api('/config/apply', { changes, version: version() })).status, 409)
  await served()
  t.equal((await api('/config/confirm', {})).status, 200)
  t.equal(page.configuration.view().running.deferral.quota_messages, 5)
  t.equal((await api('/config/apply', { changes: { 'deferral.quota_messages': 6 }, version: version() })).status, 202)
  await served()
  t.equal((await api('/config/revert', {})).status, 202)
  await served()
  t.equal(page.configuration.view().running.deferral.quota_messages, 5)
})

t.test('the API refuses with problems that a program understands', async t => {
  const { api } = await opened(t)
  const check = async (changes: unknown) => JSON.parse((await api('/config/check', { changes })).body)
  t.match(await check({ nothing: 1 }), { status: 422, errors: [{ key: 'nothing', detail: 'there is no such key' }] })
  t.match(await check({ domain: { a: 1 } }), { status: 422, errors: [{ key: 'domain' }] })
  t.match(await check({ 'listen.http': ['127.0.0.1:1', 5] }), { status: 422 })
  t.match(await check({ 'deferral.quota_messages': '5' }), {
    status: 422,
    errors: [{ key: 'deferral.quota_messages' }],
  })
  for (const body of [[], 'x', { changes: [] }, { changes: 'x' }, {}, { changes: {}, more: 1 }, { changes: null }])
    t.equal((await api('/config/check', body as object)).status, 400, JSON.stringify(body))
  for (const confirm_s of [-1, 1.5, '5', 1e9])
    t.equal((await api('/config/apply', { changes: {}, confirm_s, version: 'x' })).status, 400)
  t.equal((await api('/config/check', { changes: { domain: 'a'.repeat(100_000) } })).status, 413)
  t.equal((await api('/time', undefined, {}, 'otto')).status, 200)
})

t.test('keys of certificates are for the administrator alone', async t => {
  const { api, version, page } = await opened(t)
  const asOtto = (path: string, json?: object) => api(path, json, {}, 'otto')
  const changes = { 'tls.certificate': '/x.pem', 'tls.key': '/x.key' }
  t.equal((await asOtto('/config/apply', { changes, version: version() })).status, 403)
  const authority = { changes: { 'tls.ca': '/x.pem' }, version: version() }
  t.equal((await asOtto('/config/apply', authority)).status, 403, 'whom the box believes')
  t.equal((await asOtto('/certificates', { certificate: 'x', version: version() })).status, 403)
  t.equal((await asOtto('/certificates')).status, 200)
  const otto = await page.signIn('otto', PASSWORD)
  t.equal((await otto.get('/certificates/files')).status, 403)
  t.equal((await otto.post('/certificates/self-signed')).status, 403)
  t.notMatch((await otto.get('/certificates')).body, 'Choose')
  t.equal((await otto.post('/changes/apply', { version: version() })).status, 303)
})

t.test('a certificate is given, tried, and in use; the old one is back where it is not kept', async t => {
  const { api, version, served, page } = await opened(t)
  const authority = await Authority.make()
  const pair = await authority.issue({
    names: [dns('edge1.example.org'), dns('example.org')],
    notAfter: new Date('2040-01-01'),
  })
  const before = page.ask('/login', { isSecure: true })
  t.equal((await before).status, 200)
  t.match(JSON.parse((await api('/certificates', { ...pair, key: 'x', version: version() })).body), {
    status: 422,
    errors: [{ key: 'key', detail: /not a private key/ }],
  })
  const given = await api('/certificates', { certificate: pair.certificate, key: pair.key, version: version() })
  t.equal(given.status, 202, given.body)
  const { fingerprint } = JSON.parse(given.body).certificate
  await served()
  t.match(JSON.parse((await api('/certificates')).body).certificate, { fingerprint, is_own: false })
  t.equal((await api('/config/confirm', {})).status, 200)
  const file = await api('/certificates/certificate.pem')
  t.match(file.headers, { 'content-disposition': /attachment/ })
  t.equal(file.body, pair.certificate.trim().concat('\n'))
  const made = await api('/certificates/self-signed', { version: version() })
  t.equal(made.status, 202, made.body)
  await served()
  t.not(JSON.parse((await api('/certificates')).body).certificate.fingerprint, fingerprint)
  await api('/config/revert', {})
  await served()
  t.match(JSON.parse((await api('/certificates')).body).certificate, { fingerprint })
})

t.test('a certificate by the form, with files; the token is looked for among its fields', async t => {
  const { page } = await opened(t)
  const authority = await Authority.make()
  const pair = await authority.issue({ names: [dns('edge1.example.org')], notAfter: new Date('2040-01-01') })
  const ann = await page.signIn('ann', PASSWORD)
  const send = async (fields: Record<string, string>) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields))
      form.append(name, name === 'csrf' ? value : new Blob([value]), ...((name === 'csrf' ? [] : ['x.pem']) as []))
    const encoded = new Response(form)
    const headers = { cookie: ann.cookie, 'content-type': encoded.headers.get('content-type')! }
    return page.ask('/certificates/given', { body: Buffer.from(await encoded.arrayBuffer()), headers })
  }
  t.equal((await send({ csrf: 'x', ...pair })).status, 403)
  t.equal((await send({ ...pair })).status, 403)
  t.match(await send({ csrf: ann.csrf, certificate: pair.certificate, key: '' }), { status: 422, body: /missing/ })
  t.match(await send({ csrf: ann.csrf, certificate: 'x'.repeat(300_000), key: '' }), { status: 413 })
  const broken = { cookie: ann.cookie, 'content-type': 'multipart/form-data; boundary=x' }
  t.equal((await page.ask('/certificates/given', { body: 'nonsense', headers: broken })).status, 400)
  t.match((await send({ csrf: ann.csrf, certificate: pair.certificate, key: pair.key })).headers, {
    location: '/changes',
  })
  t.match((await ann.get('/changes')).body, 'tls.certificate')
  t.match((await ann.post('/certificates/request')).headers, { location: /requestMade/ })
  t.match((await ann.get('/certificates/request.pem')).body, /^-----BEGIN CERTIFICATE REQUEST-----/)
})
