import t from 'tap'
import type { WallTime } from '../../base/time.ts'
import { readXml } from '../../content/xml-read.ts'
import { BOB_AOR, STORED_AT } from '../../testing/store-fixtures.ts'
import { LIST, messageBytes, type Reply, serveXcap } from './xcap.fixture.ts'

const ENTRY = `${LIST}/~~/history-list/history`
const byReference = (seq: number): string => `${ENTRY}%5b@history-reference=%22sip:${seq}@edge1.example.org%22%5d`

const subjectsIn = ({ text }: Reply): string[] =>
  [...text.matchAll(/<subject>(.*?)<\/subject>/g)].map(([, one]) => one!)

t.test(
  'DM-STO-14: what waits is shown as deferred-list, with what the sender said and nothing of who stays unnamed',
  async t => {
    const box = await serveXcap(t.testdir())
    t.teardown(box.close)
    t.match(await box.ask(LIST), {
      status: 200,
      text: /<history-list xmlns="urn:oma:xml:im:history-list">\s*<\/history-list>/,
    })
    const from = 'f: "Carol <&>" <sip:carol@example.net>;tag=1'
    const pai = 'P-Asserted-Identity: <sip:carol@example.net>'
    const lines = [
      from,
      't: <sip:bob@example.org>',
      's: caf\u00e9 <&"\u0001>',
      'Date: Sun, 09 Jul 2006 21:23:01 GMT',
      pai,
    ]
    await box.keep(1, { bytes: messageBytes(lines) })
    await box.keep(2, { sender: 'anonymous', bytes: messageBytes(['From: <sip:anonymous@anonymous.invalid>', pai]) })
    await box.keep(3, { isReceipt: true })
    const reply = await box.ask(LIST)
    t.equal(reply.headers['content-type'], 'application/vnd.oma.im.deferred-list+xml')
    t.equal(reply.headers['cache-control'], 'private, no-cache')
    const { root } = readXml(Buffer.from(reply.text))
    t.equal(root.children.length, 2, 'receipts are nothing that anybody waits for')
    const [first, second] = root.children
    const shown = (element = first!) =>
      element.children
        .flatMap(child => [child, ...child.children])
        .map(({ name, text }) => [name, text.trim()].join('='))
    t.strictSame(shown(), [
      'pager=',
      'time-stamp=2030-03-17T17:46:40Z',
      'from=sip:carol@example.net',
      'to=sip:bob@example.org',
      'auth-id=sip:carol@example.net',
      `size=${messageBytes(lines).length}`,
      'expiry=2030-03-17T18:46:40Z',
      'subject=caf\u00e9 <&"\ufffd>',
      'date=2006-07-09T21:23:01Z',
    ])
    t.equal(first!.attributes[0]!.value, 'sip:1@edge1.example.org')
    t.notOk(
      shown(second).some(line => line.startsWith('auth-id')),
      'DM-STO-04',
    )
  },
)

t.test('DM-STO-14: expired messages are not shown, unless nobody knows what time it is', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  await box.keep(1)
  await box.keep(2, { expiresAt: (STORED_AT + 1000) as WallTime })
  box.clock.at = 1000
  t.strictSame(subjectsIn(await box.ask(LIST)), ['1'])
  t.equal((await box.ask(byReference(2))).status, 404)
  box.clock.isWallTrusted = false
  t.strictSame(subjectsIn(await box.ask(LIST)), ['1', '2'])
})

