import { writeSync } from 'node:fs'
import { silentLog } from '../base/log.ts'
import { LmdbStore } from '../host/lmdb.ts'
import type { Custody } from '../store/verbs.ts'
import { replyOf } from './asked-store.ts'
import * as large from './large-requests.ts'
import { accountPut, BOB_AOR, STORED_AT } from './store-fixtures.ts'

/**
 * Large messages from the given number on, four at a time, each as long as its number says; every fifth is handed over at once, every
 * third is confirmed and swept, until it is killed. Each answer is a line: `stored NUMBER SEQ` or `confirmed NUMBER SEQ`, written before anything else happens.
 */
const [dir, first] = [process.argv[2]!, Number(process.argv[3])]
const AT_ONCE = 4
const APPEND_BYTES = 50_000
const BYTES = large.bytes(300_000)

const store = await LmdbStore.open({ dir, hostname: 'edge1.example.org', mapBytes: 2 ** 30, log: silentLog })
let number = first

async function one(mine: number): Promise<void> {
  const body = BYTES.subarray(0, 100_000 + ((mine * 7919) % 200_000))
  const custody = mine % 5 === 0 ? await replyOf(store, large.whole(mine, body)) : await inPieces(mine, body)
  const { outcome, seq } = custody as Extract<Custody, { seq: number }>
  writeSync(1, `${outcome} ${mine} ${seq}\n`)
  if (mine % 3 !== 0) return
  await replyOf(store, { verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '200' })
  writeSync(1, `confirmed ${mine} ${seq}\n`)
  await replyOf(store, { verb: 'sweep', limit: 3 })
}

async function inPieces(mine: number, body: Buffer): Promise<unknown> {
  const { upload } = (await replyOf(store, large.begin(mine))) as { upload: number }
  const appends = []
  for (let at = 0; at < body.length; at += APPEND_BYTES)
    appends.unshift(replyOf(store, large.append(upload, at, body.subarray(at, at + APPEND_BYTES))))
  await Promise.all(appends)
  return replyOf(store, large.finish(upload, body.length))
}

async function forever(): Promise<void> {
  for (;;) await one(number++)
}

await replyOf(store, { verb: 'upload.clear' })
await replyOf(store, accountPut(BOB_AOR))
await Promise.all(Array.from({ length: AT_ONCE }, forever))
