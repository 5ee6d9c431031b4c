import { request } from 'node:http'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { Counters } from '../../base/counters.ts'
import { silentLog } from '../../base/log.ts'
import type { Instant } from '../../base/time.ts'
import { readXml, type XmlElement } from '../../content/xml-read.ts'
import { accountWithPassword } from '../../host/accounts.ts'
import { answerChallenge } from '../../sip/digest.ts'
import type { HistoryEntry } from '../../store/history.ts'
import type { RequestOf, Verb, Verbs } from '../../store/verbs.ts'
import { messageKept, sessionOpened } from '../../testing/history-items.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { ALICE_AOR, BOB_AOR, STORED_AT } from '../../testing/store-fixtures.ts'
import { XCAP_PATH, xcap } from './plugin.ts'
import { DOMAIN, HISTORY, type Reply, ROOT, serveXcap } from './xcap.fixture.ts'

const ENTRY = `${HISTORY}/~~/history-list/history`
const byReference = (reference: string): string =>
  `${ENTRY}%5b@history-reference=%22${encodeURIComponent(reference)}%22%5d`

const subjectsIn = ({ text }: Reply): string[] =>
  [...text.matchAll(/<subject>(.*?)<\/subject>/g)].map(([, one]) => one!)

async function setUp(t: Test) {
  const box = await serveXcap(t.testdir())
  t.teardown(box.close)
  const ask = <V extends Verb>({ verb, ...asked }: RequestOf<V>) => box.store.ask(verb as V, asked as never)
  const keep = async (...numbers: readonly number[]) => {
    for (const number of numbers) await ask(messageKept(number))
  }
  const references = async () => {
    const { text } = await box.ask(HISTORY)
    return [...text.matchAll(/history-reference="(.*?)"/g)].map(([, one]) => one!)
  }
  return { ...box, tell: ask, keep, references }
}

/** Names and texts of the leaves. */
const shown = (element: XmlElement): string[] =>
  element.children.flatMap(child =>
    child.children.length > 0 ? [child.name, ...shown(child)] : [`${child.name}=${child.text.trim()}`],
  )

t.test('HIS-STO-02, HIS-STO-06: messages and sessions as conv-history has them, each with its reference', async t => {
  const box = await setUp(t)
  t.match(await box.ask(HISTORY), {
    status: 200,
    headers: { 'content-type': 'application/vnd.oma.im.history-list+xml', 'cache-control': 'private, no-cache' },
    text: /<history-list xmlns="urn:oma:xml:im:history-list">\s*<\/history-list>/,
  })
  await box.tell(
    messageKept(1, {
      item: { subject: Buffer.from('caf\u00e9 <&"\u0001>').toString('latin1'), assertedIdentity: ALICE_AOR },
    }),
  )
  const opened = await box.tell(sessionOpened(2, { recordingName: 'Monday <1>' }))
  const { record } = (opened as { value: { record: number } }).value
  const going = readXml(Buffer.from((await box.ask(HISTORY)).text)).root.children[1]!
  t.notOk(
    shown(going).some(line => line.startsWith('time-end')),
    'it goes on',
  )
  t.match(shown(going).join(), 'conf-list,entry,uri=sip:alice@example.org,entry,uri=sip:bob@example.org')
  const participants = [
    { uri: 'sip:carol@example.net', displayName: 'Carol & Co', joinedAt: STORED_AT },
    { uri: 'sip:dave@example.net', joinedAt: STORED_AT },
  ]
  const at = (STORED_AT + 60_000) as typeof STORED_AT
  await box.tell({ verb: 'history.close', record, at, keep: true, participants })
  const { root } = readXml(Buffer.from((await box.ask(HISTORY)).text))
  t.equal(root.children.length, 2)
  t.strictSame(shown(root.children[0]!), [
    'pager',
    'time-stamp=2030-03-17T17:46:41Z',
    'from=sip:alice@example.org',
    'to=sip:bob@example.org',
    'auth-id=sip:alice@example.org',
    `size=${messageKept(1).piece.bytes.length}`,
    'expiry=2030-03-17T18:46:41Z',
    'subject=caf\u00e9 <&"\ufffd>',
  ])
  t.match(shown(root.children[1]!), [
    'conference',
    'time-start=2030-03-17T17:46:42Z',
    'time-end=2030-03-17T17:47:40Z',
    'recording-name=Monday <1>',
    'conf-list',
    'entry',
    'uri=sip:carol@example.net',
    'display-name=Carol & Co',
    'entry',
    'uri=sip:dave@example.net',
    /^size=/,
    'expiry=2030-03-17T18:46:42Z',
    'subject=subject 2',
  ])
  const [first, second] = await box.references()
  t.match([first, second], [/^sip:[^@]+@edge1\.example\.org$/, /^sip:[^@]+@edge1\.example\.org$/])
  t.not(first, second)
})

