import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Config, loadConfig } from '../base/config.ts'
import { type Log, silentLog } from '../base/log.ts'
import { ask } from '../testing/asked-store.ts'
import { accountPut, BOB_AOR } from '../testing/store-fixtures.ts'
import { guardedStore } from './guarded-store.ts'
import { openStore } from './open-store.ts'
import { isOfStore } from './plain-error.ts'
import { heldFor, holdStore } from './store-hold.ts'
import { NativeEnds } from './watchdog/native-ends.ts'

const { config } = loadConfig('domain = "example.org"\nhostname = "edge1.example.org"', 'x') as { config: Config }
const DIED = { result: 'core-dump', code: 'dumped', status: 'SEGV' }

/** A folder with a store that is well, and one in memory. */
async function made(t: Test): Promise<{ dataDir: string; memory: string }> {
  const dir = t.testdir({ data: {}, memory: {} })
  const dataDir = join(dir, 'data')
  const store = await openStore(dataDir, config, silentLog)
  await ask(store, accountPut(BOB_AOR))
  await store.close()
  return { dataDir, memory: join(dir, 'memory') }
}

/** A run that ends in compiled code before the store is open. */
const diedOpening = (memory: string, nowS: number): void => new NativeEnds(memory, DIED, nowS).opening()

const opened = async (dataDir: string, ends: NativeEnds): Promise<void> => {
  const store = await guardedStore(openStore, { ends, told: () => {} })(dataDir, config, silentLog)
  await store.close()
}

t.test('an end in compiled code is one that the service manager tells, by its signal', async t => {
  const { memory } = await made(t)
  const isNative = (code: string, status: string) => new NativeEnds(memory, { result: '', code, status }, 1).isLast
  t.ok(isNative('dumped', 'ABRT') && isNative('killed', 'SEGV') && isNative('killed', 'BUS'))
  t.notOk(isNative('killed', 'KILL') || isNative('exited', '1') || isNative('killed', 'TERM'))
  t.notOk(new NativeEnds(memory, undefined, 1).isLast)
  t.notOk(new NativeEnds(undefined, DIED, 1).whileOpening, 'without a folder in memory nothing is counted')
})

t.test(
  'a store that is well is opened twice after it ended the program, and not a third time within an hour',
  async t => {
    const { dataDir, memory } = await made(t)
    diedOpening(memory, 100)
    await opened(dataDir, new NativeEnds(memory, DIED, 110))
    diedOpening(memory, 120)
    const ends = new NativeEnds(memory, DIED, 140)
    t.equal(ends.whileOpening, 2)
    await opened(dataDir, ends)
    diedOpening(memory, 150)
    await t.rejects(opened(dataDir, new NativeEnds(memory, DIED, 160)), {
      message: /the store is not opened: it ended the program 3 times within an hour\. Put a backup/,
    })
    await t.rejects(openStore(dataDir, config, silentLog), { message: /it ended the program 3 times/ }, 'by nobody')
  },
)

t.test('a run looks once, however often it opens the store', async t => {
  const { dataDir, memory } = await made(t)
  const said: string[] = []
  const log: Log = { ...silentLog, warn: msg => void said.push(msg), info: msg => void said.push(msg) }
  const guarded = guardedStore(openStore, { ends: new NativeEnds(memory, DIED, 1), told: () => {} })
  for (let time = 0; time < 2; time++) await (await guarded(dataDir, config, log)).close()
  t.same(said, [
    'the run before ended in compiled code: the store is looked through before it is opened',
    'nothing is wrong with the store',
  ])
})

t.test('ends of long ago, and those while it served, do not count', async t => {
  const { memory } = await made(t)
  for (const at of [100, 200, 300]) diedOpening(memory, at)
  t.equal(new NativeEnds(memory, DIED, 5000).whileOpening, 1)
  t.equal(new NativeEnds(memory, undefined, 40).whileOpening, 0, 'of a machine that has begun anew since')
  diedOpening(memory, 5000)
  t.equal(new NativeEnds(memory, DIED, 5010).whileOpening, 1)
  const served = new NativeEnds(memory, DIED, 5100)
  served.opening()
  served.opened()
  t.equal(new NativeEnds(memory, DIED, 5200).whileOpening, 1)
})

t.test(
  'pages that are damaged are found before the library has them, and only where there is reason to look',
  async t => {
    const { dataDir, memory } = await made(t)
    writeFileSync(join(dataDir, 'mailbox', 'data.mdb'), Buffer.alloc(100_000, 0xa5))
    const looked = guardedStore(() => Promise.reject(new Error('it was opened')), {
      ends: new NativeEnds(memory, undefined, 1),
      told: () => {},
    })
    await t.rejects(looked(dataDir, config, silentLog), { message: 'it was opened' })
    await t.rejects(opened(dataDir, new NativeEnds(memory, DIED, 2)), {
      message: /not opened: pages of .* are damaged/,
    })
    t.match(heldFor(dataDir), /are damaged/)
  },
)

t.test('a file that is put in its place is opened, and the note goes', async t => {
  const { dataDir } = await made(t)
  holdStore(dataDir, 'a reason')
  t.equal(heldFor(dataDir), 'a reason')
  const error = await openStore(dataDir, config, silentLog).catch((error: unknown) => error)
  t.ok(isOfStore(error))
  rmSync(join(dataDir, 'mailbox', 'data.mdb'))
  const store = await openStore(dataDir, config, silentLog)
  await store.close()
  t.notOk(existsSync(join(dataDir, 'mailbox', 'held')))
})

t.test('a program that ends while it looks at a backup says nothing of the store here', async t => {
  const { dataDir, memory } = await made(t)
  const other = join(dataDir, 'restoring')
  mkdirSync(other)
  const words: number[] = []
  const look = async (dir: string) => {
    words.push(new NativeEnds(memory, DIED, 200).whileOpening)
    return openStore(dir, config, silentLog)
  }
  const guarded = guardedStore(look, { ends: new NativeEnds(memory, undefined, 100), told: () => {} })
  for (const dir of [dataDir, other]) await (await guarded(dir, config, silentLog)).close()
  t.same(words, [1, 0])
})

t.test('no store yet is no fault; a note that nobody can read is none, nor one of no file', async t => {
  const { dataDir, memory } = await made(t)
  rmSync(join(dataDir, 'mailbox'), { recursive: true })
  mkdirSync(join(dataDir, 'mailbox'))
  holdStore(dataDir, 'a reason')
  await opened(dataDir, new NativeEnds(memory, DIED, 1))
  mkdirSync(join(dataDir, 'mailbox', 'held'))
  await opened(dataDir, new NativeEnds(memory, DIED, 2))
})
