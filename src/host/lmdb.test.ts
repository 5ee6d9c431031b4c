import { execFile } from 'node:child_process'
import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type Log, silentLog } from '../base/log.ts'
import { CONFORMANCE_HOSTNAME, Conformance } from '../store/conformance.ts'
import { bodyKey, headKey, identitiesKey, SCHEMA_KEY } from '../store/keys.ts'
import { encodeSeq } from '../store/records.ts'
import { SCHEMA_VERSION } from '../store/schema.ts'
import type { StoredMessage } from '../store/verbs.ts'
import { ask, replyOf } from '../testing/asked-store.ts'
import { firstDifference } from '../testing/conforming.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf } from '../testing/store-fixtures.ts'
import { LmdbStore } from './lmdb.ts'
import { diskFailure, openTable } from './lmdb-table.ts'

const MAP_BYTES = 2 ** 28

t.test('answers as the reference model does, also when opened again (DM-STO-01, DM-STO-08, DM-STO-09)', async t => {
  const dir = t.testdir()
  const dice = new SeededEntropy('lmdb')
  const suite = new Conformance(dice)
  t.equal(await firstDifference(suite, dice, 700, () => openStore(dir)), undefined)
})

t.test('what is asked at once goes in one commit, and the quota is exact (group commit)', async t => {
  const store = await opened(t, t.testdir())
  const before = store.status.commits
  const asked = Array.from({ length: 200 }, (_, i) => ask(store, custodyOf(i, {}, { quotaMessages: 150 })))
  const outcomes = (await Promise.all(asked)).map(result =>
    'value' in result ? (result.value as { outcome: string }).outcome : '',
  )
  t.equal(outcomes.filter(outcome => outcome === 'stored').length, 150)
  t.equal(outcomes.filter(outcome => outcome === 'refused').length, 50)
  t.ok(store.status.commits - before <= 3, `${store.status.commits - before} commits`)
})

t.test('what a start puts off is read without being asked for, and that writes nothing', async t => {
  const dir = t.testdir()
  const before = await opened(t, dir)
  const users = Array.from({ length: 300 }, (_, i) => `sip:user${i}@example.org`)
  await Promise.all(users.map(aor => ask(before, accountPut(aor))))
  await Promise.all(users.map((recipient, i) => ask(before, custodyOf(i, { recipient }))))
  await before.close()
  const file = join(dir, 'mailbox', 'data.mdb')
  const store = await openStore(dir)
  t.teardown(() => store.close())
  const written = statSync(file).mtimeMs
  while (store.status.writes === 0) await new Promise(resolve => setTimeout(resolve, 10))
  t.match(store.status, { writes: 1, commits: 1 }, 'one round for the 44 mailboxes that were left')
  t.equal(statSync(file).mtimeMs, written)
})

t.test('a read sees every write that was answered before it', async t => {
  const store = await opened(t, t.testdir())
  for (let i = 1; i <= 50; i++) {
    await ask(store, custodyOf(i))
    t.match(await ask(store, { verb: 'locate', aor: BOB_AOR }), { value: { waiting: i } })
  }
})

t.test('done is never called within submit', async t => {
  const store = await opened(t, t.testdir())
  for (const request of [
    custodyOf(1),
    pageOf(BOB_AOR),
    { verb: 'lease', aor: BOB_AOR, holder: 'a', at: 0, forMs: 9 } as never,
  ]) {
    let isWithin = true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    store.submit(request, () => resolve(isWithin))
    isWithin = false
    t.equal(await promise, false)
  }
})

