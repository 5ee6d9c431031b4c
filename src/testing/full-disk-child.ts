import { silentLog } from '../base/log.ts'
import { LmdbStore } from '../host/lmdb.ts'
import type { StoreRequest } from '../store/verbs.ts'
import { accountPut, BOB_AOR, custodyOf } from './store-fixtures.ts'

/**
 * Runs under a limit on the size of files: what a large message, a read and a small message are answered then, a line each; then how
 * many of MANY more messages were stored and refused.
 */
const MANY = 400

const store = await LmdbStore.open({
  dir: process.argv[2]!,
  hostname: 'edge1.example.org',
  mapBytes: 2 ** 28,
  log: silentLog,
})
const ask = (request: StoreRequest): Promise<object> => new Promise(resolve => store.submit(request, resolve))
await ask(accountPut(BOB_AOR))
const requests: StoreRequest[] = [
  custodyOf(1, { bytes: Buffer.alloc(4 * 1024 * 1024) }),
  { verb: 'locate', aor: BOB_AOR },
  custodyOf(2),
]
for (const request of requests) console.log(JSON.stringify(await ask(request)))
let refused = 0
for (let i = 0; i < MANY; i++) if ('failure' in (await ask(custodyOf(10 + i, { bytes: Buffer.alloc(7000) })))) refused++
console.log(JSON.stringify({ stored: MANY - refused, refused }))
await store.close()
