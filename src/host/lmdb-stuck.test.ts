import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { type Log, silentLog } from '../base/log.ts'
import type { Result } from '../store/keyed.ts'
import { openSchema } from '../store/schema.ts'
import type { StoreRequest } from '../store/verbs.ts'
import { accountPut, BOB_AOR, custodyOf } from '../testing/store-fixtures.ts'
import { LmdbStore } from './lmdb.ts'
import { LmdbTable, openTable } from './lmdb-table.ts'
import { WatchedStore } from './watched-store.ts'

const MAP_BYTES = 2 ** 26
/** Far above what a commit takes on a busy disk, so that only the one held back is late. */
const COMMIT_MAX_MS = 1500

t.test('a commit that never ends: what waits fails with io, reads go on, and health sees it', async t => {
  const { store, ask, hold, lines } = await slowStore(t)
  const watched = new WatchedStore(store, silentLog)
  const { promise, resolve } = Promise.withResolvers<Result>()
  hold()
  watched.submit(custodyOf(1), resolve)
  const behind = ask(custodyOf(2))
  t.match(await promise, { failure: 'io', detail: /not finished a write for 1\.5 s/ })
  t.match(await behind, { failure: 'io' })
  t.match(await ask(custodyOf(3)), { failure: 'io' }, 'nobody waits any more')
  t.match(await ask({ verb: 'locate', aor: BOB_AOR }), { value: { isKnown: true, waiting: 0 } })
  t.match(watched.writeFailure, /the medium failed/)
  t.ok(watched.oldestMs >= COMMIT_MAX_MS, 'answered or not, it has not ended')
  t.match(store.status, { outstanding: 0, failure: /not finished/ })
  t.equal(lines.filter(line => /cannot write/.test(line)).length, 1)
})

t.test('a commit that ends after all: the store takes writes again, and what it holds is seen', async t => {
  const { store, ask, hold, release, lines } = await slowStore(t)
  const held = hold()
  const first = ask(custodyOf(1))
  await held
  t.match(await first, { failure: 'io' })
  await release()
  t.match(await ask(custodyOf(1)), { value: { outcome: 'duplicate', seq: 1 } })
  t.match(await ask(custodyOf(2)), { value: { outcome: 'stored', waiting: 2 } })
  t.equal(store.status.failure, undefined)
  t.ok(new WatchedStore(store, silentLog).oldestMs < COMMIT_MAX_MS)
  t.ok(lines.some(line => /takes writes again/.test(line)))
})

t.test('a program that stood still takes no disk for stuck', async t => {
  const { store, ask, hold, release, lines } = await slowStore(t)
  const held = hold()
  const kept = ask(custodyOf(1))
  await held
  // The commit is over, and its end is heard of after the timers, of which one is long due by then.
  setTimeout(() => void release(), COMMIT_MAX_MS + 50)
  const end = performance.now() + COMMIT_MAX_MS + 1100
  while (performance.now() < end);
  t.match(await kept, { value: { outcome: 'stored', seq: 1 } })
  t.same(lines, [])
  t.equal(store.status.failure, undefined)
})

/** With bob's account; between `hold` and `release` what the library has committed is not told. */
async function slowStore(t: { testdir(): string; teardown(run: () => unknown): void }) {
  const dir = t.testdir()
  mkdirSync(join(dir, 'mailbox'))
  const database = openTable(join(dir, 'mailbox'), MAP_BYTES)
  await database.childTransaction(() => openSchema(new LmdbTable(database)))
  let gate = Promise.resolve()
  let release = (): void => {}
  let onHeld = (): void => {}
  const childTransaction = async <T>(run: () => T): Promise<T> => {
    const result = await database.childTransaction(run)
    onHeld()
    await gate
    return result
  }
  const slow = Object.assign(Object.create(database), { childTransaction })
  const lines: string[] = []
  const note = (msg: string): void => void lines.push(msg)
  const log: Log = { ...silentLog, error: note, info: note }
  const options = { dir, hostname: 'edge1.example.org', mapBytes: MAP_BYTES, log, commitMaxMs: COMMIT_MAX_MS }
  const store = new LmdbStore(options, join(dir, 'mailbox'), slow)
  const ask = (request: StoreRequest): Promise<Result> => new Promise(resolve => store.submit(request, resolve))
  t.teardown(async () => {
    release()
    await store.close()
    await database.close()
  })
  await ask(accountPut(BOB_AOR))
  // The first measurement of free space began with that.
  while (store.status.freeBytes <= 0) await nextTurn()
  const hold = (): Promise<void> => {
    const opened = Promise.withResolvers<void>()
    gate = opened.promise
    release = opened.resolve
    const held = Promise.withResolvers<void>()
    onHeld = held.resolve
    return held.promise
  }
  const open = async (): Promise<void> => {
    release()
    gate = Promise.resolve()
    while (store.status.commitMs > 0) await nextTurn()
  }
  return { store, ask, hold, release: open, lines }
}
