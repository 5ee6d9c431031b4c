import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openAsBlob, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import { LmdbStore } from '../host/lmdb.ts'
import { openTable } from '../host/lmdb-table.ts'
import { SCHEMA_KEY } from '../store/keys.ts'
import { encodeSeq } from '../store/records.ts'
import { ask } from '../testing/asked-store.ts'
import { RESTANTE } from '../testing/program-under-test.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { custodyOf } from '../testing/store-fixtures.ts'
import { BoxProcess, DOMAIN } from './box.ts'
import { until } from './until.ts'

/** SIGTERM and SIGKILL at moments that a seed chooses, inside what changes all of a box at once. */

t.setTimeout(240_000)

const BOB = `sip:bob@${DOMAIN}`
const MANY = 4000
const STOP_MS_MAX = 5000
const MAP_BYTES = 2 ** 30
const PASSPHRASE = 'under the third stone'
const OLDEST_SCHEMA = 5
const SIGNALS = ['SIGTERM', 'SIGKILL'] as const

const random = new SeededEntropy(process.env.SEED ?? 'moments')
let box: BoxProcess
let backup: string
let authorization: string
/** What the box held when the backup was made; it has one more now, unless that was restored. */
let waiting = MANY

t.before(async () => {
  box = await BoxProcess.start(t.testdir({}), { users: ['alice', 'bob'], readyMs: 60_000 })
  t.teardown(() => box.discard())
  const [, password] = /^ +admin +(\S+)$/m.exec(box.out)!
  authorization = `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
  await box.stop()
  await keep(1, MANY)
  backup = join(box.dir, 'box.backup.age')
  await ended(command('backup', backup))
  await keepOneMore()
})

const opened = () => LmdbStore.open({ dir: box.dataDir, hostname: '127.0.0.1', mapBytes: MAP_BYTES, log: silentLog })

async function keep(from: number, count: number): Promise<void> {
  const store = await opened()
  const requests = Array.from({ length: count }, (_, index) => custodyOf(from + index, { recipient: BOB }))
  await Promise.all(requests.map(request => ask(store, request)))
  await store.close()
}

/** So that a box that was restored can be told from one that was not. */
async function keepOneMore(): Promise<void> {
  if (waiting === MANY) await keep(MANY + 1, 1)
  waiting = MANY + 1
}

function command(...args: readonly string[]): ChildProcess {
  const line = [...RESTANTE, ...args, '--passphrase-stdin', '--config', box.file]
  const child = spawn(line[0]!, line.slice(1), { stdio: ['pipe', 'ignore', 'ignore'] })
  child.stdin.on('error', () => {})
  child.stdin.end(`${PASSPHRASE}\n`)
  return child
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

const after = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** A start of the box that a signal ends after so long; ended in order, or before Node listens to signals and anything was begun. */
async function startStruck(t: Test, signal: NodeJS.Signals, ms: number, name: string): Promise<void> {
  const run = box.run()
  await after(ms)
  box.signal(signal)
  const end = await run
  const isFine = signal === 'SIGKILL' || end.code === 0 || end.signal === signal
  t.ok(isFine, `${name}, after ${ms} ms: ${end.code} ${end.signal} ${box.err.slice(-300)}`)
}

/** It serves, and has all of the one or all of the other. */
async function servesOneOf(t: Test, name: string, ...counts: readonly number[]): Promise<void> {
  await box.start().catch(error => {
    throw new Error(`${name}: ${error.message} ${box.err.slice(-1000)}`)
  })
  t.equal((await box.health()).code, 200, name)
  waiting = await box.metric('restante_messages_waiting')
  t.ok(counts.includes(waiting), `${name}: ${waiting} wait`)
  t.equal(await box.metric('restante_messages_damaged'), 0)
  t.same(
    readdirSync(box.dataDir).filter(file => /^restore$|\.new$|^factory-reset$/.test(file)),
    [],
    `${name}: nothing is left of it`,
  )
}

t.test('a backup by command: a file that is whole, or none, and the box is as it was', async t => {
  const file = join(box.dir, 'other.backup.age')
  for (const signal of SIGNALS) {
    const child = command('backup', file)
    await after(200 + random.below(800))
    child.kill(signal)
    const code = await ended(child)
    // The signal may come between the file's name and the program's end.
    const bytes = existsSync(file) ? statSync(file).size : 0
    if (signal === 'SIGTERM')
      t.ok(bytes > statSync(backup).size * 0.9 || (bytes === 0 && code !== 0), `${bytes} octets, ${code}`)
    rmSync(file, { force: true })
  }
  t.match(await box.restante('queue'), { out: new RegExp(`^${MANY + 1} messages`) })
})

t.test('a restore by command: all of the one or all of the other', async t => {
  for (const signal of [...SIGNALS, ...SIGNALS]) {
    const child = command('restore', backup, '--yes')
    const ms = 200 + random.below(2000)
    await after(ms)
    child.kill(signal)
    const code = await ended(child)
    await servesOneOf(t, `${signal} after ${ms} ms, ${code}`, ...(code === 0 ? [MANY] : [MANY, MANY + 1]))
    t.match(await box.stop(), { code: 0 })
    await keepOneMore()
  }
})

t.test('a restore in the running process: it ends in order, with all of the one or all of the other', async t => {
  const call = (path: string, more: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${box.httpPort}/api/v1${path}`, { ...more, headers: { authorization, ...more.headers } })
  for (const signal of SIGNALS) {
    await box.start()
    const form = new FormData()
    form.append('passphrase', PASSPHRASE)
    form.append('file', await openAsBlob(backup), 'box.backup.age')
    t.equal((await call('/restore', { method: 'POST', body: form })).status, 202)
    const id = await until('it was checked', 30_000, async () => {
      const { checked } = (await (await call('/restore')).json()) as { checked: { id: string } | null }
      return checked?.id
    })
    const body = JSON.stringify({ id, hostname: '127.0.0.1', configuration: 'here' })
    const headers = { 'content-type': 'application/json' }
    t.equal((await call('/restore/confirm', { method: 'POST', body, headers })).status, 202)
    const ms = 200 + random.below(1000)
    await after(ms)
    const since = performance.now()
    box.signal(signal)
    const end = await box.stop()
    if (signal === 'SIGTERM') t.match(end, { code: 0, signal: null })
    t.ok(performance.now() - since < STOP_MS_MAX)
    await servesOneOf(t, `${signal} ${ms} ms after the word`, MANY, MANY + 1)
    t.match(await box.stop(), { code: 0 })
    await keepOneMore()
  }
})

