import { writeSync } from 'node:fs'
import { silentLog } from '../base/log.ts'
import { LmdbStore } from '../host/lmdb.ts'
import { BOB_ALONE, historyOf } from '../store/history-store.fixture.ts'
import type { Custody } from '../store/verbs.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from './store-fixtures.ts'

/**
 * Takes custody of messages from the given number on, 32 at a time, each with its history, and confirms every third, until it is killed. Each answer is a
 * line: `stored NUMBER SEQ` or `confirmed NUMBER SEQ`, written before anything else happens.
 */
const [dir, first] = [process.argv[2]!, Number(process.argv[3])]
const OUTSTANDING = 32

const store = await LmdbStore.open({ dir, hostname: 'edge1.example.org', mapBytes: 2 ** 28, log: silentLog })
let number = first

function next(): void {
  const mine = number++
  store.submit({ ...custodyOf(mine), history: historyOf(mine, { owners: BOB_ALONE }) }, result => {
    if (!('value' in result)) throw new Error(result.detail)
    const { outcome, seq } = result.value as Extract<Custody, { seq: number }>
    writeSync(1, `${outcome} ${mine} ${seq}\n`)
    if (mine % 3 === 0) confirm(mine, seq)
    else next()
  })
}

function confirm(mine: number, seq: number): void {
  store.submit({ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '200' }, result => {
    if (!('value' in result)) throw new Error(result.detail)
    writeSync(1, `confirmed ${mine} ${seq}\n`)
    next()
  })
}

store.submit(accountPut(BOB_AOR), () => {
  for (let i = 0; i < OUTSTANDING; i++) next()
})
