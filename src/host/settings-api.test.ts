import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { WallTime } from '../base/time.ts'
import type { StoredSettings } from '../store/settings.ts'
import { HostStore } from '../testing/host-store.ts'
import { Clock } from './clock.ts'
import { guardedBy } from './guarded.fixture.ts'
import { Health } from './health.ts'
import { HttpServer } from './http.ts'
import { OutsideStore } from './outside-store.ts'
import { settingsApi } from './settings-api.ts'
import { WatchedStore } from './watched-store.ts'

const WALL = Date.UTC(2030, 0, 1) as WallTime
const ALICE = 'sip:alice@example.org'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const ADMIN = basic('admin:right:one')

/** The API over a store with alice in it; `told` is what the engine hears. */
async function setUp() {
  const host = new HostStore()
  host.model.execute({ verb: 'account.put', account: { aor: ALICE, origin: 'store' } })
  const store = new WatchedStore(host, silentLog)
  const told: string[] = []
  const outside = new OutsideStore(store, ({ verb }) => told.push(verb))
  const counters = new Counters()
  const checks: (() => void)[] = []
  const gate = { isShut: false }
  const isPassword = async (password: string) => {
    if (gate.isShut) await new Promise<void>(resolve => checks.push(resolve))
    return password === 'right:one'
  }
  const guarded = guardedBy(isPassword, counters)
  const defaults = { offlineDelivery: true, sessionHistory: false, pagerHistory: false }
  const common = { guarded, store: outside, domain: 'example.org', defaults, wall: () => WALL, log: silentLog }
  const clock = new Clock(0 as WallTime)
  const { http, at } = await HttpServer.listen(
    { transport: 'tcp', endpoint: { address: '127.0.0.1', port: 0 }, key: 'listen.http' },
    {
      health: new Health(store, clock, 0),
      counters,
      describe: async () => ({}),
      hosts: [],
      plugins: [settingsApi(common)],
    },
  )
  t.teardown(() => http.close())
  const call = (user: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${at.port}/api/v1/users/${encodeURIComponent(user)}/settings`, {
      ...init,
      headers: { authorization: ADMIN, ...(init.body ? { 'content-type': 'application/json' } : {}), ...init.headers },
    })
  const put = (body: unknown, headers: Record<string, string> = {}, user = ALICE) =>
    call(user, { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body), headers })
  return { host, told, call, put, gate, checks, counters }
}

const problem = async (response: Response) => {
  t.match(response.headers.get('content-type'), 'application/problem+json')
  const { status, detail, title } = (await response.json()) as { status: number; detail: string; title: string }
  t.equal(status, response.status)
  t.ok(title)
  return `${status} ${detail}`
}

t.test('GET shows what counts, what is stored and what is published', async t => {
  const { call } = await setUp()
  const response = await call(ALICE)
  t.equal(response.status, 200)
  t.equal(response.headers.get('etag'), '"0"')
  const none = { offline_delivery: null, session_history: null, pager_history: null, visible: null }
  t.same(await response.json(), {
    aor: ALICE,
    version: 0,
    effective: { ...none, offline_delivery: true, session_history: false, pager_history: false },
    stored: none,
    published: [],
  })
  t.equal((await call('alice')).status, 200, 'the short form')
})

t.test('PUT changes what is named, the engine hears of it, and unknown elements of the document stay', async t => {
  const { host, put, told } = await setUp()
  const document = Buffer.from('<x xmlns="urn:oma:xml:im:service-settings"><y xmlns="urn:v">z</y></x>')
  const stored: StoredSettings = { chosen: {}, document, modifiedAt: WALL, revision: 1 }
  host.model.execute({ verb: 'settings.put', aor: ALICE, version: 0, settings: { stored, published: [] } })
  const response = await put({ offline_delivery: false })
  t.equal(response.status, 200)
  t.match(await response.json(), { version: 2, effective: { offline_delivery: false }, stored: { visible: null } })
  t.same(told, ['settings.put'])
  t.match(
    host.model.execute({ verb: 'settings.get', aor: ALICE })?.stored?.document.toString(),
    '<y xmlns="urn:v">z</y>',
  )
  t.match(await (await put({ visible: true })).json(), { stored: { offline_delivery: false, visible: true } })
  t.match(await (await put({ offline_delivery: null })).json(), { effective: { offline_delivery: true } })
})

t.test('a stored document that has no room for the change: 422, and it stays', async t => {
  const { host, put } = await setUp()
  const filler = 'x'.repeat(8100)
  const document = Buffer.from(`<x xmlns="urn:oma:xml:im:service-settings">${filler}</x>`)
  const stored: StoredSettings = { chosen: {}, document, modifiedAt: WALL, revision: 1 }
  host.model.execute({ verb: 'settings.put', aor: ALICE, version: 0, settings: { stored, published: [] } })
  t.match(
    await problem(await put({ offline_delivery: false })),
    /^422 The stored settings document cannot take .* 8192/,
  )
  t.equal(host.model.execute({ verb: 'settings.get', aor: ALICE })?.version, 1)
})

t.test('PUT of a version that is no longer: 409, and 412 for If-Match', async t => {
  const { put } = await setUp()
  t.equal((await put({ offline_delivery: false, version: 0 })).status, 200)
  t.match(await problem(await put({ offline_delivery: true, version: 0 })), /^409 Somebody else changed/)
  t.match(await problem(await put({ offline_delivery: true }, { 'if-match': '"0"' })), /^412 /)
  t.match(await problem(await put({ offline_delivery: true }, { 'if-match': 'W/x' })), /^412 /)
  t.equal((await put({ offline_delivery: true }, { 'if-match': '"1"' })).status, 200)
})

t.test('whoever is not the administrator: 401, and nothing is read', async t => {
  const { call, put, host, counters } = await setUp()
  const before = host.asked.length
  for (const authorization of [
    '',
    'Bearer x',
    basic('admin:wrong'),
    basic('root:right:one'),
    basic('admin'),
    'Basic !',
  ]) {
    const response = await call(ALICE, { headers: { authorization } })
    t.match(response.headers.get('www-authenticate'), /^Basic realm=/)
    t.match(await problem(response), /^401 /, authorization)
  }
  t.equal((await put({ offline_delivery: false }, { authorization: '' })).status, 401)
  t.equal(host.asked.length, before)
  t.match(counters.describe(), { admin_refused: { 'wrong password': 2, 'wrong token': 1 } })
})

t.test('passwords are examined two at a time; more are told to come back', async t => {
  const { call, gate, checks } = await setUp()
  gate.isShut = true
  const first = [call(ALICE), call(ALICE)]
  while (checks.length < 2) await new Promise(resolve => setImmediate(resolve))
  const third = await call(ALICE)
  t.equal(third.headers.get('retry-after'), '1')
  t.match(await problem(third), /^503 /)
  gate.isShut = false
  for (const check of checks) check()
  for (const response of await Promise.all(first)) t.equal(response.status, 200)
})

t.test('404, 415, 422, 400 and 413, each with what is wrong', async t => {
  const { call, put } = await setUp()
  for (const user of ['bob', 'alice@elsewhere.example', 'sip:@', 'tel:+1', '%'])
    t.match(await problem(await call(user)), /^404 There is no account/, user)
  t.match(await problem(await put({ visible: true }, {}, 'bob')), /^404 /)
  t.match(await problem(await put('<x/>', { 'content-type': 'text/xml' })), /^415 /)
  t.match(await problem(await put([])), /^422 The body is a JSON object/)
  t.match(await problem(await put({ offline: true })), /^422 offline: no such setting. Allowed: offline_delivery/)
  t.match(await problem(await put({ offline_delivery: 'false' })), /^422 offline_delivery: true, false or null/)
  t.match(await problem(await put({ version: 'x' })), /^422 version/)
  t.match(await problem(await put('{')), /^400 /)
  t.match(await problem(await put(`"${'x'.repeat(20_000)}"`)), /^413 /)
})

t.test('a store that fails: 503 and when to come back, nothing of its inside', async t => {
  const { call, host } = await setUp()
  host.failure = { failure: 'io', detail: 'sector 17' }
  const response = await call(ALICE)
  t.equal(response.headers.get('retry-after'), '5')
  t.equal(await problem(response), '503 The store failed: io.')
})