t.test('taking over an older store, and opening one: the next start has all of it', async t => {
  for (const signal of SIGNALS) {
    await withTable(table => table.put(SCHEMA_KEY, encodeSeq(SCHEMA_KEY, OLDEST_SCHEMA)))
    await startStruck(t, signal, 200 + random.below(1200), `${signal} while it starts`)
    await servesOneOf(t, signal, waiting)
    t.match(await box.stop(), { code: 0 })
  }
  await withTable(table => t.notSame(table.getBinary(SCHEMA_KEY), encodeSeq(SCHEMA_KEY, OLDEST_SCHEMA)))
})

async function withTable(work: (table: ReturnType<typeof openTable>) => unknown): Promise<void> {
  const table = openTable(join(box.dataDir, 'mailbox'), MAP_BYTES)
  await work(table)
  await table.flushed
  await table.close()
}

t.test('a factory reset of either kind is done by the next start, once', async t => {
  for (const [level, left] of [
    ['config', MANY + 1],
    ['full', 0],
  ] as const) {
    for (const signal of SIGNALS) {
      writeFileSync(join(box.dataDir, 'factory-reset'), level)
      await startStruck(t, signal, 100 + random.below(600), `${signal} in a reset, ${level}`)
      await servesOneOf(t, `${level}, ${signal}`, left)
      t.match(await box.stop(), { code: 0 })
    }
  }
})
