import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import type { HistoryPage } from '../store/history.ts'
import type { StoredMessage } from '../store/verbs.ts'
import { replyOf } from '../testing/asked-store.ts'
import { linesUntilKilled } from '../testing/killed-child.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { BOB_AOR, custodyOf, pageOf } from '../testing/store-fixtures.ts'
import { LmdbStore } from './lmdb.ts'

const KILLS = 10
/** The kill comes after as many answers as the dice say, up to this. */
const ANSWERS_MAX = 400

t.test(
  'killed with -9 under load: what was answered is there, once, and what was confirmed does not come back',
  async t => {
    const dir = t.testdir()
    const dice = new SeededEntropy('kill')
    const stored = new Map<number, number>()
    const confirmed = new Set<number>()
    for (let kill = 0; kill < KILLS; kill++) {
      const lines = await linesUntilKilled('custody-child.ts', dir, (kill + 1) * 1_000_000, 1 + dice.below(ANSWERS_MAX))
      t.ok(lines.length > 0, 'answered something before it was killed')
      for (const line of lines) {
        const [what, number, seq] = line.split(' ')
        if (what === 'stored') stored.set(Number(number), Number(seq))
        else if (what === 'confirmed') confirmed.add(Number(number))
      }
      await inspect(t, dir, stored, confirmed)
    }
    t.ok(confirmed.size > 0)
    t.equal(new Set(stored.values()).size, stored.size, 'no sequence was given out twice')
  },
)

async function inspect(
  t: Test,
  dir: string,
  stored: ReadonlyMap<number, number>,
  confirmed: ReadonlySet<number>,
): Promise<void> {
  const store = await LmdbStore.open({ dir, hostname: 'edge1.example.org', mapBytes: 2 ** 28, log: silentLog })
  const page = await allOf(store)
  const found = page.map(({ bytes }) => Number(/Subject: (\d+)/.exec(bytes.toString())![1]))
  const there = new Set(found)
  t.equal(there.size, found.length, 'none is there twice')
  const lost = [...stored.keys()].filter(number => !there.has(number) && number % 3 !== 0)
  t.equal(lost.length, 0, `all ${stored.size} answered are there`)
  const back = [...confirmed].filter(number => there.has(number))
  t.equal(back.length, 0, `none of ${confirmed.size} confirmed came back`)
  const status = await replyOf(store, { verb: 'status' })
  t.equal((status as { waiting: number }).waiting, page.length, 'the counters agree')
  const told = await historyOf(store)
  t.equal(new Set(told).size, told.length, 'none is twice in the history')
  t.strictSame(
    [...stored.keys()].filter(number => !told.includes(number)),
    [],
    'HIS-STO-01: all answered are in the history, the confirmed too',
  )
  t.strictSame(
    found.filter(number => !told.includes(number)),
    [],
    'none waits that is not in the history',
  )
  const [again] = stored.keys()
  t.equal(
    ((await replyOf(store, custodyOf(again!))) as { outcome: string }).outcome,
    'duplicate',
    'and are recognised when sent again',
  )
  await store.close()
}

async function historyOf(store: LmdbStore): Promise<number[]> {
  const numbers: number[] = []
  const page = { verb: 'history.list', aor: BOB_AOR, filter: {}, order: 'oldest', limit: 500 } as const
  for (let after = {}; ; ) {
    const { entries, next } = (await replyOf(store, { ...page, ...after })) as HistoryPage
    numbers.push(...entries.map(({ callId }) => Number(/\d+/.exec(callId))))
    if (next === undefined) return numbers
    after = { after: next }
  }
}

async function allOf(store: LmdbStore): Promise<StoredMessage[]> {
  const all: StoredMessage[] = []
  for (;;) {
    const page = (await replyOf(store, pageOf(BOB_AOR, all.at(-1)?.seq ?? 0))) as StoredMessage[]
    if (page.length === 0) return all
    all.push(...page)
  }
}
