import t from 'tap'
import { HISTORY_LIMITS, messageKept, sendWritten, sessionOpened } from '../testing/history-items.ts'
import { ALICE_AOR, accountPut, BOB_AOR, STORED_AT } from '../testing/store-fixtures.ts'
import { peopleServed } from './people.fixture.ts'

const BOB = `/history/${encodeURIComponent(BOB_AOR)}`
const text = async (response: Promise<Response>): Promise<string> => (await response).text()

async function withHistory(t: Parameters<typeof peopleServed>[0], items = 3) {
  const served = await peopleServed(t)
  const { model } = served.host
  for (const aor of [ALICE_AOR, BOB_AOR]) model.execute(accountPut(aor))
  const references: string[] = []
  for (let i = 1; i <= items; i++) {
    const kept = model.execute(messageKept(i)) as readonly { reference: string }[]
    references.push(kept[0]!.reference)
  }
  const ended = async (response: Response) => {
    const path = response.headers.get('location')!
    t.match(path, /^\/jobs\/\w+$/)
    for (;;) if (!(await text(served.call(path))).includes('http-equiv="refresh"')) return path
  }
  return { ...served, references, ended }
}

t.test('histories: whose, with whom, what; searches by peer, time, subject and kind', async t => {
  const { host, call } = await withHistory(t, 60)
  t.match(await text(call('/history')), BOB)
  t.equal((await call('/history?user=bob')).headers.get('location'), BOB)
  const first = await text(call(BOB))
  t.match(first, 'Talked with lately')
  t.match(first, 'subject 60')
  t.notMatch(first, 'subject 10<')
  const next = /href="([^"]*after=[^"]+)"/.exec(first)![1]!.replaceAll('&amp;', '&')
  t.match(await text(call(next)), 'subject 10<')
  const found = await text(call(`${BOB}?subject=SUBJECT%2059&peer=alice`))
  t.match(found, 'subject 59')
  t.notMatch(found, 'subject 58')
  t.match(await text(call(`${BOB}?kind=session`)), 'Nothing in this history matches.')
  t.match(await text(call(`${BOB}?until=2001-01-01`)), 'Nothing in this history matches.')
  const wrong = await call(`${BOB}?since=yesterday`)
  t.equal(wrong.status, 422)
  t.match(await wrong.text(), 'The search cannot be understood')
  t.equal((await call('/history/nobody')).status, 404)
  host.model.execute(accountPut('sip:carol@example.org'))
  t.equal((await call('/history/carol')).status, 200)
})

t.test('an item: heads, who took part, and what was said as far as it is text', async t => {
  const { host, call, references } = await withHistory(t)
  const shown = await text(call(`${BOB}/${encodeURIComponent(references[0]!)}`))
  t.match(shown, 'message 1')
  t.match(shown, 'P-Asserted-Identity')
  const { model } = host
  const opened = model.execute(sessionOpened(9)) as { record: number }
  const pieces = [
    sendWritten('a1', 'hello ', { messageId: 'm1', range: '1-6/11', flag: '+' }),
    sendWritten('a2', 'there', { messageId: 'm1', range: '7-11/11' }),
    sendWritten('b1', 'hello back', { from: 'callee' }),
    sendWritten('c1', Buffer.from([0xff, 0xfe, 0x00]), { type: 'text/plain' }),
    sendWritten('d1', 'binary', { type: 'application/zip' }),
    sendWritten('e1', 'x'.repeat(20_000)),
  ]
  model.execute({ verb: 'history.append', record: opened.record, pieces, limits: HISTORY_LIMITS })
  const participants = [{ uri: ALICE_AOR, displayName: 'Alice', joinedAt: STORED_AT }]
  model.execute({ verb: 'history.close', record: opened.record, at: STORED_AT, keep: true, participants })
  const list = await text(call(`${BOB}?kind=session`))
  const path = new RegExp(`href="(${BOB}/[^"]+)"`).exec(list)![1]!
  const session = await text(call(path))
  t.match(session, 'hello there', 'chunks of one message are one')
  t.match(session, 'hello back')
  t.match(session, 'application/zip, 6 B: not shown here')
  t.notMatch(session, '>binary<')
  t.equal(session.match(/text\/plain, [\d.]+ k?B: not shown here/g)?.length, 2, 'what is no text, or too long')
  t.match(session, 'INVITE')
  t.match(session, 'Alice')
})

t.test('RFC 3323: who asked for privacy is not named', async t => {
  const { host, call } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  const owners = [{ aor: BOB_AOR, role: 'receiver', peer: 'anonymous' }] as const
  const [kept] = host.model.execute(
    messageKept(1, { item: { from: 'anonymous', isAnonymous: true }, owners }),
  ) as readonly { reference: string }[]
  for (const path of [BOB, `${BOB}/${encodeURIComponent(kept!.reference)}`])
    t.notMatch(await text(call(path)), 'alice', path)
})

