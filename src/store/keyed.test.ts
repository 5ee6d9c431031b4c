import t, { type Test } from 'tap'
import { openedStore } from '../testing/opened-store.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { Conformance } from './conformance.ts'
import { readOnly } from './key-value.ts'
import { type Batch, DiskFailure, type KeyedStore } from './keyed.ts'
import { isMemoryOnly, isRead } from './story.ts'
import {
  ALL_VERBS,
  CROWDED_VERBS,
  HISTORY_VERBS,
  LARGE_MESSAGE_VERBS,
  LONG_HISTORY_VERBS,
} from './verb-mixes.fixture.ts'
import type { Reply, StoreRequest, Verb } from './verbs.ts'

const RUNS = 25
const STEPS = 400

const MIXES = {
  'verbs of all kinds': ALL_VERBS,
  'large messages': LARGE_MESSAGE_VERBS,
  crowded: CROWDED_VERBS,
  histories: HISTORY_VERBS,
}
/** Fewer runs that last longer. */
const [LONG_RUNS, LONG_STEPS] = [4, 2000]

t.test('answers as the reference model does, across restarts (DM-STO-01, DM-STO-07..09)', async t => {
  for (const [mix, verbs] of Object.entries(MIXES)) await t.test(mix, async t => runMix(t, mix, verbs))
})

t.test('histories that grow long are read as the reference model reads them, across restarts (HIS-STO-06)', async t =>
  runMix(t, 'long histories', LONG_HISTORY_VERBS, LONG_RUNS, LONG_STEPS),
)

function runMix(t: Test, mix: string, verbs: readonly Verb[], runs = RUNS, steps = STEPS): unknown {
  for (let run = 0; run < runs; run++) {
    const dice = new SeededEntropy(`${mix} ${run}`)
    const suite = new Conformance(dice, verbs)
    const table = new SortedKeyValue()
    let store = openedStore(table)
    for (let step = 0; step < steps; step++) {
      const request = suite.next()
      const difference = suite.check(request, ask(store, table, request))
      if (difference) return t.fail(`run ${run} step ${step}: ${difference}`)
      if (!dice.chance(0.02)) continue
      store = openedStore(table)
      suite.restart()
    }
  }
  return t.pass(`${runs * steps} replies`)
}

t.test('a quota by count is exact when all of it is asked for in one batch', async t => {
  const { write } = bob()
  const results = write(Array.from({ length: 20 }, (_, i) => custodyOf(i, {}, { quotaMessages: 7 })))
  t.equal(outcomes(results).filter(outcome => outcome === 'stored').length, 7)
  t.equal(outcomes(results).filter(outcome => outcome === 'message quota').length, 13)
})

t.test('a quota by bytes is exact when all of it is asked for in one batch', async t => {
  const { write } = bob()
  const bytes = Buffer.alloc(100)
  const results = write(Array.from({ length: 20 }, (_, i) => custodyOf(i, { bytes }, { quotaBytes: 550 })))
  t.equal(outcomes(results).filter(outcome => outcome === 'stored').length, 5)
  t.match(outcomes(results)[5], 'byte quota')
})

t.test('the same request twice in one batch is stored once; the quota does not turn the copy away', async t => {
  const { write } = bob()
  t.strictSame(outcomes(write([custodyOf(1, {}, { quotaMessages: 1 }), custodyOf(1, {}, { quotaMessages: 1 })])), [
    'stored',
    'duplicate',
  ])
  t.strictSame(outcomes(write([custodyOf(1, {}, { quotaMessages: 1 })])), ['duplicate'])
})

t.test('below the reserve nothing new is stored', async t => {
  const { write } = bob(10_000)
  t.strictSame(outcomes(write([custodyOf(1, {}, { reserveBytes: 10_000 })])), ['flash reserve'])
  t.strictSame(outcomes(write([custodyOf(1, {}, { reserveBytes: 9_000 })])), ['stored'])
})

t.test('a request that cannot be carried out leaves nothing behind and its batch-mates go on', async t => {
  const { write, store, table } = bob()
  const { results } = write([custodyOf(1), accountPut(`sip:${'x'.repeat(2000)}@example.org`), custodyOf(2)])
  t.match(results, [
    { value: { outcome: 'stored' } },
    { failure: 'io', detail: /longer than/ },
    { value: { outcome: 'stored' } },
  ])
  t.match(ask(store, table, { verb: 'status' }), { accounts: 1, waiting: 2 })
})

t.test('what the disk refuses is thrown, so that the whole transaction is undone', async t => {
  const { store, table } = bob()
  const full = {
    ...readOnly(table),
    put: () => {
      throw new DiskFailure('full', 'no space')
    },
  }
  t.throws(() => store.write(full, [custodyOf(1)]), new DiskFailure('full', 'no space'))
})

t.test('a removed account leaves its stories to be traced, and its name begins anew', async t => {
  const { write, store, table } = bob()
  write([custodyOf(1), { verb: 'account.remove', aor: BOB_AOR, at: STORED_AT }, accountPut(BOB_AOR)])
  t.match(ask(store, table, { verb: 'trace', id: 'call-1@192.0.2.9', limit: 9 }), [
    { events: [{ event: 'stored' }, { event: 'deleted', detail: 'account removed' }] },
  ])
  t.strictSame(ask(store, table, pageOf(BOB_AOR)), [])
  t.strictSame(outcomes(write([custodyOf(1)])), ['stored'])
})

t.test('all that a message left goes when its story is forgotten', async t => {
  const { write, table } = bob()
  const before = table.size
  write([custodyOf(1), { verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '200' }])
  t.ok(table.size > before)
  write([{ verb: 'forget', before: STORED_AT, keep: 0, limit: 10 }])
  t.equal(table.size, before)
})

function bob(freeBytes = Number.MAX_SAFE_INTEGER) {
  const table = new SortedKeyValue()
  const store = openedStore(table, () => freeBytes)
  const write = (requests: StoreRequest[]): Batch => settled(store.write(table, requests))
  write([accountPut(BOB_AOR)])
  return { store, table, write }
}

const outcomes = ({ results }: Batch): unknown[] =>
  results.map(result => {
    const { outcome, reason } =
      'value' in result ? (result.value as { outcome: string; reason?: string }) : { outcome: result.failure }
    return reason ?? outcome
  })

function settled(batch: Batch): Batch {
  batch.settle()
  return batch
}

function ask(store: KeyedStore, table: SortedKeyValue, request: StoreRequest): Reply {
  if (isMemoryOnly(request.verb)) return store.lease(request as Parameters<KeyedStore['lease']>[0])
  const result = isRead(request.verb) ? store.read(table, request)! : settled(store.write(table, [request])).results[0]!
  if (!('value' in result)) throw new Error(result.detail)
  return result.value
}
