import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FolderLock } from '../lock.ts'
import { openStore } from '../open-store.ts'
import { lockOwner } from './lock-owner.ts'
import { mendedConfig } from './mended-config.ts'
import { ReducedStore } from './reduced-store.ts'

const setUp = () => {
  const dir = t.testdir({ 'restante.toml': 'domain = "example.org"\n', data: {} })
  const { config } = mendedConfig(join(dir, 'restante.toml'))
  const dataDir = join(dir, 'data')
  const store = new ReducedStore(dataDir, config, openStore)
  t.teardown(() => store.close())
  return { dataDir, config, store }
}

t.test('the store is opened while it is asked, and then whoever starts the service finds it free', async t => {
  const { dataDir, store } = setUp()
  t.match(await store.need('status', {}), { waiting: 0 })
  t.match(await store.need('mailboxes', { limit: 10 }), [])
  t.equal(lockOwner(dataDir)?.pid, process.pid, 'held for a moment, as the next question comes')
  await store.close()
  t.equal(lockOwner(dataDir), undefined)
  t.match(await store.need('status', {}), { waiting: 0 }, 'and opened again')
})

t.test('while another process works on the folder it says which, and touches nothing', async t => {
  const { dataDir, store } = setUp()
  const lock = await FolderLock.take(dataDir)
  t.teardown(() => lock?.release())
  t.match(lockOwner(dataDir), { pid: process.pid })
  await t.rejects(store.need('status', {}), { message: new RegExp(`in use by process ${process.pid}, which is `) })
  t.notOk(existsSync(join(dataDir, 'mailbox')))
  lock?.release()
  t.match(await store.need('status', {}), { waiting: 0 }, 'once it is free')
})

t.test('a folder that is not there is not made', async t => {
  const { dataDir, config } = setUp()
  const store = new ReducedStore(join(dataDir, 'none'), config, openStore)
  await t.rejects(store.need('status', {}), { message: /is not there: nothing was stored yet/ })
  t.notOk(existsSync(join(dataDir, 'none')))
  t.equal(lockOwner(join(dataDir, 'none')), undefined)
})

t.test('a store that cannot be opened is told, and leaves no lock', async t => {
  const { dataDir, config } = setUp()
  const broken = new ReducedStore(dataDir, config, async () => {
    throw new Error('it is damaged')
  })
  await t.rejects(broken.need('status', {}), { message: 'it is damaged' })
  t.equal(lockOwner(dataDir), undefined)
})
