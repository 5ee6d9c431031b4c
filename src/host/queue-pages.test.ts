import t from 'tap'
import { UNDATED, type WallTime } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { peopleServed } from './people.fixture.ts'

const text = async (response: Promise<Response>): Promise<string> => (await response).text()
const view = async (response: Promise<Response>) => (await (await response).json()) as Record<string, unknown>

const idOf = (seq: number): string => encodeURIComponent(`sip:${seq}@edge1.example.org`)

const BINDING: Binding = {
  contact: 'sip:bob@192.0.2.7',
  params: '',
  q: 1000,
  callId: 'reg-1',
  cseq: 1,
  registeredAt: STORED_AT,
  expiresAt: (STORED_AT + 3_600_000) as WallTime,
  path: [],
  flow: {
    id: 'udp/1',
    transport: 'udp',
    local: { address: '192.0.2.1', port: 5060 },
    remote: { address: '192.0.2.7', port: 40_000 },
  },
  isInstantMessaging: true,
}

const RECEIPT = {
  messageId: 'imdn-1',
  dateTime: '2030-01-01T00:00:00Z',
  from: `<${ALICE_AOR}>`,
  to: `<${BOB_AOR}>`,
  wantsStored: false,
  wantsFailed: true,
}

/** Bob has messages 1 to 3 of alice, and carol one of somebody without a name. */
async function waiting(t: Parameters<typeof peopleServed>[0]) {
  const served = await peopleServed(t)
  const { model } = served.host
  for (const aor of [BOB_AOR, 'sip:carol@example.org']) model.execute(accountPut(aor))
  model.execute(custodyOf(1, { receipt: RECEIPT }))
  model.execute(custodyOf(2))
  model.execute(custodyOf(3, { isUrgent: true }))
  const head = [
    'MESSAGE sip:carol@example.org SIP/2.0',
    'From: "Real Name" <sip:real@example.net>;tag=1',
    'P-Asserted-Identity: <sip:real@example.net>',
    'Subject: hi',
  ]
  const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\nwhat was said`)
  model.execute(custodyOf(4, { recipient: 'sip:carol@example.org', sender: 'anonymous', bytes }))
  return served
}

t.test('the queue: who has something waiting, and searches by user, sender and id', async t => {
  const { call } = await waiting(t)
  const all = await text(call('/queue'))
  t.match(all, 'for users: 2')
  t.match(all, 'carol@example.org')
  const bobs = await text(call('/queue?user=bob'))
  t.equal(bobs.match(/href="\/queue\/sip/g)?.length, 3)
  t.match(bobs, 'urgent')
  t.equal((await text(call('/queue?sender=ALICE'))).match(/href="\/queue\/sip/g)?.length, 3)
  t.equal((await text(call('/queue?sender=anonymous'))).match(/href="\/queue\/sip/g)?.length, 1)
  t.match(await text(call('/queue?user=bob&sender=anonymous')), 'No waiting message matches.')
  t.equal((await text(call('/queue?id=call-2%40192.0.2.9'))).match(/href="\/queue\/sip/g)?.length, 1)
  t.equal((await text(call(`/queue?id=${idOf(3)}`))).match(/href="\/queue\/sip/g)?.length, 1)
  t.match(await text(call('/queue?id=nothing')), 'No message is known by that name')
  t.match(await text(call('/queue?user=bob%40elsewhere')), 'There is no such account')
})

t.test(
  'one message: its life story; headers for operators, without a name that was asked to be kept; never what it says',
  async t => {
    const { host, call } = await waiting(t)
    host.model.execute({ verb: 'attempted', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '486 Busy Here' })
    const shown = await text(call(`/queue/${idOf(1)}`))
    t.match(shown, 'taken into custody')
    t.match(shown, '486 Busy Here')
    t.match(shown, 'Subject: 1')
    t.notMatch(shown, 'message 1')
    const byViewer = await text(call(`/queue/${idOf(1)}`, {}, 'viewer'))
    t.match(byViewer, 'taken into custody')
    t.notMatch(byViewer, 'Subject: 1')
    t.notMatch(byViewer, '/deliver')
    const anonymous = await text(call(`/queue/${idOf(4)}`))
    t.match(anonymous, 'anonymous.invalid')
    t.notMatch(anonymous, /[Rr]eal/)
    t.notMatch(anonymous, 'what was said')
    for (const [as, has] of [
      ['operator', true],
      ['viewer', false],
    ] as const) {
      const json = await text(call(`/api/v1/queue/${idOf(4)}`, {}, as))
      t.equal(json.includes('anonymous.invalid'), has)
      t.notMatch(json, /[Rr]eal|what was said/)
    }
    t.equal((await call(`/queue/${idOf(99)}`)).status, 404)
    t.equal((await call('/queue/call-1%40192.0.2.9')).status, 404)
  },
)

t.test('a message without an end yet: none is shown, and the API says null', async t => {
  const { host, call } = await waiting(t)
  host.model.execute(custodyOf(5, { expiresAt: (UNDATED + 60_000) as WallTime }))
  t.match(await text(call(`/queue/${idOf(1)}`)), 'Expires')
  t.notMatch(await text(call(`/queue/${idOf(5)}`)), /Expires|9000/)
  t.match(await text(call('/api/v1/queue?user=bob')), '"expires":null')
})

t.test('deliver now: asked for, or why not', async t => {
  const { host, call, post, delivered } = await waiting(t)
  const path = `/queue/${idOf(1)}`
  t.match(await text(call(`${path}/deliver`)), 'Try it now')
  t.same(delivered, [], 'nothing is done by looking')
  const nobody = await post(`${path}/deliver`, {})
  t.equal(nobody.status, 409)
  t.match(await nobody.text(), 'Nobody is registered for its receiver')
  t.equal((await post(`/api/v1${path}/deliver`, {})).status, 415)
  t.equal((await call(`/api/v1${path}/deliver`, { method: 'POST' })).status, 409)
  host.model.execute({ verb: 'bindings.put', aor: BOB_AOR, version: 0, bindings: [BINDING] })
  t.equal((await post(`${path}/deliver`, {})).headers.get('location'), `${path}?did=pushAsked`)
  t.same(delivered, [BOB_AOR])
  const asked = await call(`/api/v1${path}/deliver`, { method: 'POST' })
  t.equal(asked.status, 202)
  t.same(await asked.json(), { contacts: 1 })
  host.model.execute({
    verb: 'settings.put',
    aor: BOB_AOR,
    version: 0,
    settings: {
      published: [],
      stored: { chosen: { offlineDelivery: false }, document: Buffer.alloc(0), modifiedAt: STORED_AT, revision: 1 },
    },
  })
  t.match(await text(post(`${path}/deliver`, {})), 'switched offline delivery off')
  host.model.execute({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: 'somehow' })
  t.match(await text(post(`${path}/deliver`, {})), 'It does not wait any more')
  t.equal((await post(`/queue/${idOf(99)}/deliver`, {})).status, 404)
  t.equal(delivered.length, 2)
})

t.test('delete: its sender is told, and who did it stands in its story', async t => {
  const { host, told, call, post } = await waiting(t)
  const path = `/queue/${idOf(1)}`
  t.match(await text(call(`${path}/delete`)), 'Its sender is told that it was not delivered')
  t.equal((await post(`${path}/delete`, {}, 'operator')).headers.get('location'), `${path}?did=messageDeleted`)
  t.ok(told.includes('delete'), 'the engine hears of it')
  const [notice] = host.model.execute({ verb: 'notices', limit: 10, afterId: 0 }) as readonly { kind: string }[]
  t.match(notice, { kind: 'failed', sender: ALICE_AOR })
  t.match(await text(call(path)), 'by operator')
  t.equal((await post(`${path}/delete`, {})).status, 409)
  t.equal((await call(`${path}/delete`)).status, 404)
  t.equal((await call(`/api/v1/queue/${idOf(2)}`, { method: 'DELETE' })).status, 204)
  t.equal((await call(`/api/v1/queue/${idOf(2)}`, { method: 'DELETE' })).status, 409)
  t.equal((await call(`/api/v1/queue/${idOf(99)}`, { method: 'DELETE' })).status, 404)
  for (const init of [{ method: 'DELETE' }, { method: 'POST' }])
    t.equal(
      (await call(`/api/v1/queue/${idOf(3)}${init.method === 'POST' ? '/deliver' : ''}`, init, 'viewer')).status,
      403,
    )
  t.equal((await post(`/queue/${idOf(3)}/delete`, {}, 'viewer')).status, 403)
  t.equal((await post(`/queue/${idOf(3)}/deliver`, {}, 'viewer')).status, 403)
})

t.test('API: mailboxes and messages, page by page', async t => {
  const { call } = await waiting(t)
  const first = await view(call('/api/v1/queue?limit=1'))
  t.match(first, { messages: 4, mailboxes: [{ aor: BOB_AOR, count: 3 }], next: BOB_AOR })
  t.match(await view(call(`/api/v1/queue?limit=1&after=${encodeURIComponent(BOB_AOR)}`)), { next: null })
  const ids: unknown[] = []
  for (let next: unknown = ''; next !== null; ) {
    const after = next === '' ? '' : `&after=${encodeURIComponent(String(next))}`
    const page = await view(call(`/api/v1/queue?sender=example.org&limit=2${after}`))
    ids.push(...(page.messages as { id: string }[]).map(({ id }) => id))
    next = page.next
  }
  t.same(
    ids,
    [1, 2, 3].map(seq => `sip:${seq}@edge1.example.org`),
  )
  t.match(await view(call('/api/v1/queue?id=call-4%40192.0.2.9')), { messages: [{ from: 'anonymous' }], next: null })
  t.equal((await call('/api/v1/queue?user=a%20b')).status, 404)
  t.equal((await call('/api/v1/queue?limit=x')).status, 422)
})

t.test('a search among many ends after a bounded number of messages, and goes on', async t => {
  const { host, call } = await peopleServed(t)
  host.model.execute(accountPut(BOB_AOR))
  for (let i = 1; i <= 2500; i++) host.model.execute(custodyOf(i, i === 2450 ? { sender: 'sip:rare@example.net' } : {}))
  host.asked.length = 0
  const first = await text(call('/queue?sender=rare'))
  const looked = host.asked.filter(({ verb }) => verb === 'mailbox').length
  t.match(first, 'Only a part of what waits was looked at.')
  t.ok(looked <= 21, `${looked} reads`)
  const next = /href="(\/queue\?[^"]*after=[^"]+)"/.exec(first)![1]!.replaceAll('&amp;', '&')
  t.match(await text(call(next)), 'rare@example.net')
})

t.test('a store that fails is 503 on the page and in the API', async t => {
  const { host, call } = await waiting(t)
  host.failure = { failure: 'io', detail: 'EIO' }
  for (const path of ['/queue', '/users', '/history', '/api/v1/queue', '/api/v1/users'])
    t.equal((await call(path)).status, 503, path)
})

t.test('pages ask the same of the store however many users there are, and however much waits', async t => {
  const { host, call } = await peopleServed(t)
  const asked = async (path: string) => {
    host.asked.length = 0
    t.equal((await call(path)).status, 200, path)
    return host.asked.length
  }
  const nameOf = (i: number): string => `sip:user${String(i).padStart(5, '0')}@example.org`
  const fill = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      host.model.execute(accountPut(nameOf(i)))
      host.model.execute(custodyOf(i, { recipient: nameOf(i) }))
    }
  }
  fill(0, 100)
  const paths = [
    '/users',
    `/users/${encodeURIComponent(nameOf(1))}`,
    '/queue',
    '/queue?user=user00001',
    `/queue/${idOf(1)}`,
  ]
  const few = []
  for (const path of paths) few.push(await asked(path))
  fill(100, 3000)
  for (const [index, path] of paths.entries()) t.equal(await asked(path), few[index], path)
})
