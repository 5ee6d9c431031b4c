import { mkdirSync, rmdirSync } from 'node:fs'
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

const MAP_BYTES = 2 ** 26

t.test('after a refused write the library is asked again only when the medium takes one beside its file', async t => {
  const dir = t.testdir()
  const folder = join(dir, 'mailbox')
  mkdirSync(folder)
  const database = openTable(folder, MAP_BYTES)
  await database.childTransaction(() => openSchema(new LmdbTable(database)))
  let asked = 0
  let isRefused = false
  const childTransaction = <T>(run: () => T): Promise<T> => {
    asked++
    return isRefused
      ? Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
      : database.childTransaction(run)
  }
  const log: Log = silentLog
  const options = { dir, hostname: 'edge1.example.org', mapBytes: MAP_BYTES, log }
  const store = new LmdbStore(options, folder, Object.assign(Object.create(database), { childTransaction }))
  t.teardown(async () => {
    await store.close()
    await database.close()
  })
  const ask = (request: StoreRequest): Promise<Result> => new Promise(resolve => store.submit(request, resolve))
  t.match(await ask(accountPut(BOB_AOR)), { value: 'put' })
  t.equal(asked, 1)
  // The first measurement of free space began with that.
  while (store.status.freeBytes <= 0) await nextTurn()

  isRefused = true
  // Nothing can be written at that name either.
  mkdirSync(join(folder, 'probe'))
  t.match(await ask(custodyOf(1)), { failure: 'io' })
  t.equal(asked, 2)
  for (let number = 2; number < 6; number++) t.match(await ask(custodyOf(number)), { failure: 'io' })
  t.equal(asked, 2, 'it does not bear many refused writes')
  t.type(store.status.failure, 'string')

  isRefused = false
  rmdirSync(join(folder, 'probe'))
  t.match(await ask(custodyOf(6)), { value: { outcome: 'stored' } })
  t.equal(asked, 3)
  t.equal(store.status.failure, undefined)
})