t.test('RFC 4825 7.5, 7.8, 7.10: parts of the list', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  for (const number of [1, 2, 3]) await box.keep(number)
  await box.store.ask('delete', { aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' })
  const cases: readonly (readonly [string, number, string, string | RegExp])[] = [
    [byReference(2), 200, 'el', /^<history history-reference="sip:2@edge1\.example\.org">.*<\/history>$/s],
    [`${ENTRY}%5B2%5D/subject`, 200, 'el', '<subject>3</subject>'],
    [`${ENTRY}[1]/pager/time-stamp`, 200, 'el', '<time-stamp>2030-03-17T17:46:40Z</time-stamp>'],
    [`${ENTRY}[2][@history-reference=%22sip:3@edge1.example.org%22]/size`, 200, 'el', /^<size>\d+<\/size>$/],
    [`${LIST}/~~/*/*[1]/@history-reference`, 200, 'att', 'sip:2@edge1.example.org'],
    [`${LIST}/~~/x:history-list/x:history[1]/x:subject?xmlns(x=urn:oma:xml:im:history-list)`, 200, 'el', /2/],
    [`${LIST}/%7e%7e/history-list/namespace::*`, 200, 'ns', '<history-list xmlns="urn:oma:xml:im:history-list"/>'],
    [`${ENTRY}[1]/pager/namespace::*`, 200, 'ns', '<pager xmlns="urn:oma:xml:im:history-list"/>'],
    [`${LIST}/~~/history-list[1]`, 200, 'el', /^<history-list xmlns.*sip:2@.*sip:3@.*<\/history-list>$/s],
  ]
  for (const [target, status, type, text] of cases) {
    const reply = await box.ask(target)
    t.match(reply, { status, headers: { 'content-type': `application/xcap-${type}+xml` }, text }, target)
  }
  const absent = [
    ENTRY,
    byReference(1),
    byReference(4),
    `${ENTRY}[3]`,
    `${ENTRY}[0]`,
    `${ENTRY}[1]/x`,
    `${LIST}/~~/list`,
  ]
  const more = [
    `${ENTRY}[1][@history-reference=%22sip:3@edge1.example.org%22]`,
    `${ENTRY}[@x=%22y%22]`,
    `${ENTRY}[1]/@x`,
  ]
  const wrong = [
    `${LIST}/~~/history-list/@x`,
    `${LIST}/~~/history-list[2]`,
    `${LIST}/~~/history-list/history[999999999]`,
  ]
  const names = [
    `${LIST}/~~/history-list[@x=%22y%22]/history[1]`,
    `${LIST}/~~/x:history-list?xmlns(x=urn:y)`,
    byReference(1e14),
  ]
  for (const target of [...absent, ...more, ...wrong, ...names]) t.equal((await box.ask(target)).status, 404, target)
  for (const target of [`${LIST}/~~/`, `${LIST}/~~/a[`, `${LIST}/~~/p:a`, `${LIST}/~~/a?x`, `${LIST}/~~/a%00b`])
    t.match(await box.ask(target), { status: 400, text: /selector/ }, target)
  await box.store.ask('delete', { aor: BOB_AOR, seq: 2, at: STORED_AT, detail: '' })
  t.equal((await box.ask(ENTRY)).status, 200, 'the only one')
})

t.test('DM-STO-14: who deletes an entry deletes the message, and the engine hears of it', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  const receipt = {
    messageId: 'm1',
    dateTime: '2030-03-17T17:46:40Z',
    from: '<sip:alice@example.org>',
    to: '<sip:bob@example.org>',
  }
  for (const number of [1, 2, 3, 4])
    await box.keep(number, { receipt: { ...receipt, wantsStored: false, wantsFailed: true } })
  const before = (await box.ask(LIST)).headers.etag
  const reply = await box.ask(byReference(2), { method: 'DELETE' })
  t.match(reply, { status: 200 })
  t.not(reply.headers.etag, before)
  t.strictSame(subjectsIn(await box.ask(LIST)), ['1', '3', '4'])
  t.match(box.told.at(-1), { verb: 'delete', aor: BOB_AOR, seq: 2 })
  t.match(await box.store.ask('notices', { limit: 9, afterId: 0 }), {
    value: [{ kind: 'failed', storeId: 'sip:2@edge1.example.org' }],
  })
  t.equal((await box.ask(byReference(2), { method: 'DELETE' })).status, 404)
  const refused = await box.ask(`${ENTRY}[1]`, { method: 'DELETE' })
  t.match(refused, {
    status: 409,
    headers: { 'content-type': 'application/xcap-error+xml' },
    text: /<cannot-delete phrase=/,
  })
  t.match(await box.ask(`${LIST}/~~/history-list`, { method: 'DELETE' }), { status: 409, text: /<cannot-delete/ })
  t.equal((await box.ask(`${ENTRY}[3]`, { method: 'DELETE' })).status, 200, 'nothing comes behind it')
  await box.keep(5, { isReceipt: true })
  t.equal((await box.ask(LIST, { method: 'DELETE' })).status, 200)
  t.strictSame(subjectsIn(await box.ask(LIST)), [])
  t.match(await box.store.ask('locate', { aor: BOB_AOR }), { value: { waiting: 1 } }, 'the receipt stays')
})

