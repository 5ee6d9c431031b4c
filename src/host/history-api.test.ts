import { statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Counters } from '../base/counters.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { WallTime } from '../base/time.ts'
import { HISTORY_LIMITS, type MessageKept, messageKept, sendWritten, sessionOpened } from '../testing/history-items.ts'
import { HostStore } from '../testing/host-store.ts'
import { ALICE_AOR, accountPut, BOB_AOR, STORED_AT } from '../testing/store-fixtures.ts'
import { Clock } from './clock.ts'
import { SystemEntropy } from './entropy.ts'
import { guardedBy } from './guarded.fixture.ts'
import { Health } from './health.ts'
import { historyApi } from './history-api.ts'
import { HttpServer } from './http.ts'
import { Jobs } from './jobs.ts'
import { jobsApi } from './jobs-api.ts'
import { OutsideStore } from './outside-store.ts'
import { WatchedStore } from './watched-store.ts'

const ADMIN = `Basic ${Buffer.from('admin:right').toString('base64')}`

interface View {
  readonly [name: string]: unknown
  readonly items: readonly { readonly reference: string; readonly subject: string }[]
  readonly next: string | null
  readonly id: string
  readonly state: string
}

/** The API over a store with bob in it; `told` is what the engine hears. */
async function setUp(t: Test, log: Log = silentLog) {
  const host = new HostStore()
  host.model.execute(accountPut(BOB_AOR))
  host.model.execute(accountPut(ALICE_AOR))
  const store = new WatchedStore(host, silentLog)
  const told: string[] = []
  const outside = new OutsideStore(store, ({ verb }) => told.push(verb))
  const counters = new Counters()
  const clock = new Clock(0 as WallTime)
  const dir = join(t.testdir(), 'jobs')
  const jobs = new Jobs({ dir, reserveBytes: 0, entropy: new SystemEntropy(), now: () => clock.now(), log: silentLog })
  const guarded = guardedBy(async password => password === 'right', counters)
  const common = { guarded, store: outside, jobs, domain: 'example.org', log }
  const { http, at } = await HttpServer.listen(
    { transport: 'tcp', endpoint: { address: '127.0.0.1', port: 0 }, key: 'listen.http' },
    {
      health: new Health(store, clock, 0),
      counters,
      describe: async () => ({}),
      hosts: [],
      plugins: [historyApi(common), jobsApi(common)],
    },
  )
  t.teardown(async () => {
    await http.close()
    await jobs.close()
  })
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${at.port}/api/v1/${path}`, { ...init, headers: { authorization: ADMIN, ...init.headers } })
  const post = (path: string, body?: unknown) =>
    call(path, {
      method: 'POST',
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
  const view = async (path: string) => (await (await call(path)).json()) as View
  const keep = (number: number, kept: MessageKept = {}) => {
    const reply = host.model.execute(messageKept(number, kept))
    if (typeof reply === 'string' || !('reference' in reply[0]!)) throw new Error('not kept')
    return encodeURIComponent(reply[0].reference)
  }
  const ended = async (response: Response) => {
    t.equal(response.status, 202)
    const { id } = (await response.json()) as View
    t.equal(response.headers.get('location'), `/api/v1/jobs/${id}`)
    for (;;) {
      const job = await view(`jobs/${id}`)
      if (job.state !== 'running') return job
    }
  }
  return { host, told, call, post, view, keep, ended, dir }
}

const problem = async (t: Test, response: Response) => {
  t.match(response.headers.get('content-type'), 'application/problem+json')
  const { status, detail } = (await response.json()) as { status: number; detail: string }
  t.equal(status, response.status)
  return `${status} ${detail}`
}

t.test('GET lists page by page, newest first or as asked, and finds by peer, time, subject and kind', async t => {
  const { view, keep, host } = await setUp(t)
  for (let number = 1; number <= 5; number++) keep(number)
  const peer = 'sip:carol@example.net'
  keep(6, { item: { subject: 'Lunch \u00c3\u00a9' }, owners: [{ aor: BOB_AOR, role: 'sender', peer }] })
  host.model.execute(sessionOpened(7))
  const subjects = async (query: string) =>
    (await view(`users/bob/history${query}`)).items.map(({ subject }) => subject)
  t.match(await view('users/bob/history?limit=1'), {
    aor: BOB_AOR,
    items: [
      {
        kind: 'session',
        role: 'receiver',
        peer: ALICE_AOR,
        from: ALICE_AOR,
        to: BOB_AOR,
        subject: 'subject 7',
        received: '2030-03-17T17:46:47.000Z',
        ended: null,
        state: 'open',
        anonymous: false,
        recording_name: null,
      },
    ],
  })
  const all: string[] = []
  let next: string | null = ''
  for (let pages = 0; next !== null && pages < 10; pages++) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const page: View = await view(`users/bob/history?order=oldest&limit=3${cursor}`)
    all.push(...page.items.map(({ subject }) => subject))
    next = page.next
  }
  t.same(all, [...[1, 2, 3, 4, 5].map(number => `subject ${number}`), 'Lunch \u00e9', 'subject 7'])
  t.same(await subjects('?peer=carol@example.net'), ['Lunch \u00e9'])
  t.same(await subjects('?peer=alice&until=2030-03-17T17:46:43Z'), ['subject 2', 'subject 1'])
  t.same(await subjects('?since=2030-03-17T17:46:46Z&kind=message'), ['Lunch \u00e9'])
  t.same(await subjects(`?subject=${encodeURIComponent('LUNCH \u00e9')}`), ['Lunch \u00e9'])
  t.same(await subjects('?since=2031-01-01'), [])
  t.same((await view('users/alice/history')).items, [], 'HIS-STO-07: another user has nothing of it')
})

t.test('GET of one item: its heads and who took part, its pieces, and apart from that what was said', async t => {
  const { view, call, keep, host } = await setUp(t)
  const message = keep(1)
  t.match(await view(`users/bob/history/${message}`), {
    subject: 'subject 1',
    heads: { invite: null },
    participants: [],
  })
  const content = await call(`users/bob/history/${message}/content`)
  t.equal(content.headers.get('content-type'), 'message/sip')
  t.match(content.headers.get('content-disposition'), /^attachment/)
  t.strictSame(Buffer.from(await content.arrayBuffer()), messageKept(1).piece.bytes, 'HIS-STO-01')
  const { record } = host.model.execute(sessionOpened(2)) as { record: number }
  const pieces = [sendWritten('ab12', 'hello'), sendWritten('cd34', 'you', { from: 'callee' })]
  host.model.execute({ verb: 'history.append', record, pieces, limits: HISTORY_LIMITS })
  const participants = [{ uri: 'sip:carol@example.net', joinedAt: STORED_AT }]
  host.model.execute({ verb: 'history.close', record, at: STORED_AT, keep: true, participants })
  const [session] = (await view('users/bob/history?kind=session')).items
  const path = `users/bob/history/${encodeURIComponent(session!.reference)}`
  t.match(await view(path), {
    state: 'whole',
    requests: 2,
    heads: { invite: /^INVITE sip:bob/, answer: /^SIP\/2\.0 200/, bye: null },
    participants: [
      { uri: 'sip:carol@example.net', display_name: null, joined: '2030-03-17T17:46:40.000Z', left: null },
    ],
  })
  t.match(await view(`${path}/pieces`), {
    pieces: [
      { from: 'caller', bytes: pieces[0]!.bytes.length, ends_request: true },
      { from: 'callee', at: '2030-03-17T17:46:41.000Z' },
    ],
    next: null,
  })
  t.same((await view(`${path}/pieces?from=2`)).pieces, [])
  const sends = await call(`${path}/content`)
  t.equal(sends.headers.get('content-type'), 'message/msrp')
  t.strictSame(Buffer.from(await sends.arrayBuffer()), Buffer.concat(pieces.map(({ bytes }) => bytes)), 'HIS-STO-04')
})

t.test('HIS-DLV-03: who asked for privacy is shown nowhere', async t => {
  const { call, keep, host } = await setUp(t)
  const hidden = { from: 'anonymous', isAnonymous: true }
  const owners = [{ aor: BOB_AOR, role: 'receiver', peer: 'anonymous' }] as const
  const message = keep(1, { item: hidden, owners })
  host.model.execute({ ...sessionOpened(2, hidden), owners })
  const { items } = (await (await call('users/bob/history')).json()) as View
  const paths = items.map(({ reference }) => `/${encodeURIComponent(reference)}`)
  for (const path of ['', ...paths, `/${message}/content`]) {
    const text = await (await call(`users/bob/history${path}`)).text()
    t.match(text, 'anonymous', path)
    t.notMatch(text, 'sip:alice@', path)
  }
})

t.test('DELETE removes one, and the engine hears of it', async t => {
  const { call, keep, view, told } = await setUp(t)
  const reference = keep(1)
  keep(2)
  t.equal((await call(`users/alice/history/${reference}`, { method: 'DELETE' })).status, 404, 'of somebody else')
  t.equal((await call(`users/bob/history/${reference}`, { method: 'DELETE' })).status, 204)
  t.ok(told.includes('history.remove'))
  t.equal((await view('users/bob/history')).items.length, 1)
  t.match(await problem(t, await call(`users/bob/history/${reference}`, { method: 'DELETE' })), /^404 /)
  t.match(await problem(t, await call(`users/bob/history/${reference}`)), /^404 The history has no such item/)
})

t.test('export and erase are jobs: with progress, a result, and an end', async t => {
  const { call, post, ended, keep, view, told, dir } = await setUp(t)
  for (let number = 1; number <= 300; number++) keep(number)
  const job = await ended(await post('users/bob/history/export'))
  t.match(job, { kind: 'history export', subject: BOB_AOR, state: 'done', done: 300, total: 300, reason: null })
  const file = await call(`jobs/${job.id}/result`)
  t.equal(file.headers.get('content-type'), 'application/mbox')
  t.equal(Number(file.headers.get('content-length')), job.result_bytes)
  t.equal((await file.text()).split(/^From /m).length, 301)
  t.equal(statSync(join(dir, job.id)).mode & 0o777, 0o600)
  const some = await ended(await post('users/bob/history/export', { subject: 'subject 29', kind: 'message' }))
  t.match(some, { done: 11, total: null })
  t.match(await ended(await post('users/bob/history/erase', { before: '2030-03-17T17:46:51Z' })), { done: 10 })
  t.equal((await view('users/bob/history?limit=500')).items.length, 290)
  const erased = await ended(await post('users/bob/history/erase'))
  t.match(erased, { kind: 'history erase', state: 'done', done: 290, total: 290, result: null })
  t.ok(told.includes('history.erase'))
  t.equal((await view('users/bob/history')).items.length, 0)
  t.match(await problem(t, await call(`jobs/${erased.id}/result`)), /^404 There is no result/)
  t.match((await view('jobs')).jobs, [{ id: erased.id }, {}, {}, { id: job.id }])
  t.match(await (await call(`jobs/${job.id}`, { method: 'DELETE' })).json(), { state: 'done', result: null })
  t.match(await problem(t, await call(`jobs/${job.id}`)), /^404 There is no such job/)
  t.match(await problem(t, await call('jobs/..%2f..%2fetc%2fpasswd/result')), /^404 /)
})

t.test('what is asked wrongly is told, and nothing is done', async t => {
  const { call, post, keep, view } = await setUp(t)
  const reference = keep(1)
  const wrong: readonly (readonly [query: string, told: RegExp])[] = [
    ['since=yesterday', /^422 since: "yesterday" is no time/],
    ['since=2030-02-30', /^422 since/],
    ['until=', /^422 until: a text/],
    ['since=2030-01-01&since=2030-01-02', /^422 since: .* once/],
    ['kind=fax', /^422 kind: .*Allowed: message, large, session/],
    ['peer=a@b@c', /^422 peer/],
    ['order=random', /^422 order/],
    ['limit=0', /^422 limit: a whole number from 1 to 500/],
    ['limit=1e9', /^422 limit/],
    ['limit=99999999999999999999', /^422 limit/],
    [`cursor=${'x'.repeat(65)}`, /^422 cursor/],
    ['cursor=%00', /^422 cursor/],
    ['colour=red', /^422 colour: no such name. Allowed: peer,/],
    [`subject=${'x'.repeat(1025)}`, /^422 subject: longer/],
  ]
  for (const [query, told] of wrong) t.match(await problem(t, await call(`users/bob/history?${query}`)), told, query)
  for (const cursor of ['x', '-1', '../..', '0', '99999999999999999999', '{}', 'sip:1@edge1.example.org'])
    t.ok([200, 422].includes((await call(`users/bob/history?cursor=${encodeURIComponent(cursor)}`)).status), cursor)
  for (const user of ['nobody', 'bob@elsewhere.example', 'sip:@', 'tel:+1', '%2e%2e', '%00'])
    t.match(await problem(t, await call(`users/${encodeURIComponent(user)}/history`)), /^404 There is no account/, user)
  for (const other of ['..%2f..%2f', '%00', 'sip:1@elsewhere.example', 'x'.repeat(2000)])
    t.match(await problem(t, await call(`users/bob/history/${other}`)), /^404 /, other)
  t.match(await problem(t, await call(`users/bob/history/${reference}/pieces?from=-1`)), /^422 from/)
  for (const body of [null, [], 'x', { before: 5 }, { befor: '2030-01-01' }, { before: 'soon' }, { before: '' }])
    t.match(await problem(t, await post('users/bob/history/erase', body)), /^422 /, JSON.stringify(body))
  t.match(await problem(t, await post('users/bob/history/export', { kind: 'fax' })), /^422 kind/)
  t.match(await problem(t, await post('users/bob/history/export', null)), /^422 /)
  t.match(await problem(t, await post('users/nobody/history/erase')), /^404 /)
  t.equal((await view('users/bob/history')).items.length, 1)
  for (const [path, method] of [
    ['users/bob/history', 'GET'],
    [`users/bob/history/${reference}/content`, 'GET'],
    [`users/bob/history/${reference}`, 'DELETE'],
    ['users/bob/history/erase', 'POST'],
    ['jobs', 'GET'],
    ['jobs/x', 'DELETE'],
  ] as const)
    t.equal((await call(path, { method, headers: { authorization: '' } })).status, 401, path)
  t.equal((await view('users/bob/history')).items.length, 1)
})

t.test('a request that is no JSON is 400, and nothing that the administrator has to look at', async t => {
  const logged: string[] = []
  const into = (level: string) => () => void logged.push(level)
  const log = { debug: into('debug'), info: into('info'), warn: into('warn'), error: into('error') }
  const { call, keep, view } = await setUp(t, log)
  keep(1)
  for (const body of ['{', '{"before":}', 'all'])
    t.match(
      await problem(
        t,
        await call('users/bob/history/erase', {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json' },
        }),
      ),
      /^400 /,
      body,
    )
  t.same(logged, ['debug', 'debug', 'debug'])
  t.equal((await view('users/bob/history')).items.length, 1)
})

t.test('a store that fails: 503, and a job that says so', async t => {
  const { call, post, ended, host, keep } = await setUp(t)
  keep(1)
  const response = await post('users/bob/history/export')
  host.failure = { failure: 'io', detail: 'sector 17' }
  t.match(await ended(response), { state: 'failed', reason: /The store failed: io/ })
  t.match(await problem(t, await call('users/bob/history')), /^503 The store failed: io/)
})
