import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { configSchema } from '../base/config-schema.ts'
import { configurationIn, FILE_TEXT } from './configuration.fixture.ts'
import { restoreUnconfirmed } from './trial-file.ts'

const textOf = (file: string) => readFileSync(file, 'utf8')
const markerOf = (file: string) => `${file}.unconfirmed`

t.test('a change is written, tried, and stays once it is confirmed', async t => {
  const { configuration, clock, restarts, apply, file, logged } = configurationIn(t.testdir())
  const before = configuration.view()
  t.equal(apply({ 'deferral.quota_messages': 5 }), 'applying')
  t.match(configuration.view(), { isStarting: true, pending: { who: 'ann', leftS: 120 } })
  t.match(textOf(file), /# of the site[\s\S]*quota_messages = 5/)
  t.equal(textOf(markerOf(file)), FILE_TEXT, 'what stood before lies beside it')
  t.equal(restarts.length, 0, 'the answer goes out first')
  t.equal(configuration.confirm('ann'), 'starting', 'nobody can know yet whether they can come back')
  await clock.pass(1000)
  t.equal(restarts[0]!.config.deferral.quota_messages, 5)
  t.equal(configuration.view().running.deferral.quota_messages, 1000, 'until the box serves with it')
  t.equal(configuration.confirm('ann'), 'starting')
  await restarts[0]!.serves()
  t.match(configuration.view(), {
    running: { deferral: { quota_messages: 5 } },
    isStarting: false,
    pending: { leftS: 119 },
  })
  t.equal(configuration.confirm('bea'), 'kept')
  t.notOk(existsSync(markerOf(file)))
  t.equal(configuration.confirm('ann'), 'nothing')
  t.notOk(configuration.revert('ann'))
  await clock.pass(1_000_000)
  t.equal(restarts.length, 1)
  t.not(configuration.view().version, before.version)
  t.equal(clock.waiting, 0, 'no timer is left')
  t.match(
    logged.join(),
    /configuration changed","by":"ann","keys":"deferral.quota_messages"[\s\S]*confirmed","by":"bea"/,
  )
})

t.test('what nobody confirms goes back after its time, to the octet, and says why', async t => {
  const { configuration, clock, restarts, apply, file } = configurationIn(t.testdir())
  apply({ 'deferral.quota_messages': 5 })
  await clock.pass(300)
  await restarts[0]!.serves()
  await clock.pass(119_699)
  t.equal(configuration.view().pending?.leftS, 1)
  t.equal(restarts.length, 1)
  await clock.pass(1)
  t.equal(configuration.view().pending, undefined)
  t.equal(textOf(file), FILE_TEXT)
  t.notOk(existsSync(markerOf(file)))
  await clock.pass(300)
  t.equal(restarts[1]!.config.deferral.quota_messages, 1000)
  t.equal(apply({ 'deferral.quota_messages': 6 }), 'pending', 'while the box goes back nothing else begins')
  await restarts[1]!.serves()
  t.equal(configuration.view().lastFailure, 'nobody confirmed it in time')
  configuration.forgetFailure()
  t.equal(configuration.view().lastFailure, undefined)
  t.equal(clock.waiting, 0)
})

t.test('taken back at once: a box that was not stopped yet is not stopped at all', async t => {
  const { configuration, clock, restarts, apply, file } = configurationIn(t.testdir())
  apply({ 'deferral.quota_messages': 5 })
  await clock.pass(100)
  t.ok(configuration.revert('bea'))
  await clock.pass(10_000)
  t.equal(restarts.length, 0)
  t.equal(textOf(file), FILE_TEXT)
  t.equal(configuration.view().lastFailure, undefined, 'who took it back knows')
  t.equal(apply({ 'deferral.quota_messages': 6 }), 'applying', 'and it goes on')
})

t.test('taken back while the box starts: it goes back when it has', async t => {
  const { configuration, clock, restarts, apply } = configurationIn(t.testdir())
  apply({ 'deferral.quota_messages': 5 })
  await clock.pass(300)
  configuration.revert('bea')
  await clock.pass(1000)
  t.equal(restarts.length, 1, 'one at a time')
  await restarts[0]!.serves()
  t.equal(restarts[1]!.config.deferral.quota_messages, 1000)
  await restarts[1]!.serves()
  t.equal(configuration.view().running.deferral.quota_messages, 1000)
  t.equal(restarts.length, 2)
})

t.test(
  'taken back while the box starts and fails: what it says of the change that is gone matters to nobody',
  async t => {
    const { configuration, clock, restarts, apply } = configurationIn(t.testdir())
    apply({ 'deferral.quota_messages': 5 })
    await clock.pass(300)
    configuration.revert('bea')
    await restarts[0]!.fails('listen.http: taken')
    t.equal(restarts.length, 1, 'it serves as before already')
    t.match(configuration.view(), { lastFailure: undefined, running: { deferral: { quota_messages: 1000 } } })
    t.equal(apply({ 'deferral.quota_messages': 6 }), 'applying')
  },
)

t.test('a start that fails goes back to the file before and says why', async t => {
  for (const confirmS of [120, 0]) {
    const { configuration, clock, restarts, apply, file } = configurationIn(t.testdir())
    apply({ 'listen.http': '127.0.0.1:1' }, confirmS)
    t.equal(existsSync(markerOf(file)), confirmS > 0)
    await clock.pass(300)
    await restarts[0]!.fails('listen.http: cannot listen')
    t.match(configuration.view(), { lastFailure: 'listen.http: cannot listen', pending: undefined })
    t.equal(textOf(file), FILE_TEXT)
    t.notOk(existsSync(markerOf(file)))
    await clock.pass(1_000_000)
    t.equal(restarts.length, 1, 'the box serves as before')
    t.equal(apply({ 'deferral.quota_messages': 5 }), 'applying')
    t.equal(configuration.view().lastFailure, undefined, 'until the next one')
  }
})

t.test('a box that cannot go back says so, and tries again until it can', async t => {
  const { configuration, clock, restarts, apply, logged } = configurationIn(t.testdir())
  apply({ 'listen.http': '127.0.0.1:1' }, 10)
  await clock.pass(300)
  await restarts[0]!.serves()
  await clock.pass(10_300)
  await restarts[1]!.fails('listen.http: taken by somebody else')
  t.match(configuration.view(), {
    restartNeeded: 'could not go back',
    lastFailure: 'listen.http: taken by somebody else',
    running: { listen: { http: '127.0.0.1:1' } },
  })
  t.match(logged.at(-1), /"error"/)
  await clock.pass(30_300)
  t.equal(restarts.length, 3)
  await restarts[2]!.serves()
  t.equal(configuration.view().restartNeeded, undefined)
  t.same(configuration.view().running.listen.http, ['127.0.0.1:8080', '0.0.0.0:8081'])
})

t.test('without a trial it stays, and nothing lies beside the file', async t => {
  const { configuration, clock, restarts, apply, file } = configurationIn(t.testdir())
  t.equal(apply({ 'deferral.quota_messages': 5 }, 0), 'applying')
  t.notOk(existsSync(markerOf(file)))
  t.equal(apply({ 'deferral.quota_messages': 6 }, 0), 'pending', 'before the box serves with it')
  await clock.pass(300)
  await restarts[0]!.serves()
  t.equal(configuration.confirm('ann'), 'nothing')
  t.equal(apply({ 'deferral.quota_messages': 6 }, 0), 'applying')
})

t.test('of two who change at a time the second is told', async t => {
  const { configuration, clock, restarts, apply } = configurationIn(t.testdir())
  const { version } = configuration.view()
  apply({ 'deferral.quota_messages': 5 })
  const second = () =>
    configuration.apply(new Map([['deferral.quota_messages', 7]]), { version, who: 'bea', confirmS: 1 })
  t.equal(second(), 'pending')
  await clock.pass(300)
  await restarts[0]!.serves()
  t.equal(second(), 'pending', 'still on trial')
  configuration.confirm('ann')
  t.equal(second(), 'conflict')
})

t.test('a change that changes nothing is not applied', async t => {
  const { apply, file, clock, restarts } = configurationIn(t.testdir())
  t.equal(apply({ 'deferral.quota_messages': 1000, 'web.plain_http': true }), 'nothing')
  t.equal(apply({}), 'nothing')
  t.equal(textOf(file), FILE_TEXT)
  await clock.pass(1000)
  t.equal(restarts.length, 0)
})

t.test('what a file may not say, a change may not say: told by key', async t => {
  const { check, apply, file } = configurationIn(t.testdir())
  for (const [changes, key] of [
    [{ nothing: 1 }, 'nothing'],
    [{ __proto__x: 1 }, '__proto__x'],
    [{ 'user.0': 'x' }, 'user.0'],
    [{ user: 'x' }, 'user'],
    [{ 'deferral.quota_messages': 'many' }, 'deferral.quota_messages'],
    [{ 'deferral.quota_messages': 1.5 }, 'deferral.quota_messages'],
    [{ 'listen.http': 'nowhere' }, 'listen.http'],
    [{ 'listen.sip_udp': '', 'listen.sip_tcp': '' }, 'listen'],
    [{ domain: 'a\nb = 1' }, 'domain'],
    [{ domain: undefined }, 'domain'],
    [{ data_dir: '/elsewhere' }, 'data_dir'],
    [{ domain: 'example.com' }, 'user[0].aor'],
  ] as const) {
    const found = check(changes as never)
    t.ok('errors' in found && key in found.errors, key)
    t.same(apply(changes as never), found)
  }
  t.equal(textOf(file), FILE_TEXT)
})

t.test('warnings: what may be meant and still surprises', async t => {
  const { check } = configurationIn(t.testdir())
  const warnings = (changes: Record<string, never>) => {
    const checked = check(changes)
    return 'errors' in checked ? checked : checked.warnings
  }
  for (const [changes, expected] of [
    [{ 'deferral.quota_messages': 5 }, []],
    [{ 'listen.http': '' }, ['no page']],
    [{ 'listen.http': '127.0.0.1:8080' }, ['page is local']],
    [{ 'web.plain_http': false }, ['page is local']],
    [{ 'web.plain_http': false, 'listen.https': '0.0.0.0:8443' }, ['page moves']],
    [{ 'listen.http': '0.0.0.0:8082' }, ['page moves']],
    [{ hostname: 'edge2.example.org' }, ['hostname']],
    [{ 'auth.digest': false }, ['no digest']],
    [{ 'auth.trusted_peers': ['192.0.2.10/32'] }, []],
    [{ 'auth.trusted_peers': ['192.0.2.10/32', '0.0.0.0/0'] }, ['trusts all']],
    [{ 'auth.trusted_peers': ['::/0'] }, ['trusts all']],
  ] as const)
    t.same(warnings(changes as never), expected, JSON.stringify(changes))
})

t.test('secrets: told to nobody, neither by view, differences, errors nor log', async t => {
  const { configuration, check, apply, clock, restarts, logged } = configurationIn(t.testdir())
  const checked = check({ 'xdms.password': 'canary-of-next' })
  t.match(checked, { differences: [{ key: 'xdms.password', before: '••••••', after: '••••••' }] })
  apply({ 'xdms.password': 'canary-of-next' })
  await clock.pass(300)
  await restarts[0]!.serves()
  t.equal(restarts[0]!.config.xdms.password, 'canary-of-next')
  const refused = apply({ 'xdms.password': 'canary\u0000' })
  const shown = JSON.stringify([configuration.view(), checked, refused, check({ 'xdms.user': '' }), logged])
  t.notMatch(shown, /canary|alice/)
})

t.test('a password goes to another server only with whoever knows it', async t => {
  const { check } = configurationIn(t.testdir())
  const elsewhere = { 'xdms.root': 'https://xdm.example.net/xcap/' }
  t.match(check(elsewhere), { errors: { 'xdms.password': /given again/ } })
  t.match(check({ 'xdms.root': 'http://xdm.example.org/xcap/' }), { errors: { 'xdms.password': /given again/ } })
  t.ok('differences' in check({ ...elsewhere, 'xdms.password': 'canary-of-xdms' }))
  t.ok('differences' in check({ 'xdms.root': 'https://xdm.example.org/other/' }), 'of the same server another folder')
  t.ok('differences' in check({ 'xdms.root': '' }))
  t.ok('differences' in check({ ...elsewhere, 'xdms.user': '', 'xdms.password': '' }))
})

t.test('every key is told once, with its default and its schema', async t => {
  const { configuration } = configurationIn(t.testdir())
  const { keys } = configuration.view()
  t.equal(new Set(keys.map(({ key }) => key)).size, keys.length)
  const tables = Object.values(configSchema.properties as Record<string, { properties?: object }>)
  t.equal(
    keys.length,
    tables.reduce((sum, { properties }) => sum + Object.keys(properties ?? { one: 1 }).length, 0) - 1,
  )
  t.match(
    keys.find(({ key }) => key === 'web.plain_http'),
    { value: true, fallback: false, isWritten: true },
  )
  t.match(
    keys.find(({ key }) => key === 'listen.sip_udp'),
    { value: '127.0.0.1:5060', isWritten: false },
  )
  t.same(
    keys.filter(({ isSecret }) => isSecret).map(({ key }) => key),
    ['xdms.password'],
  )
})

t.test('stopped for good during a trial: it goes back at the next start, and nothing runs on', async t => {
  const { configuration, clock, restarts, apply, file } = configurationIn(t.testdir())
  apply({ 'deferral.quota_messages': 5 })
  configuration.close()
  await clock.pass(1_000_000)
  t.equal(restarts.length, 0)
  t.equal(apply({ 'deferral.quota_messages': 6 }), 'pending')
  t.ok(restoreUnconfirmed(file))
  t.equal(textOf(file), FILE_TEXT)
})
