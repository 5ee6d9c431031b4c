import { statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { isPassedOver } from '../interop/program.ts'
import { FolderLock, makeDataDir } from './lock.ts'

t.test('a data folder has one holder at a time', async t => {
  const dir = t.testdir({ other: {} })
  const first = await FolderLock.take(dir)
  t.ok(first)
  t.equal(await FolderLock.take(join(dir, 'other', '..')), undefined, 'the same folder by another name')
  const other = await FolderLock.take(join(dir, 'other'))
  t.ok(other, 'another folder')
  other?.release()
  first?.release()
  const again = await FolderLock.take(dir)
  t.ok(again)
  again?.release()
})

t.test('the data folder is made for its owner alone, and a refusal says which key', async t => {
  const dir = t.testdir({ file: '' })
  makeDataDir(join(dir, 'a', 'b'))
  t.equal(statSync(join(dir, 'a', 'b')).mode & 0o777, 0o700)
  t.throws(() => makeDataDir(join(dir, 'file', 'b')), /^data_dir: cannot make or use the folder/)
  t.throws(() => makeDataDir(join(dir, 'file')), /^data_dir: cannot make or use the folder .*a file of that name/)
  t.throws(() => makeDataDir('/proc/restante/data'), /^data_dir: cannot make or use the folder/, 'and does not hang')
})

t.test('nobody who may not look into the folder keeps the box from it', async t => {
  const dir = t.testdir()
  const { dev, ino } = statSync(dir, { bigint: true })
  const stranger = createServer()
  await new Promise<void>(resolve => stranger.listen({ path: `\0restante/${dev}/${ino}` }, () => resolve()))
  t.teardown(() => stranger.close())
  const lock = await FolderLock.take(dir)
  if (isPassedOver(t, 'gcc')) return
  t.ok(lock, 'its name in the abstract namespace may be taken by anybody')
  lock?.release()
})
