import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { machineFiles as filesOf } from './files.ts'

const machineFiles = filesOf({ dataDir: t.testdir({}), reserveBytes: 0 })
const never = new AbortController().signal

t.test('a result is copied whole, for its owner alone, and over nothing that is there', async t => {
  const dir = t.testdir({ made: 'x'.repeat(200_000), there: 'keep me' })
  const result = { path: join(dir, 'made'), bytes: 200_000, fileName: 'a.tar', contentType: 'x/y' }
  t.same(await machineFiles.save(result, join(dir, 'copy'), never), { bytes: 200_000 })
  t.equal(readFileSync(join(dir, 'copy'), 'utf8'), 'x'.repeat(200_000))
  t.equal(statSync(join(dir, 'copy')).mode & 0o777, 0o600)
  t.match(await machineFiles.save(result, join(dir, 'there'), never), { why: /there: there is a file of that name/ })
  t.equal(readFileSync(join(dir, 'there'), 'utf8'), 'keep me')
  t.match(await machineFiles.save(result, join(dir, 'none', 'copy'), never), { why: /no such file or folder/ })
  t.match(await machineFiles.save(result, join(dir, 'stopped'), AbortSignal.abort()), { why: /nothing was written/ })
  t.equal(statSync(join(dir, 'stopped'), { throwIfNoEntry: false }), undefined)
})

t.test('a file is read in pieces; what is no file, or not there, is told', async t => {
  const dir = t.testdir({ backup: 'y'.repeat(150_000) })
  const opened = await machineFiles.open(join(dir, 'backup'), never)
  if ('why' in opened) return t.fail(opened.why)
  t.equal(opened.bytes, 150_000)
  const pieces: Buffer[] = []
  for await (const piece of opened.pieces) pieces.push(piece)
  t.ok(pieces.length > 1)
  t.equal(Buffer.concat(pieces).toString(), 'y'.repeat(150_000))
  t.match(await machineFiles.open(dir, never), { why: /is no file/ })
  t.match(await machineFiles.open(join(dir, 'none'), never), { why: /no such file/ })
  t.match(await machineFiles.open('/dev/zero', never), { why: /is no file/ })
  t.match(await machineFiles.open('/proc/self/stat', never), { why: /is empty/ }, 'of these some never end')
})

t.test('a place for a file is looked at before anything is made', async t => {
  const dir = t.testdir({ there: 'keep me', data: {} })
  t.same(await machineFiles.place(join(dir, 'x', '..', 'new'), 1000), { path: join(dir, 'new') })
  t.match(await machineFiles.place('box.age', 0), { why: /no whole path/ })
  t.match(await machineFiles.place(join(dir, 'there'), 0), { why: /is there already/ })
  t.match(await machineFiles.place(join(dir, 'none', 'new'), 0), { why: /no such file or folder/ })
  t.match(await machineFiles.place(join(dir, 'there', 'new'), 0), { why: /there is no folder/ })
  t.match(await machineFiles.place(join(dir, 'new'), 2 ** 60), { why: /has room for .* at least are wanted/ })
  const reserving = filesOf({ dataDir: join(dir, 'data'), reserveBytes: 2 ** 60 })
  t.match(await reserving.place(join(dir, 'new'), 1), { why: /has room for 0 B/ }, 'its own flash')
  const result = { path: join(dir, 'there'), bytes: 7, fileName: 'a.tar', contentType: 'x/y' }
  t.match(await reserving.save(result, join(dir, 'new'), never), { why: /7 B are wanted/ })
})

t.test('nothing is made in the folder of the box, where a name may mean a factory reset', async t => {
  const dir = t.testdir({ data: { mailbox: {} }, database: {}, link: t.fixture('symlink', 'data') })
  const own = filesOf({ dataDir: join(dir, 'data'), reserveBytes: 0 })
  for (const path of ['data/factory-reset', 'data/mailbox/held', 'link/box.age', 'link/mailbox/box.age'])
    t.match(await own.place(join(dir, path), 0), { why: /belongs to the box/ }, path)
  for (const path of ['database/box.age', 'box.age'])
    t.same(await own.place(join(dir, path), 0), { path: join(dir, path) })
})
