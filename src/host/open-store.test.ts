import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { mapBytesOf } from './open-store.ts'

const GIB = 2 ** 30

/** What a process that may address so much has as the store's size. */
function mapBytesWithin(addressable: number, folder: string): number {
  const script = `import { mapBytesOf } from ${JSON.stringify(join(import.meta.dirname, 'open-store.ts'))}
console.log(mapBytesOf(${JSON.stringify(folder)}))`
  const args = [`--as=${addressable}`, process.execPath, '--input-type=module-typescript', '-e', script]
  return Number(execFileSync('prlimit', args, { env: { PATH: process.env.PATH }, encoding: 'utf8' }))
}

t.test('the map of the store: whole GiB, as large as the file system, within what can be mapped anywhere', async t => {
  const bytes = mapBytesOf(t.testdir({}))
  t.equal(bytes % GIB, 0)
  t.ok(bytes >= GIB && bytes <= 1024 * GIB, `${bytes / GIB} GiB`)
})

t.test('where the system tells no limit, as in a container without /proc, there is none', async t => {
  const folder = t.testdir({})
  t.ok(mapBytesOf(folder, '/proc/none') >= mapBytesOf(folder))
})

t.test('a process that may address little maps half of that, where LMDB would end it', async t => {
  if (spawnSync('prlimit', ['--version']).error) return t.pass('prlimit: not installed, so this is passed over')
  const folder = t.testdir({})
  const bytes = mapBytesWithin(16 * GIB, folder)
  t.ok(bytes <= 8 * GIB && bytes <= mapBytesOf(folder), `${bytes / GIB} GiB`)
  t.equal(bytes, Math.min(8 * GIB, mapBytesOf(folder)))
})