t.test('bits flipped in the file: the message is set aside, the others come, the log says which', async t => {
  const dir = t.testdir()
  const store = await opened(t, dir)
  for (let i = 1; i <= 3; i++) await ask(store, custodyOf(i))
  await store.close()
  await tamper(dir, table => {
    for (const key of [bodyKey(2), headKey(1)]) {
      const bytes = Buffer.from(table.getBinary(key)!)
      bytes[bytes.length - 3]! ^= 64
      table.put(key, bytes)
    }
  })
  const lines: unknown[] = []
  const again = await openStore(dir, { error: (msg, fields) => lines.push({ msg, ...fields }) })
  const seqs = ((await replyOf(again, pageOf(BOB_AOR))) as StoredMessage[]).map(({ seq }) => seq)
  t.strictSame(seqs, [1, 3])
  t.match(lines, [{ msg: /damaged/, table: 'body', storeId: `sip:2@${CONFORMANCE_HOSTNAME}` }])
  t.match(await ask(again, custodyOf(4, {}, { quotaMessages: 3 })), { value: { outcome: 'stored', waiting: 3 } })
  await again.close()
})

t.test(
  'opened again it knows what it has seen, also when the record of the identities was damaged meanwhile',
  async t => {
    const dir = t.testdir()
    const store = await opened(t, dir)
    for (let i = 1; i <= 100; i++) await ask(store, custodyOf(i))
    await store.close()
    await tamper(dir, table => {
      const bytes = Buffer.from(table.getBinary(identitiesKey(0))!)
      bytes[bytes.length - 3]! ^= 64
      table.put(identitiesKey(0), bytes)
    })
    for (const damaged of [1, 0]) {
      const again = await openStore(dir)
      t.equal(again.status.damaged, damaged, 'and puts it right for good')
      for (const i of [1, 50, 63, 64, 100]) {
        t.strictSame(await replyOf(again, { verb: 'seen', ...custodyOf(i).message }), true)
        t.match(await replyOf(again, custodyOf(i)), { outcome: 'duplicate', seq: i })
      }
      t.strictSame(await replyOf(again, { verb: 'seen', ...custodyOf(101).message }), false)
      await again.close()
    }
  },
)

t.test('after close nothing is taken; what was outstanding was answered', async t => {
  const store = await opened(t, t.testdir())
  const outstanding = Array.from({ length: 20 }, (_, i) => ask(store, custodyOf(i)))
  await store.close()
  for (const result of await Promise.all(outstanding)) t.match(result, { value: { outcome: 'stored' } })
  t.match(await ask(store, custodyOf(99)), { failure: 'closed' })
  t.match(await ask(store, pageOf(BOB_AOR)), { failure: 'closed' })
  await store.close()
})

t.test('more than the bound outstanding are turned away as busy', async t => {
  const store = await opened(t, t.testdir())
  const bytes = Buffer.alloc(100 * 1024 * 1024)
  const asked = Array.from({ length: 3 }, (_, i) => ask(store, custodyOf(i, { bytes }, { quotaBytes: 1 })))
  t.match(await Promise.all(asked), [
    { value: { reason: 'byte quota' } },
    { value: { reason: 'byte quota' } },
    { failure: 'busy' },
  ])
})

t.test('custody stops short of the configured size and of the reserve', async t => {
  const store = await opened(t, t.testdir())
  const free = store.status.freeBytes
  t.ok(free > 0 && free <= MAP_BYTES)
  t.match(await ask(store, custodyOf(1, {}, { reserveBytes: free + 1 })), { value: { reason: 'flash reserve' } })
  const bytes = Buffer.alloc(1024 * 1024)
  let stored = 0
  for (; stored < 500; stored++) {
    const result = await ask(store, custodyOf(100 + stored, { bytes }, { reserveBytes: free - 10 * bytes.length }))
    if (!('value' in result) || (result.value as { outcome: string }).outcome !== 'stored') break
  }
  t.ok(stored >= 8 && stored <= 10, `${stored} of 10 MiB stored`)
})

t.test('files and folder are private to their owner', async t => {
  const dir = t.testdir()
  await opened(t, dir)
  t.equal(statSync(join(dir, 'mailbox')).mode & 0o777, 0o700)
  for (const name of ['data.mdb', 'lock.mdb']) t.equal(statSync(join(dir, 'mailbox', name)).mode & 0o777, 0o600)
})

