import { join } from 'node:path'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import { CONFORMANCE_HOSTNAME, Conformance } from '../store/conformance.ts'
import type { HistoryPage, HistoryVerbs } from '../store/history.ts'
import { BOB_ALONE, HISTORY_LIMITS, historyItem, historyOf, historyPiece } from '../store/history-store.fixture.ts'
import { accountKey, SCHEMA_KEY } from '../store/keys.ts'
import { decodeAccount, decodeSeq, encodeAccount, encodeSeq } from '../store/records.ts'
import { SCHEMA_VERSION } from '../store/schema.ts'
import { HISTORY_VERBS, LONG_HISTORY_VERBS } from '../store/verb-mixes.fixture.ts'
import { ask, replyOf } from '../testing/asked-store.ts'
import { firstDifference } from '../testing/conforming.ts'
import * as large from '../testing/large-requests.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { LmdbStore } from './lmdb.ts'
import { LmdbTable, openTable } from './lmdb-table.ts'

const MAP_BYTES = 2 ** 28
const PAGE_BYTES = 4096

const openStore = (dir: string): Promise<LmdbStore> =>
  LmdbStore.open({ dir, hostname: CONFORMANCE_HOSTNAME, mapBytes: MAP_BYTES, log: silentLog })

t.test('histories as the reference model has them, also when opened again (HIS-STO-01..04, HIS-STO-06)', async t => {
  for (const [mix, verbs] of Object.entries({ HISTORY_VERBS, LONG_HISTORY_VERBS })) {
    const dice = new SeededEntropy(`lmdb ${mix}`)
    const dir = t.testdir({ [mix]: {} })
    const suite = new Conformance(dice, verbs)
    t.equal(await firstDifference(suite, dice, 700, () => openStore(join(dir, mix))), undefined)
  }
})

t.test('a session of megabytes is read as it was written, piece by piece', async t => {
  const store = await openStore(t.testdir())
  t.teardown(() => store.close())
  await replyOf(store, accountPut(BOB_AOR))
  const item = historyItem(1, { kind: 'session' })
  const limits = HISTORY_LIMITS
  const opened = await replyOf(store, { verb: 'history.open', item, owners: BOB_ALONE, heads: {}, limits })
  const { record } = opened as { record: number }
  const content = large.bytes(3_000_000)
  const lengths = [1, 700, 65_536, 30_000, 12]
  const pieces: ReturnType<typeof historyPiece>[] = []
  for (let from = 0; from < content.length; ) {
    const to = Math.min(content.length, from + lengths[pieces.length % lengths.length]!)
    pieces.push(historyPiece(content.subarray(from, to)))
    from = to
  }
  for (let i = 0; i < pieces.length; i += 7) {
    t.equal(await replyOf(store, { verb: 'history.append', record, pieces: pieces.slice(i, i + 7), limits }), 'kept')
  }
  await replyOf(store, { verb: 'history.close', record, at: STORED_AT, keep: true })
  const page = { verb: 'history.list', aor: BOB_AOR, filter: {}, order: 'oldest', limit: 1 } as const
  const { reference } = ((await replyOf(store, page)) as HistoryPage).entries[0]!
  const read: Buffer[] = []
  for (let from = 0; ; ) {
    const found = await replyOf(store, { verb: 'history.pieces', aor: BOB_AOR, reference, from, bytes: 200_000 })
    const { pieces, next, isLast } = found as NonNullable<HistoryVerbs['history.pieces']['reply']>
    read.push(...pieces.map(({ bytes }) => bytes))
    if (isLast) break
    from = next
  }
  t.strictSame(
    read.map(({ length }) => length),
    pieces.map(({ bytes }) => bytes.length),
  )
  t.ok(Buffer.concat(read).equals(content))
})

t.test('a message kept with its history writes few pages more than without', async t => {
  const pages = async (hasHistory: boolean): Promise<number> => {
    const dir = t.testdir({ [`${hasHistory}`]: {} })
    const store = await openStore(join(dir, `${hasHistory}`))
    await replyOf(store, accountPut(BOB_AOR))
    const bytes = Buffer.alloc(1200, 'x')
    const requests = Array.from({ length: 512 }, (_, i) => ({
      ...custodyOf(i, { bytes }),
      ...(hasHistory && { history: historyOf(i, { owners: BOB_ALONE, bytes }) }),
    }))
    await Promise.all(requests.map(request => replyOf(store, request)))
    await store.close()
    const table = openTable(join(dir, `${hasHistory}`, 'mailbox'), MAP_BYTES)
    const { used } = new LmdbTable(table).space()
    await table.close()
    return used / PAGE_BYTES
  }
  const more = (await pages(true)) - (await pages(false))
  t.ok(more < 512 * 0.6, `${more} pages more for 512 messages of 1200 bytes`)
})

t.test('a store of before histories is opened, and what users decided of them by then holds', async t => {
  const dir = t.testdir()
  const store = await openStore(dir)
  await replyOf(store, accountPut(BOB_AOR))
  const chosen = { pagerHistory: true, offlineDelivery: false }
  const stored = { chosen, document: Buffer.from('<x/>'), modifiedAt: STORED_AT, revision: 1 }
  await replyOf(store, { verb: 'settings.put', aor: BOB_AOR, version: 0, settings: { stored, published: [] } })
  await store.close()
  await tamper(dir, table => {
    const key = accountKey(BOB_AOR)
    const { pagerHistory: _, ...older } = decodeAccount(key, table.get(key)!)!
    table.put(key, encodeAccount(key, older))
    table.put(SCHEMA_KEY, encodeSeq(SCHEMA_KEY, 6))
  })
  const again = await openStore(dir)
  t.match(await ask(again, { verb: 'locate', aor: BOB_AOR }), { value: chosen })
  await again.close()
  await tamper(dir, table => {
    t.equal(decodeSeq(SCHEMA_KEY, table.get(SCHEMA_KEY)!), SCHEMA_VERSION)
  })
})

async function tamper(dir: string, change: (table: LmdbTable) => void): Promise<void> {
  const table = openTable(join(dir, 'mailbox'), MAP_BYTES)
  await table.transaction(() => change(new LmdbTable(table)))
  await table.close()
}
