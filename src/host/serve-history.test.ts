import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { EchoEngine } from '../testing/echo-engine.ts'
import { messageKept } from '../testing/history-items.ts'
import { HostStore } from '../testing/host-store.ts'
import { accountPut, BOB_AOR } from '../testing/store-fixtures.ts'
import { SystemEntropy } from './entropy.ts'
import { Box } from './serve.ts'

t.test('a box serves history and jobs to its administrator; their results do not outlive it', async t => {
  const dir = t.testdir({})
  mkdirSync(join(dir, 'jobs'))
  writeFileSync(join(dir, 'jobs', 'left over'), 'what somebody said')
  const text = `domain = "example.org"\ndata_dir = "${dir}"\n[listen]\nsip_udp = "127.0.0.1:0"\nsip_tcp = ""\nmsrp_tcp = ""\nhttp = "127.0.0.1:0"\n[deferral]\nreserve_bytes = 0\n`
  const loaded = loadConfig(text, 'test.toml')
  if ('errors' in loaded) throw new Error(loaded.errors.join())
  const store = new HostStore()
  store.model.execute(accountPut(BOB_AOR))
  const engine = new EchoEngine()
  const box = await Box.start({
    config: loaded.config,
    log: silentLog,
    entropy: new SystemEntropy(),
    makeEngine: async () => engine,
    openStore: async () => store,
  })
  t.teardown(() => box.stop())
  t.notOk(existsSync(join(dir, 'jobs')), 'emptied at the start')
  store.model.execute(messageKept(1))
  const { password } = box.credentials[0]!
  const authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
  const call = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${box.http[0]!.port}/api/v1/${path}`, { method, headers: { authorization } })
  t.match(await (await call('users/bob/history')).json(), { items: [{ subject: 'subject 1' }] })
  const { id } = (await (await call('users/bob/history/export', 'POST')).json()) as { id: string }
  const job = async () => (await (await call(`jobs/${id}`)).json()) as { state: string }
  while ((await job()).state === 'running');
  t.match(await job(), { state: 'done', done: 1 })
  t.match(await (await call(`jobs/${id}/result`)).text(), /^From alice@example\.org /)
  t.match(readFileSync(join(dir, 'jobs', id), 'latin1'), /^From /)
  for (const path of ['jobs', 'users/bob/history'])
    t.equal((await fetch(`http://127.0.0.1:${box.http[0]!.port}/api/v1/${path}`)).status, 401, path)
  await box.stop()
  t.notOk(readdirSync(dir).includes('jobs'))
})
