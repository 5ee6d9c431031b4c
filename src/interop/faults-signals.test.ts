import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LargeCall } from '../testing/large-call.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { LargeContent } from './large-content.ts'
import { RealPhone } from './real-phone.ts'
import { until } from './until.ts'

t.setTimeout(240_000)

const STOP_MS_MAX = 5000
const SIGNALS = ['SIGTERM', 'SIGKILL'] as const
const USERS = ['alice', 'bob', 'carol']
const MIB = 1024 * 1024

/** Each begins something on a box that serves and says when it is under way; the signal comes then, and again. */
const works: Record<string, (busy: Busy) => Promise<unknown>> = {
  'a push': async ({ alice, bob, t, box }) => {
    bob.phone.behaviour.message = () => 480
    t.equal(await bob.register(), 200)
    for (let i = 0; i < 20; i++)
      t.equal((await alice.message({ to: `sip:bob@${DOMAIN}`, body: `push ${i}` })).status, 202)
    const asked = bob.inbox.arrived.length
    bob.phone.behaviour.message = () => 'silence'
    await until('it is pushed', 15_000, () => bob.inbox.arrived.length > asked)
    t.ok(box.isRunning)
  },
  'a backup': async ({ call }) => {
    const response = await call('POST', '/backup', { passphrase: 'a passphrase that is long' })
    if (response.status >= 300) throw new Error(`${response.status} ${await response.text()}`)
  },
  'a history that is written out': async ({ call }) => {
    const response = await call('POST', '/users/bob/history/export', {})
    if (response.status >= 300) throw new Error(`${response.status} ${await response.text()}`)
  },
  'the self-test that a start begins with': async ({ t, box }) => t.ok(box.isRunning),
  'a change of the configuration': async ({ call, box }) => {
    const { version } = (await (await call('GET', '/config')).json()) as { version: string }
    const changes = { 'deferral.quota_messages': 7 }
    // Its answer may be cut off with the box.
    call('POST', '/config/apply', { changes, confirm_s: 60, version }).catch(() => {})
    await until('it is on trial', 15_000, () => existsSync(`${box.file}.unconfirmed`))
  },
}

interface Busy {
  readonly t: Test
  readonly box: BoxProcess
  readonly alice: RealPhone
  readonly bob: RealPhone
  readonly call: (method: string, path: string, body?: object) => Promise<Response>
}

t.test(
  'SIGTERM or SIGKILL in the middle of work: exit 0 within 5 s, if it may end, and the next start is fine',
  async t => {
    const box = await BoxProcess.start(t.testdir({}), {
      users: USERS,
      toml: '[delivery]\nretry_min_s = 1\nretry_max_s = 1\n[history]\nactive_default = true',
    })
    t.teardown(() => box.discard())
    const [, password] = /^ +admin +(\S+)$/m.exec(box.out)!
    const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
    const call = (method: string, path: string, body?: object) =>
      fetch(`http://127.0.0.1:${box.httpPort}/api/v1${path}`, {
        method,
        ...(body && { body: JSON.stringify(body) }),
        headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      })
    const each = Object.entries(works).flatMap(([name, begin]) =>
      SIGNALS.map(signal => ({ name: `${signal}: ${name}`, begin, signal })),
    )
    for (const { name, begin, signal } of each) {
      const alice = await phone(t, box, 'alice')
      const bob = await phone(t, box, 'bob')
      await begin({ t, box, alice, bob, call })
      box.signal(signal)
      // Impatient people, and service managers.
      box.signal(signal)
      const ended = await box.stop()
      if (signal === 'SIGTERM') {
        t.match(ended, { code: 0, signal: null }, name)
        t.ok(ended.ms < STOP_MS_MAX, `${name}: ${Math.round(ended.ms)} ms`)
      }
      t.notMatch(box.err, /internal error|took too long/, name)
      t.notOk(existsSync(`${box.file}.unconfirmed.new`))
      await Promise.all([alice.close(), bob.close()])
      await box.start()
      t.equal((await box.health()).code, 200, `${name}: the next start is fine`)
      t.notOk(existsSync(`${box.file}.unconfirmed`), `${name}: nothing is on trial`)
      await until(`${name}: nothing is left of jobs`, 5000, () => jobs(box).length === 0)
    }
    t.match(await box.stop(), { code: 0 })
  },
)

t.test('SIGTERM at any moment of a start, the very first one too: exit 0, and the next start is fine', async t => {
  const box = await BoxProcess.make(t.testdir({}), { users: USERS })
  t.teardown(() => box.discard())
  for (const afterMs of [0, 200, 500, 1000]) {
    const run = box.run()
    await new Promise(resolve => setTimeout(resolve, afterMs))
    box.signal('SIGTERM')
    const { code, signal } = await run
    // Before Node listens to signals it ends by one, and nothing was begun.
    const isFine = code === 0 || (signal === 'SIGTERM' && box.err === '')
    t.ok(isFine, `after ${afterMs} ms: ${code} ${signal} ${box.err.slice(-300)}`)
  }
  await box.start()
  t.equal((await box.health()).code, 200)
  t.match(await box.stop(), { code: 0 })
})

t.test('SIGTERM during a large upload: exit 0, and nothing of it is kept', async t => {
  const box = await BoxProcess.start(t.testdir({}), { users: USERS })
  t.teardown(() => box.discard())
  const alice = await phone(t, box, 'alice')
  const content = new LargeContent(100 * MIB, 'large')
  const upload = alice.act(now => new LargeCall(alice.phone, now, { to: `sip:bob@${DOMAIN}` }))!
  await until('an answer to the INVITE', 15_000, () => upload.status)
  alice.act(now => upload.send(now, content, 'application/zip'))
  await until('some of it', 30_000, () => content.readUpTo > 5 * MIB)
  const ended = await box.stop()
  t.match(ended, { code: 0, signal: null })
  t.ok(ended.ms < STOP_MS_MAX)
  await box.start()
  t.equal(await box.metric('restante_messages_waiting'), 0)
})

async function phone(t: Test, box: BoxProcess, user: string): Promise<RealPhone> {
  const opened = await RealPhone.open({ user, transport: 'tcp', boxPort: box.sipPort })
  t.teardown(() => opened.close())
  return opened
}

const jobs = (box: BoxProcess): string[] => {
  const folder = join(box.dataDir, 'jobs')
  return existsSync(folder) ? readdirSync(folder) : []
}

t.test('SIGUSR1 opens no debugger, through which everybody on the machine would be in the box', async t => {
  const box = await BoxProcess.start(t.testdir({}), { users: [] })
  t.teardown(() => box.discard())
  box.signal('SIGUSR1')
  t.equal((await box.health()).code, 200)
  t.equal((await box.stop()).code, 0)
  t.notMatch(box.err, /debugger/i)
})