t.test('a foreign, damaged or newer file is refused in plain words', async t => {
  const foreign = t.testdir({ mailbox: { 'data.mdb': Buffer.alloc(8192, 65) } })
  await t.rejects(openStore(foreign), { message: /not a store of this program/ })
  const short = t.testdir({ mailbox: { 'data.mdb': 'short' } })
  await t.rejects(openStore(short), { message: /not a store of this program/ })
  const other = t.testdir()
  await tamper(other, table => table.put('zebra', Buffer.from('striped')))
  await t.rejects(openStore(other), { message: /not a store of this program/ })
  const newer = t.testdir()
  await (await opened(t, newer)).close()
  await tamper(newer, table => table.put(SCHEMA_KEY, encodeSeq(SCHEMA_KEY, SCHEMA_VERSION + 1)))
  await t.rejects(openStore(newer), { message: /newer version/ })
  for (const older of [1, 2]) {
    await tamper(newer, table => table.put(SCHEMA_KEY, encodeSeq(SCHEMA_KEY, older)))
    await t.rejects(openStore(newer), { message: /before the first release/ })
  }
})

t.test('a file that has lost its end is refused before the library reads it', async t => {
  const dir = t.testdir()
  const store = await opened(t, dir)
  await ask(store, custodyOf(1, { bytes: Buffer.alloc(20 * 1024 * 1024) }))
  await store.close()
  truncateSync(join(dir, 'mailbox', 'data.mdb'), 100_000)
  await t.rejects(openStore(dir), { message: /has lost its end/ })
})

t.test('a file not yet written at all, as after a power cut at the very first start, is a new store', async t => {
  const dir = t.testdir({ mailbox: { 'data.mdb': '' } })
  t.match(await ask(await opened(t, dir), custodyOf(1)), { value: { outcome: 'stored' } })
})

t.test('an empty file where a first start was completed is refused: what it held was lost', async t => {
  const dir = t.testdir({ admin: '{}', mailbox: { 'data.mdb': '' } })
  await t.rejects(openStore(dir), { message: /data\.mdb is empty, though this folder has been in use/ })
})

t.test('a disk that refuses to grow: custody fails, reads go on, and writes again once there is room', async t => {
  const dir = t.testdir({})
  const script = join(import.meta.dirname, '..', 'testing', 'full-disk-child.ts')
  // Without what the test runner has every program load: it ends them on SIGXFSZ, which Node ignores.
  const limited = `ulimit -f 2000; unset NODE_OPTIONS; exec "$0" "$@"`
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', limited, process.execPath, script, dir])
  const [failed, read, small, many] = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(failed, { failure: /full|io/ })
  t.match(read, { value: { isKnown: true, waiting: 0 } })
  t.match(small, { value: { outcome: 'stored' } })
  t.ok(many.stored > 10 && many.refused > 100, `${many.stored} stored, ${many.refused} refused`)
  t.equal(stderr, '', 'the library, which does not bear it, was never refused a write')
})

t.test('errors of the library and the system are told apart', async t => {
  const coded = (code: unknown, message = 'x') => diskFailure(Object.assign(new Error(message), { code })).failure
  t.strictSame([coded(28), coded('ENOSPC'), coded(-30792), coded(27)], ['full', 'full', 'full', 'full'])
  t.strictSame([coded(5), coded(-30796), coded(undefined, 'Input/output error')], ['io', 'io', 'io'])
  t.equal(coded(undefined, 'No space left on device'), 'full')
})

async function openStore(dir: string, log: Partial<Log> = {}): Promise<LmdbStore> {
  return LmdbStore.open({ dir, hostname: CONFORMANCE_HOSTNAME, mapBytes: MAP_BYTES, log: { ...silentLog, ...log } })
}

/** With bob's account; closed when the test ends. */
async function opened(t: { teardown(close: () => unknown): void }, dir: string): Promise<LmdbStore> {
  const store = await openStore(dir)
  t.teardown(() => store.close())
  await ask(store, accountPut(BOB_AOR))
  return store
}

async function tamper(dir: string, change: (table: ReturnType<typeof openTable>) => void): Promise<void> {
  const table = openTable(join(dir, 'mailbox'), MAP_BYTES)
  await table.transaction(() => change(table))
  await table.close()
}