t.test('HIS-STO-07, HIS-DLV-03: nobody else’s history, and nobody who asked for privacy', async t => {
  const box = await setUp(t)
  const owners = [{ aor: BOB_AOR, role: 'receiver', peer: 'anonymous' }] as const
  await box.tell(messageKept(1, { item: { from: 'anonymous', isAnonymous: true }, owners }))
  const { text } = await box.ask(HISTORY)
  t.match(text, '<from>anonymous</from>')
  t.notMatch(text, /auth-id|alice/)
  const [reference] = await box.references()
  for (const method of ['GET', 'DELETE'])
    for (const target of [HISTORY, byReference(reference!)])
      t.equal((await box.ask(target, { user: 'alice', method })).status, 403, `${method} ${target}`)
  const own = HISTORY.replace('bob', 'alice')
  t.same(subjectsIn(await box.ask(own, { user: 'alice' })), [])
  const foreign = byReference(reference!).replace('sip:bob', 'sip:alice')
  t.equal((await box.ask(foreign, { user: 'alice' })).status, 404)
  t.equal((await box.ask(foreign, { user: 'alice', method: 'DELETE' })).status, 404)
})

t.test('RFC 4825 7.5, 7.8: entries by reference and by position, and parts of them', async t => {
  const box = await setUp(t)
  await box.keep(1, 2, 3)
  const [, second, third] = await box.references()
  const cases: readonly (readonly [string, string, string | RegExp])[] = [
    [byReference(second!), 'el', /^<history history-reference=.*<subject>subject 2<\/subject>\s*<\/history>$/s],
    [`${byReference(second!)}/pager/from`, 'el', `<from>${ALICE_AOR}</from>`],
    [`${ENTRY}[3]/subject`, 'el', '<subject>subject 3</subject>'],
    [`${ENTRY}[3]/@history-reference`, 'att', third!],
    [`${HISTORY}/~~/history-list/namespace::*`, 'ns', '<history-list xmlns="urn:oma:xml:im:history-list"/>'],
    [`${HISTORY}/~~/history-list`, 'el', /^<history-list .*subject 1.*subject 3.*<\/history-list>$/s],
  ]
  for (const [target, type, text] of cases)
    t.match(
      await box.ask(target),
      { status: 200, headers: { 'content-type': `application/xcap-${type}+xml` }, text },
      target,
    )
  for (const target of [
    ENTRY,
    `${ENTRY}[4]`,
    byReference('sip:1@elsewhere.example'),
    byReference('x'.repeat(1000)),
    byReference('../..'),
  ])
    t.equal((await box.ask(target)).status, 404, target)
  t.match(await box.ask(HISTORY, { method: 'HEAD' }), { status: 200, text: '' })
})

