import t from 'tap'
import type { WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { peopleServed } from './people.fixture.ts'

const BOB = `/users/${encodeURIComponent(BOB_AOR)}`

const bindingOf = (contact: string, more: Partial<Binding> = {}): Binding => ({
  contact,
  params: ';q=0.7;+g.oma.sip-im;expires=3600',
  q: 700,
  callId: 'reg-1',
  cseq: 1,
  registeredAt: STORED_AT,
  expiresAt: (STORED_AT + 3_600_000) as WallTime,
  path: [],
  flow: {
    id: 'tcp/1',
    transport: 'tcp',
    local: { address: '192.0.2.1', port: 5060 },
    remote: { address: '192.0.2.7', port: 40_000 },
  },
  userAgent: 'Phone/1.0',
  isInstantMessaging: true,
  ...more,
})

const text = async (response: Promise<Response>): Promise<string> => (await response).text()

t.test(
  'the list says who is registered and how much waits, page by page, and finds by a part of the address',
  async t => {
    const { host, call } = await peopleServed(t)
    for (let i = 0; i < 120; i++) host.model.execute(accountPut(`sip:user${String(i).padStart(3, '0')}@example.org`))
    host.model.execute(accountPut(BOB_AOR))
    host.model.execute(custodyOf(1))
    host.model.execute({ verb: 'bindings.put', aor: BOB_AOR, version: 0, bindings: [bindingOf('sip:bob@192.0.2.7')] })
    const first = await text(call('/users'))
    t.match(first, 'Accounts: 121. Registered contacts: 1.')
    t.match(first, /1 contact<[\s\S]*data-title="Waiting"[^>]*>1</)
    t.match(first, 'Next page')
    const next = /href="(\/users\?after=[^"]+)"/.exec(first)?.[1]
    t.ok(next)
    const second = await text(call(next!.replaceAll('&amp;', '&')))
    t.notMatch(second, 'bob@example.org')
    t.match(second, 'user060@')
    t.match(second, 'First page')
    const found = await text(call('/users?search=USER11'))
    t.equal(found.match(/href="\/users\/sip/g)?.length, 10)
    t.match(await text(call('/users?search=nobody')), 'No account is called that.')
  },
)

t.test('API: users page by page, one, its bindings, with pagination and problem+json', async t => {
  const { host, call, open } = await peopleServed(t)
  for (const aor of [ALICE_AOR, BOB_AOR]) host.model.execute(accountPut(aor))
  host.model.execute({
    verb: 'bindings.put',
    aor: BOB_AOR,
    version: 0,
    bindings: [
      bindingOf('sip:bob@192.0.2.7'),
      bindingOf('sip:bob@192.0.2.8', {
        expiresAt: STORED_AT,
        flow: { ...bindingOf('').flow, id: 'tcp/2' },
      }),
    ],
  })
  const page = (await (await call('/api/v1/users?limit=1')).json()) as { users: { aor: string }[]; next: string }
  t.match(page, { users: [{ aor: ALICE_AOR, contacts: 0 }], next: ALICE_AOR, accounts: 2 })
  const rest = (await (await call(`/api/v1/users?limit=1&after=${encodeURIComponent(page.next)}`)).json()) as object
  t.match(rest, { users: [{ aor: BOB_AOR, contacts: 1 }], next: null })
  const bindings = async () => (await (await call('/api/v1/users/bob/bindings')).json()) as { bindings: object[] }
  const [binding] = (await bindings()).bindings
  t.match(binding, {
    contact: 'sip:bob@192.0.2.7',
    transport: 'tcp',
    from: '192.0.2.7:40000',
    flow: 'closed',
    features: ['+g.oma.sip-im'],
    instant_messaging: true,
    user_agent: 'Phone/1.0',
    q: 0.7,
  })
  t.equal((await bindings()).bindings.length, 1, 'what has lapsed is not there')
  open.add('tcp/1')
  t.match((await bindings()).bindings[0], { flow: 'open' })
  for (const [path, status] of [
    ['users/nobody', 404],
    ['users?limit=0', 422],
    ['users?limit=501', 422],
    ['users?no=1', 422],
    ['users?search=a&search=b', 422],
  ] as const) {
    const refused = await call(`/api/v1/${path}`)
    t.equal(refused.status, status, path)
    t.match(refused.headers.get('content-type'), 'application/problem+json', path)
  }
})

t.test('an account is added with a password that is made and shown once, or with one that was given', async t => {
  const { host, call, post } = await peopleServed(t)
  const made = await post('/users', { aor: 'bob', password: '' })
  t.equal(made.status, 200)
  t.equal(made.headers.get('cache-control'), 'no-store')
  const password = /class="big mono">([a-z2-7]{16,})</.exec(await made.text())?.[1]
  t.ok(password)
  t.notMatch(await text(call(BOB)), password!)
  const before = host.model.execute({ verb: 'account.get', aor: BOB_AOR })
  t.match(before, { origin: 'store', ha1Md5: /^[0-9a-f]{32}$/ })
  t.equal((await post('/users', { aor: 'bob' })).status, 422)
  t.same(host.model.execute({ verb: 'account.get', aor: BOB_AOR }), before)
  const again = await text(post(`${BOB}/password`, { password: ' a b ' }))
  t.notMatch(again, ' a b ')
  t.notSame(host.model.execute({ verb: 'account.get', aor: BOB_AOR }), before)
  for (const [aor, given, why] of [
    ['bob@elsewhere.example', '', 'no address of an account'],
    ['<script>', '', 'no address of an account'],
    ['', '', 'no address of an account'],
    ['history', '', 'own address'],
    ['carol', 'x'.repeat(257), 'longer than 256'],
    ['carol', 'a\u0007b', 'control character'],
  ] as const) {
    const refused = await post('/users', { aor, password: given })
    t.equal(refused.status, 422, aor)
    const shown = await refused.text()
    t.match(shown, why)
    t.notMatch(shown, '<script>')
  }
})

t.test('API: add, change the password, remove', async t => {
  const { host, told, call, json } = await peopleServed(t)
  const made = await json('/api/v1/users', 'POST', { aor: 'bob' })
  t.equal(made.status, 201)
  t.equal(made.headers.get('location'), `/api/v1${BOB}`)
  t.match(await made.json(), { aor: BOB_AOR, password: /^[a-z2-7]{16,}$/ })
  t.equal((await json('/api/v1/users', 'POST', { aor: 'bob' })).status, 409)
  t.equal((await json('/api/v1/users', 'POST', { aor: 'a b' })).status, 422)
  t.equal((await json('/api/v1/users', 'POST', {})).status, 422)
  t.same(await (await json('/api/v1/users/bob/password', 'POST', { password: 'secret' })).json(), {
    aor: BOB_AOR,
    password: null,
  })
  t.equal((await json('/api/v1/users/carol/password', 'POST', {})).status, 404)
  host.model.execute(accountPut(ALICE_AOR, 'file'))
  t.equal((await json('/api/v1/users/alice/password', 'POST', {})).status, 409)
  t.equal((await call('/api/v1/users/alice', { method: 'DELETE' })).status, 409)
  t.equal((await call('/api/v1/users/bob', { method: 'DELETE' })).status, 204)
  t.equal((await call('/api/v1/users/bob', { method: 'DELETE' })).status, 404)
  t.ok(told.includes('account.remove'), 'the engine hears of it')
})

t.test('what is lost is said before an account is removed, and an account of the file is not removed', async t => {
  const { host, call, post } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  host.model.execute(accountPut(ALICE_AOR, 'file'))
  for (const number of [1, 2]) host.model.execute(custodyOf(number))
  const asked = await text(call(`${BOB}/remove`))
  t.match(asked, 'waiting messages, unread: 2')
  t.match(asked, 'Senders of waiting messages who asked for it are told')
  t.ok(host.model.execute({ verb: 'account.get', aor: BOB_AOR }), 'nothing is done by looking')
  const done = await post(`${BOB}/remove`, {})
  t.equal(done.headers.get('location'), '/users?did=userRemoved')
  t.notOk(host.model.execute({ verb: 'account.get', aor: BOB_AOR }))
  const alice = `/users/${encodeURIComponent(ALICE_AOR)}`
  t.match(await text(call(alice)), 'stands in the configuration file under [[user]]')
  t.notMatch(await text(call(alice)), `${alice}/remove`)
  t.equal((await call(`${alice}/remove`)).status, 404)
  t.equal((await post(`${alice}/remove`, {})).status, 404)
  t.equal((await post(`${alice}/password`, {})).status, 422)
  t.ok(host.model.execute({ verb: 'account.get', aor: ALICE_AOR }))
})

t.test('settings: what is chosen, what counts; a form that is old changes nothing', async t => {
  const { host, call, post } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  const shown = await text(call(BOB))
  t.match(shown, /on <span class="soft">\(the box’s default\)/)
  const version = /name="version" value="(\d+)"/.exec(shown)![1]!
  const fields = { offline_delivery: 'off', session_history: 'default', pager_history: 'on', visible: 'default' }
  t.equal((await post(`${BOB}/settings`, { version, ...fields })).headers.get('location'), `${BOB}?did=saved`)
  const record = host.model.execute({ verb: 'settings.get', aor: BOB_AOR })
  t.same(record?.stored?.chosen, { offlineDelivery: false, pagerHistory: true })
  const stale = await post(`${BOB}/settings`, { version, ...fields, offline_delivery: 'on' })
  t.equal(stale.status, 422)
  t.match(await stale.text(), 'Somebody else changed these settings meanwhile')
  t.same(host.model.execute({ verb: 'settings.get', aor: BOB_AOR }), record)
  t.equal((await post('/users/nobody/settings', { version: '0' })).status, 404)
})

t.test('a phone fetches its account by the code: without the password, for some minutes', async t => {
  const { host, call, post, origin } = await peopleServed(t)
  await post('/users', { aor: 'bob', password: 'secret' })
  const shown = await text(post(`${BOB}/phone`, {}))
  t.match(shown, '<svg')
  const address = /http:\/\/127\.0\.0\.1:\d+(\/provisioning\/[a-z2-7]{32,})/.exec(shown)
  t.ok(address)
  const document = await fetch(`${origin}${address![1]}`)
  t.equal(document.status, 200)
  t.match(document.headers.get('content-type'), 'application/xml')
  const xml = await document.text()
  const account = host.model.execute({ verb: 'account.get', aor: BOB_AOR })
  t.match(xml, `<entry name="ha1" overwrite="true">${account?.ha1Md5}</entry>`)
  t.match(xml, '&lt;sip:127.0.0.1:5060;transport=tcp&gt;')
  t.notMatch(xml, 'secret')
  const asked = await call(`/api/v1${BOB}/provisioning`, { method: 'POST' })
  t.equal(asked.status, 201)
  const { path, minutes } = (await asked.json()) as { path: string; minutes: number }
  t.equal(minutes, 10)
  t.equal(await (await fetch(`${origin}${path}`)).text(), xml)
  t.equal((await call('/api/v1/users/nobody/provisioning', { method: 'POST' })).status, 404)
  t.equal((await call(`/api/v1${BOB}/provisioning`, { method: 'POST' }, 'viewer')).status, 403)
  t.equal((await fetch(`${origin}/provisioning/abc`)).status, 404)
  t.equal((await post('/users/nobody/phone', {})).status, 404)
  t.equal((await call(BOB, {}, 'viewer')).status, 200)
})

t.test('roles: a viewer looks and changes nothing; nobody else is let in', async t => {
  const { host, call, post, json, origin } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  const page = await text(call(BOB, {}, 'viewer'))
  t.notMatch(page, '<form method="post" action="/users')
  t.equal((await call('/users', {}, 'viewer')).status, 200)
  t.equal((await call('/api/v1/users', {}, 'viewer')).status, 200)
  for (const path of ['/users', `${BOB}/password`, `${BOB}/settings`, `${BOB}/phone`, `${BOB}/remove`])
    t.equal((await post(path, { aor: 'carol' }, 'viewer')).status, 403, path)
  t.equal((await call(`${BOB}/remove`, {}, 'viewer')).status, 403)
  t.equal((await json('/api/v1/users', 'POST', { aor: 'carol' }, 'viewer')).status, 403)
  t.equal((await json('/api/v1/users/bob/password', 'POST', {}, 'viewer')).status, 403)
  t.equal((await call('/api/v1/users/bob', { method: 'DELETE' }, 'viewer')).status, 403)
  t.equal((await json('/api/v1/users', 'POST', { aor: 'carol' }, 'operator')).status, 201)
  const stranger = await fetch(`${origin}/users`, { redirect: 'manual' })
  t.equal(stranger.headers.get('location'), '/login?back=%2Fusers')
  t.equal((await fetch(`${origin}/api/v1/users`)).status, 401)
})

t.test('a form without the token of the session changes nothing', async t => {
  const { host, origin } = await peopleServed(t)
  const login = await fetch(`${origin}/login`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ name: 'admin', password: 'right' }),
  })
  const cookie = login.headers.get('set-cookie')!.split(';')[0]!
  const shown = await (await fetch(`${origin}/users`, { headers: { cookie } })).text()
  const csrf = /name="csrf" value="([^"]+)"/.exec(shown)![1]!
  const add = (form: Record<string, string>) =>
    fetch(`${origin}/users`, { method: 'POST', headers: { cookie }, body: new URLSearchParams(form) })
  t.equal((await add({ aor: 'bob' })).status, 403)
  t.equal((await add({ aor: 'bob', csrf: 'x' })).status, 403)
  t.notOk(host.model.execute({ verb: 'account.get', aor: BOB_AOR }))
  t.equal((await add({ aor: 'bob', csrf })).status, 200)
  t.ok(host.model.execute({ verb: 'account.get', aor: BOB_AOR }))
})