t.test('export and erase are work: its page shows how far it is, and its result', async t => {
  const { host, call, post, ended } = await withHistory(t)
  const done = await ended(await post(`${BOB}/export`, { subject: 'subject 2' }))
  const page = await text(call(done))
  t.match(page, 'Download')
  const file = await call(`${done}/result`)
  t.match(file.headers.get('content-disposition'), 'attachment; filename="history.mbox"')
  t.match(await file.text(), /^From /)
  t.match(await text(call('/jobs')), 'Export of a history')
  t.match(await text(call(`${BOB}/erase`)), 'Items: 3')
  await ended(await post(`${BOB}/erase`, { before: '2001-01-01' }))
  t.match(host.model.execute({ verb: 'history.summary', aor: BOB_AOR }), { items: 3 })
  await ended(await post(`${BOB}/erase`, { before: '' }))
  t.match(host.model.execute({ verb: 'history.summary', aor: BOB_AOR }), { items: 0 })
  t.equal((await post(`${done}/remove`, {})).headers.get('location'), '/jobs?did=jobGone')
  t.equal((await call(done)).status, 404)
  t.equal((await call(`${done}/result`)).status, 404)
  t.equal((await post(`${BOB}/erase`, { before: 'soon' })).status, 422)
  t.equal((await post(`${BOB}/export`, { kind: 'film' })).status, 422)
})

t.test('work that runs says so without script, goes on while nobody looks, and is cancelled', async t => {
  const { call, post, jobs } = await withHistory(t)
  let release = (): void => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const job = jobs.start({
    kind: 'history erase',
    subject: BOB_AOR,
    run: async desk => {
      desk.progress(3, 10)
      await Promise.race([held, new Promise(done => desk.signal.addEventListener('abort', done))])
    },
  })!
  for (let i = 0; i < 2; i++) {
    const page = await text(call(`/jobs/${job.id}`))
    t.match(page, '<noscript><meta http-equiv="refresh"')
    t.match(page, '3 of 10')
    t.match(page, 'Cancel it')
  }
  const other = jobs.start({ kind: 'backup', subject: 'box', role: 'admin', run: () => held })!
  t.equal((await call(`/jobs/${other.id}`, {}, 'operator')).status, 404, 'not theirs')
  t.notMatch(await text(call('/jobs', {}, 'operator')), other.id)
  t.match(await text(call('/jobs', {}, 'admin')), other.id)
  t.equal((await post(`/jobs/${other.id}/remove`, {}, 'operator')).status, 404)
  const busy = await post(`${BOB}/export`, {})
  t.equal(busy.status, 422)
  t.match(await busy.text(), 'As much work as may be is under way')
  t.equal((await post(`/jobs/${job.id}/remove`, {})).status, 303)
  t.equal(jobs.get(job.id), undefined)
  release()
})

t.test('an item is removed after a question', async t => {
  const { host, call, post, references } = await withHistory(t)
  const path = `${BOB}/${encodeURIComponent(references[0]!)}`
  t.match(await text(call(`${path}/remove`)), 'It cannot be taken back')
  t.match(host.model.execute({ verb: 'history.summary', aor: BOB_AOR }), { items: 3 })
  t.equal((await post(`${path}/remove`, {})).headers.get('location'), `${BOB}?did=itemRemoved`)
  t.match(host.model.execute({ verb: 'history.summary', aor: BOB_AOR }), { items: 2 })
  t.equal((await post(`${path}/remove`, {})).status, 404)
  t.equal((await call(path)).status, 404)
})

t.test('API: whose histories there are, page by page', async t => {
  const { host, call } = await withHistory(t)
  host.model.execute(messageKept(9, { owners: [{ aor: ALICE_AOR, role: 'sender', peer: BOB_AOR }] }))
  const first = (await (await call('/api/v1/history?limit=1', {}, 'operator')).json()) as { next: string }
  t.match(first, { users: [{ aor: ALICE_AOR, items: 1 }], next: ALICE_AOR })
  const rest = await (await call(`/api/v1/history?limit=1&after=${encodeURIComponent(first.next)}`)).json()
  t.match(rest, { users: [{ aor: BOB_AOR, items: 3 }], next: null })
  t.equal((await call('/api/v1/history?limit=0')).status, 422)
  t.equal((await call('/api/v1/history', {}, 'viewer')).status, 403)
})

t.test('roles: histories are for operators', async t => {
  const { call, post, references } = await withHistory(t)
  const item = `${BOB}/${encodeURIComponent(references[0]!)}`
  for (const path of ['/history', BOB, item, `${item}/remove`, `${BOB}/erase`, '/jobs', '/jobs/x']) {
    t.equal((await call(path, {}, 'viewer')).status, 403, path)
    t.not((await call(path, {}, 'operator')).status, 403, path)
  }
  for (const path of [`${BOB}/export`, `${BOB}/erase`, `${item}/remove`, '/jobs/x/remove'])
    t.equal((await post(path, {}, 'viewer')).status, 403, path)
  for (const path of ['users/bob/history', `users/bob/history/${encodeURIComponent(references[0]!)}/content`, 'jobs']) {
    t.equal((await call(`/api/v1/${path}`, {}, 'viewer')).status, 403, path)
    t.equal((await call(`/api/v1/${path}`, {}, 'operator')).status, 200, path)
  }
})