t.test('who deletes an entry deletes the item, the document all of them, and the engine hears of it', async t => {
  const box = await setUp(t)
  await box.keep(1, 2, 3, 4)
  const [, second] = await box.references()
  const before = (await box.ask(HISTORY)).headers.etag!
  t.equal((await box.ask(byReference(second!))).headers.etag, before, 'that of the document')
  t.equal((await box.ask(HISTORY, { headers: { 'if-none-match': before } })).status, 304)
  const unlike = { method: 'DELETE', headers: { 'if-match': '"x"' } }
  t.equal((await box.ask(byReference(second!), unlike)).status, 412)
  t.equal((await box.ask(HISTORY, unlike)).status, 412)
  const reply = await box.ask(byReference(second!), { method: 'DELETE', headers: { 'if-match': before } })
  t.equal(reply.status, 200)
  t.not(reply.headers.etag, before)
  t.same(subjectsIn(await box.ask(HISTORY)), ['subject 1', 'subject 3', 'subject 4'])
  t.match(box.told.at(-1), { verb: 'history.remove', aor: BOB_AOR, reference: second })
  t.equal((await box.ask(byReference(second!), { method: 'DELETE' })).status, 404)
  t.match(await box.ask(`${ENTRY}[1]`, { method: 'DELETE' }), { status: 409, text: /<cannot-delete/ })
  t.equal((await box.ask(`${ENTRY}[3]`, { method: 'DELETE' })).status, 200, 'nothing comes behind it')
  t.match(await box.ask(HISTORY, { method: 'DELETE' }), { status: 200, text: '' })
  t.match(box.told.at(-1), { verb: 'history.erase', aor: BOB_AOR })
  t.same(subjectsIn(await box.ask(HISTORY)), [])
  t.equal((await box.ask(HISTORY, { method: 'DELETE' })).status, 200, 'an empty one')
})

t.test('only the server writes it; it stands in the directory and in what the server knows', async t => {
  const box = await setUp(t)
  await box.keep(1)
  for (const method of ['PUT', 'POST', 'PATCH'])
    t.match(await box.ask(HISTORY, { method, body: '<x/>' }), { status: 405, headers: { allow: 'GET, HEAD, DELETE' } })
  t.match(await box.ask(`${ENTRY}[1]/subject`, { method: 'DELETE' }), { status: 405, headers: { allow: 'GET, HEAD' } })
  const { etag } = (await box.ask(HISTORY)).headers
  const directory = await box.ask('org.openmobilealliance.xcap-directory/users/sip:bob@example.org/directory.xml')
  t.match(directory.text, `<entry uri="${ROOT}${HISTORY}" etag=${etag}/>`)
  t.match((await box.ask('xcap-caps/global/index')).text, '<auid>org.openmobilealliance.conv-history</auid>')
})

t.test('where history is switched off, there is none', async t => {
  const box = await serveXcap(t.testdir(), {})
  t.teardown(box.close)
  t.equal((await box.ask(HISTORY)).status, 404)
  t.equal((await box.ask(HISTORY, { method: 'DELETE' })).status, 404)
  t.notMatch((await box.ask('xcap-caps/global/index')).text, 'conv-history')
})

const COUNT = 1_000_000

/** A history of a million that is nowhere in memory, with a count of how much of it was asked for. */
function longHistory() {
  const seen = { rows: 0, erased: 0 }
  const entry = (number: number): HistoryEntry => ({
    ...messageKept(number).item,
    reference: `sip:${number}@edge1.example.org`,
    role: 'receiver',
    peer: ALICE_AOR,
    size: 100,
    count: 1,
    state: 'whole',
  })
  const replies: { [V in Verb]?: (asked: never) => Verbs[V]['reply'] } = {
    'account.get': () => accountWithPassword(BOB_AOR, 'bob-secret', DOMAIN, 'store'),
    'history.summary': () => ({ items: COUNT - seen.erased, bytes: 1, version: `v${seen.erased}` }),
    'history.list': ({ after = '0', limit }: Verbs['history.list']['request']) => {
      seen.rows += limit
      const from = Number(after)
      const entries = Array.from({ length: limit }, (_, at) => entry(from + at))
      return { entries, next: `${from + limit}` }
    },
    'history.erase': ({ limit }: Verbs['history.erase']['request']) => {
      seen.erased += limit
      return { removed: limit, isDone: seen.erased >= COUNT }
    },
  }
  const ask = async (verb: Verb, asked: unknown) => ({ value: replies[verb]!(asked as never) })
  return { seen, store: { ask: ask as never } }
}

