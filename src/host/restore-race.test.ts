import { createWriteStream, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import type { Instant, WallTime } from '../base/time.ts'
import { Access } from './access.ts'
import { locked } from './age-file.ts'
import { TAR_END } from './backup-format.ts'
import { readBackup } from './backup-read.ts'
import { Backups } from './backups.ts'
import { configurationIn } from './configuration.fixture.ts'
import { SystemEntropy } from './entropy.ts'
import { Jobs } from './jobs.ts'
import { openStore } from './open-store.ts'
import { OutsideStore } from './outside-store.ts'
import { swapIn, unpackedIn } from './restore-swap.ts'
import { Restoring } from './restoring.ts'

t.test('from the word to restore on, nobody takes away or unpacks over what is restored', async t => {
  const dir = t.testdir({ data: { mailbox: { 'data.mdb': 'old' } } })
  const dataDir = join(dir, 'data')
  const { configuration } = configurationIn(dir)
  const now = () => ({ at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true })
  const common = { entropy: new SystemEntropy(), log: silentLog, now }
  const replaced = Promise.withResolvers<void>()
  const [asked, access] = [Promise.withResolvers<void>(), new Access(common)]
  const replace = () => {
    asked.resolve()
    return replaced.promise
  }
  const restoring = new Restoring({
    target: join(dir, 'restante.toml'),
    configuration,
    access,
    log: silentLog,
    replace,
  })
  const jobs = new Jobs({ dir: join(dir, 'jobs'), reserveBytes: 0, ...common })
  t.teardown(() => jobs.close())
  const config = configuration.serving
  const store = new OutsideStore({ submit: () => {} })
  const backups = new Backups({
    ...common,
    config,
    dataDir,
    store,
    snapshot: () => undefined,
    openStore,
    jobs,
    restoring,
  })
  const unpacked = join(unpackedIn(dataDir), 'mailbox/data.mdb')
  mkdirSync(join(unpacked, '..'), { recursive: true })
  writeFileSync(unpacked, 'new')
  const upload = await backups.upload(undefined)
  await upload.end()

  t.ok(restoring.begin(dataDir, { view: { hostname: '', domain: '', missing: [], warnings: [], errors: [] } }, 'ann'))
  t.equal(backups.check(upload, 'correct horse battery'), undefined, 'no other backup is unpacked')
  await backups.forget()
  t.ok(existsSync(unpacked), 'and nothing is dropped')
  await asked.promise
  replaced.reject(new Error('the medium failed'))
  while (restoring.isUnderWay) await new Promise(setImmediate)
  await backups.forget()
  t.notOk(existsSync(unpacked), 'afterwards it may go')
})

t.test('a check ends when it is told to, also while what it unpacks is in no file and has no end', async t => {
  const dir = t.testdir({})
  const ending = new AbortController()
  const zeros = async function* (): AsyncGenerator<Buffer> {
    yield TAR_END
    for (let count = 0; count < 2048; count++) yield Buffer.alloc(65_536)
  }
  const [file, into] = [join(dir, 'zeros.age'), join(dir, 'new')]
  const packed = Readable.from(zeros(), { objectMode: false }).pipe(createGzip())
  await pipeline(locked(packed, 'correct horse battery'), createWriteStream(file))
  const parts = { file, passphrase: 'correct horse battery', into, reserveBytes: 0, signal: ending.signal }
  await t.rejects(readBackup({ ...parts, progress: () => ending.abort() }), { name: 'AbortError' })
})

t.test('nothing is put aside where nothing is there to take its place', async t => {
  const dataDir = t.testdir({ admin: 'old', mailbox: { 'data.mdb': 'old' }, restore: { new: { admin: 'new' } } })
  t.throws(() => swapIn({ dataDir, at: 0 }), { name: 'PlainError', message: /Upload the backup again/ })
  t.same(readdirSync(dataDir).sort(), ['admin', 'mailbox', 'restore'])
})