t.test('RFC 4825 7.11, RFC 9110 13: entity-tags change with the mailbox', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  await box.keep(1)
  const first = (await box.ask(LIST)).headers.etag!
  t.equal((await box.ask(byReference(1))).headers.etag, first, 'that of the document')
  const get = async (headers: Record<string, string>, method = 'GET', target = LIST) =>
    (await box.ask(target, { headers, method })).status
  t.equal(await get({ 'if-none-match': first }), 304)
  t.equal(await get({ 'if-none-match': `"x", W/${first}` }), 304)
  t.equal(await get({ 'if-none-match': '*' }, 'HEAD'), 304)
  t.equal(await get({ 'if-match': first }), 200)
  t.equal(await get({ 'if-match': '"x"' }), 412)
  t.equal(await get({ 'if-match': `W/${first}` }), 412)
  await box.keep(2)
  t.equal(await get({ 'if-none-match': first }), 200)
  t.equal(await get({ 'if-match': first }, 'DELETE'), 412)
  t.equal(await get({ 'if-match': first }, 'DELETE', byReference(1)), 412)
  t.equal(await get({ 'if-none-match': '*' }, 'DELETE', byReference(1)), 412)
  t.equal(await get({ 'if-match': '*' }, 'DELETE', byReference(9)), 412)
  const second = (await box.ask(LIST)).headers.etag!
  t.equal(await get({ 'if-match': second }, 'DELETE', byReference(1)), 200)
  t.strictSame(subjectsIn(await box.ask(LIST)), ['2'])
})

t.test('only the server writes it: 405 with what is allowed', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  await box.keep(1)
  for (const method of ['PUT', 'POST', 'PATCH'])
    t.match(
      await box.ask(LIST, { method, body: '<x/>' }),
      { status: 405, headers: { allow: 'GET, HEAD, DELETE' } },
      method,
    )
  t.match(await box.ask(`${ENTRY}[1]/subject`, { method: 'DELETE' }), { status: 405, headers: { allow: 'GET, HEAD' } })
  t.match(await box.ask(`${ENTRY}[1]/@history-reference`, { method: 'DELETE' }), { status: 405 })
  const head = await box.ask(LIST, { method: 'HEAD' })
  t.match(head, { status: 200, text: '', headers: { 'content-type': /deferred-list/, etag: /^"1-1-/ } })
  t.match(await box.ask(`${ENTRY}[1]/subject`, { method: 'HEAD' }), { status: 200, text: '' })
})

t.test('RFC 9110 13.1.1: what arrives between the look and the deletion stops one that has If-Match', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  for (const number of [1, 2]) await box.keep(number)
  const etag = (await box.ask(LIST)).headers.etag!
  const ask = box.store.ask.bind(box.store) as (verb: string, request: object) => Promise<unknown>
  let [next, until] = [3, 5]
  Object.assign(box.store, {
    ask: async (verb: string, request: object) => {
      if (verb === 'delete' && next < until) await box.keep(next++)
      return ask(verb, request)
    },
  })
  const remove = async (target: string, headers: Record<string, string>) =>
    (await box.ask(target, { method: 'DELETE', headers })).status
  t.equal(await remove(byReference(1), { 'if-match': etag }), 412)
  const later = (await box.ask(LIST)).headers.etag!
  t.equal(await remove(LIST, { 'if-match': later }), 412)
  t.same(subjectsIn(await box.ask(LIST)), ['1', '2', '3', '4'], 'nothing went')
  const last = (await box.ask(LIST)).headers.etag!
  t.equal(await remove(LIST, { 'if-match': last }), 200)
  t.same(subjectsIn(await box.ask(LIST)), [])
  await box.keep(5)
  ;[next, until] = [6, 7]
  t.equal(await remove(LIST, { 'if-match': '*' }), 200, 'there is something, whatever it is')
  t.same(subjectsIn(await box.ask(LIST)), ['6'], 'and what came meanwhile stays')
})

t.test('RFC 9110 13.1.1: what If-Match was right of goes as a whole, however long it is', async t => {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  for (let number = 1; number <= 130; number++) await box.keep(number)
  const etag = (await box.ask(LIST)).headers.etag!
  t.equal((await box.ask(LIST, { method: 'DELETE', headers: { 'if-match': etag } })).status, 200)
  t.same(subjectsIn(await box.ask(LIST)), [])
})