async function serveLong(t: Test) {
  const { seen, store } = longHistory()
  const now = () => ({ at: 0 as Instant, wall: STORED_AT, isWallTrusted: false })
  const parts = { store, domain: DOMAIN, algorithms: ['MD5'] as const, entropy: new SeededEntropy(1), log: silentLog }
  const app = fastify({ forceCloseConnections: true })
  app.register(xcap({ ...parts, counters: new Counters(), now, root: ROOT, historyRetentionS: 1 }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as { port: number }
  const path = XCAP_PATH + HISTORY
  const first = await fetch(`http://127.0.0.1:${port}${path}`)
  const challenge = first.headers.get('www-authenticate')!
  let count = 0
  const authorization = (method: string) => {
    const who = { username: 'bob', password: 'bob-secret', entropy: new SeededEntropy(++count), count }
    return answerChallenge(challenge, { method, uri: path, ...who })!
  }
  return { seen, port, path, authorization }
}

t.test('a history of a million goes out no faster than it is read', async t => {
  const { seen, port, path, authorization } = await serveLong(t)
  await new Promise<void>((resolve, reject) => {
    const sent = request({ port, path, headers: { authorization: authorization('GET') }, agent: false }, response => {
      response.once('readable', () => {
        t.ok(seen.rows < COUNT / 10, `${seen.rows} rows were made for nobody`)
        response.destroy()
        resolve()
      })
    })
    sent.on('error', reject)
    sent.end()
  })
})

t.test('deleting a long history goes part by part: 503 until it is gone, and each part stays gone', async t => {
  const { seen, port, path, authorization } = await serveLong(t)
  const erase = () =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: 'DELETE', headers: { authorization: authorization('DELETE') } })
  let asked = 0
  for (let status = 503; status === 503 && asked < 100; asked++) {
    const before = seen.erased
    const response = await erase()
    status = response.status
    t.ok(seen.erased > before && seen.erased - before <= 16_384)
    t.equal(response.headers.get('etag'), `"v${seen.erased}"`)
    t.equal(response.headers.get('retry-after'), status === 503 ? '1' : null)
  }
  t.ok(asked > 10 && asked < 100, `${asked}`)
  t.ok(seen.erased >= COUNT)
})

t.test(
  'RFC 9110 13.1.1: what joins a history between the look and the deletion stops one that has If-Match',
  async t => {
    const box = await setUp(t)
    await box.keep(1, 2)
    const [first] = await box.references()
    const ask = box.store.ask.bind(box.store) as (verb: string, request: object) => Promise<unknown>
    let next = 3
    Object.assign(box.store, {
      ask: async (verb: string, request: object) => {
        if (/^history\.(remove|erase)$/.test(verb) && next < 5) await box.keep(next++)
        return ask(verb, request)
      },
    })
    const remove = async (target: string) => {
      const etag = (await box.ask(HISTORY)).headers.etag!
      return (await box.ask(target, { method: 'DELETE', headers: { 'if-match': etag } })).status
    }
    t.equal(await remove(byReference(first!)), 412)
    t.equal(await remove(HISTORY), 412)
    t.equal(subjectsIn(await box.ask(HISTORY)).length, 4, 'nothing went')
    t.equal(await remove(byReference(first!)), 200)
    t.equal(await remove(HISTORY), 200)
    t.same(subjectsIn(await box.ask(HISTORY)), [])
  },
)

t.test('RFC 9110 13.1.1: what If-Match was right of goes as a whole, in however many steps', async t => {
  const box = await setUp(t)
  await box.keep(...Array.from({ length: 260 }, (_, i) => i + 1))
  const etag = (await box.ask(HISTORY)).headers.etag!
  t.equal((await box.ask(HISTORY, { method: 'DELETE', headers: { 'if-match': etag } })).status, 200)
  t.same(subjectsIn(await box.ask(HISTORY)), [])
})
