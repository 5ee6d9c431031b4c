import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { BoxProcess } from './box.ts'
import { disordered, invented, missing, repetitions } from './ledger.ts'
import { Load } from './load.ts'
import { freePort } from './ports.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

/** The configuration of a real box, changed over its API, with clients and messages under way. */

t.setTimeout(240_000)

const STOP_MS_MAX = 5000
const CHANGES = 6

interface View {
  readonly version: string
  readonly is_starting: boolean
  readonly pending: { readonly left_s: number } | null
  readonly last_failure: string | null
  readonly keys: readonly { readonly key: string; readonly value?: unknown }[]
}

async function start(t: Test) {
  const box = await BoxProcess.start(t.testdir({}), {
    users: ['alice', 'bob', 'carol'],
    toml: '[deferral]\nquota_messages = 100000\n[delivery]\nretry_min_s = 1',
  })
  t.teardown(() => box.discard())
  const [, password] = /^ +admin +(\S+)$/m.exec(box.out)!
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
  const at = { port: box.httpPort }
  const call = (path: string, body?: object) =>
    fetch(`http://127.0.0.1:${at.port}/api/v1/config${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization, connection: 'close', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
  const view = async () => (await (await call('')).json()) as View
  const apply = async (changes: object, confirm_s = 60) =>
    (await call('/apply', { changes, confirm_s, version: (await view()).version })).status
  /** The box is down for a moment: asked until it says so. */
  const served = () =>
    until('the box serves with the change', 20_000, async () => {
      const seen = await view().catch(() => undefined)
      return seen?.is_starting === false ? seen : undefined
    })
  return { box, at, call, view, apply, served }
}

t.test('changes under load: kept, taken back and gone back, nothing accepted is lost or comes twice', async t => {
  const { box, call, apply, served } = await start(t)
  const senders: RealPhone[] = []
  for (const [user, transport] of [
    ['alice', 'udp'],
    ['carol', 'tcp'],
  ] as const)
    senders.push(await RealPhone.open({ user, transport, boxPort: box.sipPort }))
  const bob = await RealPhone.open({ user: 'bob', transport: 'tcp', boxPort: box.sipPort })
  t.teardown(() => Promise.all([...senders, bob].map(each => each.close())))
  const load = new Load(senders, ['bob'], new SeededEntropy(process.env.SEED ?? 1))
  t.teardown(() => load.stop())
  load.start()
  for (let i = 0; i < CHANGES; i++) {
    const before = load.accepted.length
    load.allow(500)
    if (i === CHANGES / 2) t.equal(await bob.register({ isInstantMessaging: true }), 200)
    await until('some are accepted', 20_000, () => load.accepted.length > before + 50)
    t.equal(await apply({ 'deferral.sender_share_percent': 81 + i }, i % 3 === 2 ? 2 : 60), 202)
    t.ok((await served()).pending)
    if (i % 3 === 0) t.equal((await call('/confirm', {})).status, 200)
    else if (i % 3 === 1) t.equal((await call('/revert', {})).status, 202)
    await until('nothing is on trial', 20_000, async () => {
      const seen = await served()
      return seen.pending === null
    })
  }
  load.allow(0)
  await until('an answer to everything', 45_000, () => load.unanswered === 0)
  t.equal(await bob.register({ isInstantMessaging: true }), 200)
  const books = () => ({ written: load.written, taken: new Map([['bob', bob.inbox.taken]]), kills: [] })
  await until('all of it', 30_000, () => missing(books()).length === 0).catch(error => t.comment(`${error}`))
  t.comment(`${load.written.length} written, ${load.accepted.length} accepted, ${bob.inbox.taken.length} taken`)
  t.same(missing(books()), [])
  t.same(invented(books()), [])
  t.same(disordered(books()), [])
  t.same(repetitions(books()), [], 'a restart within the process repeats nothing')
})

t.test(
  'killed with -9 on trial: the next start has what was before; after a confirmation what was confirmed',
  async t => {
    const { box, call, view, apply, served } = await start(t)
    const quota = async () => (await view()).keys.find(({ key }) => key === 'deferral.quota_messages')?.value
    const before = readFileSync(box.file, 'utf8')
    for (const whileStarting of [true, false]) {
      t.equal(await apply({ 'deferral.quota_messages': 7 }), 202)
      if (!whileStarting) await served()
      await box.kill()
      t.match(readFileSync(box.file, 'utf8'), 'quota_messages = 7')
      await box.start()
      t.equal(readFileSync(box.file, 'utf8'), before)
      t.equal(await quota(), 100_000)
      t.match(box.err, /never confirmed: what stood before stands again/)
    }
    t.equal(await apply({ 'deferral.quota_messages': 8 }), 202)
    await served()
    t.equal((await call('/confirm', {})).status, 200)
    await box.kill()
    await box.start()
    t.equal(await quota(), 8)
    t.notOk(existsSync(`${box.file}.unconfirmed`))
  },
)

t.test('SIGTERM at any moment of a change: exit 0 within 5 s, and the next start has what was before', async t => {
  const { box, view, apply } = await start(t)
  const before = readFileSync(box.file, 'utf8')
  for (const waitMs of [0, 310, 400, 700]) {
    t.equal(await apply({ 'deferral.quota_messages': 7 }), 202)
    const end = performance.now() + waitMs
    await until('a moment within the change', 5000, () => performance.now() >= end)
    const ended = await box.stop()
    t.match(ended, { code: 0, signal: null }, box.err)
    t.ok(ended.ms < STOP_MS_MAX, `stopped within ${Math.round(ended.ms)} ms`)
    await box.start()
    t.equal(readFileSync(box.file, 'utf8'), before)
    t.equal((await view()).pending, null)
  }
})

t.test(
  'the page moves, and is kept from its new place; a port that is taken takes the change back and says why',
  async t => {
    const { box, at, call, view, apply, served } = await start(t)
    const port = await freePort()
    t.equal(await apply({ 'listen.http': `127.0.0.1:${port}` }), 202)
    at.port = port
    t.ok((await served()).pending)
    await t.rejects(fetch(`http://127.0.0.1:${box.httpPort}/healthz`), 'nobody is there any more')
    t.equal((await call('/confirm', {})).status, 200)
    const holder = createServer()
    await new Promise<void>(resolve => holder.listen(0, '127.0.0.1', resolve))
    t.teardown(() => holder.close())
    const taken = (holder.address() as { port: number }).port
    t.equal(await apply({ 'listen.msrp_tcp': `127.0.0.1:${taken}` }), 202)
    const { last_failure } = await until('it went back', 20_000, async () => {
      const seen = await served()
      return seen.last_failure === null ? undefined : seen
    })
    t.match(last_failure, new RegExp(`listen\\.msrp_tcp: cannot listen on TCP 127\\.0\\.0\\.1:${taken}`))
    t.equal((await view()).pending, null)
    t.match(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json(), { status: 'ok' })
    t.notMatch(readFileSync(box.file, 'utf8'), `:${taken}`)
  },
)
