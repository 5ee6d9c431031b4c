import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { HostStore } from '../testing/host-store.ts'
import { run } from './program.ts'

const ALICE = 'sip:alice@example.org'

/** `settings ...` over a store with alice in it. */
function setUp(toml = '') {
  const dir = t.testdir({ data: {} })
  const file = join(dir, 'restante.toml')
  writeFileSync(file, `domain = "example.org"\ndata_dir = "${join(dir, 'data')}"\n${toml}`)
  const store = new HostStore()
  store.model.execute({ verb: 'account.put', account: { aor: ALICE, origin: 'store' } })
  const settings = async (line: string) => {
    const told = { out: '', err: '' }
    const code = await run(['settings', ...line.split(' '), '--config', file], {
      makeEngine: async () => new EchoEngine(),
      openStore: async () => store,
      stdin: Readable.from(['']),
      out: text => {
        told.out += text
      },
      err: text => {
        told.err += text
      },
    })
    return { code, ...told }
  }
  return { store, settings }
}

t.test('settings shows what counts and what is stored', async t => {
  const { settings } = setUp()
  const { code, out } = await settings('alice')
  t.equal(code, 0)
  t.match(out, /^sip:alice@example\.org\n/)
  t.match(out, /^offline delivery +on +-$/m)
  t.match((await setUp('[delivery]\nactive_default = false\n').settings('alice')).out, /^offline delivery +off +-$/m)
})

t.test('settings --offline-delivery on, off and default', async t => {
  const { settings, store } = setUp()
  const push = () => store.model.execute({ verb: 'locate', aor: ALICE }).offlineDelivery
  t.match((await settings('alice --offline-delivery off')).out, /^offline delivery +off +off$/m)
  t.equal(push(), false)
  t.match((await settings('alice --offline-delivery on')).out, /^offline delivery +on +on$/m)
  t.equal(push(), true)
  t.match((await settings('alice --offline-delivery default')).out, /^offline delivery +on +-$/m)
  t.equal(push(), undefined)
})

t.test('settings --pager-history and --session-history', async t => {
  const { settings, store } = setUp()
  t.match((await settings('alice')).out, /^history of sessions +off +-\nhistory of messages +off +-$/m)
  t.match((await settings('alice --pager-history on --session-history off')).out, /^history of messages +on +on$/m)
  t.match(store.model.execute({ verb: 'locate', aor: ALICE }), { pagerHistory: true, sessionHistory: false })
  t.match(
    (await settings('alice --pager-history default')).out,
    /^history of sessions +off +off\nhistory of messages +off +-$/m,
  )
  t.match((await setUp('[history]\nactive_default = true\n').settings('alice')).out, /^history of messages +on +-$/m)
})

t.test('settings --json tells what devices published, and which of it counts', async t => {
  const { settings, store } = setUp()
  const modifiedAt = Date.UTC(2030, 0, 1) as WallTime
  const published = {
    chosen: { offlineDelivery: false },
    document: Buffer.alloc(0),
    modifiedAt,
    revision: 1,
    etag: 'secret',
    publisher: ALICE,
    contentType: 'text/xml',
    expiresAt: (modifiedAt + 1000) as WallTime,
  }
  store.model.execute({ verb: 'settings.put', aor: ALICE, version: 0, settings: { published: [published] } })
  const before = JSON.parse((await settings('alice --json')).out)
  t.match(before, {
    effective: { offline_delivery: false },
    published: [{ counts: true, expires: '2030-01-01T00:00:01.000Z' }],
  })
  t.notMatch(JSON.stringify(before), 'secret')
  const after = JSON.parse((await settings('alice --offline-delivery on --json')).out)
  t.match(after, { effective: { offline_delivery: true }, published: [{ counts: false }] })
  t.match((await settings('alice')).out, /sip:alice@example\.org +off +2030-.* +no: something was stored later/)
})

t.test('settings: who is not there, and what is no value', async t => {
  const { settings } = setUp()
  t.match(await settings('nobody'), { code: 1, err: /There is no account sip:nobody@example\.org/ })
  t.match(await settings('nobody --offline-delivery off'), { code: 1, err: /There is no account/ })
  t.match(await settings('alice --offline-delivery maybe'), { code: 2, err: /Allowed choices are on, off, default/ })
})
