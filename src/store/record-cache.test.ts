import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf } from '../testing/store-fixtures.ts'
import { CONFORMANCE_HOSTNAME, Conformance } from './conformance.ts'
import { Overlay } from './key-value.ts'
import { KeyedStore } from './keyed.ts'
import { RecordCache } from './record-cache.ts'
import { isMemoryOnly } from './story.ts'
import { ALL_VERBS, HISTORY_VERBS } from './verb-mixes.fixture.ts'

const surroundings = { hostname: CONFORMANCE_HOSTNAME, freeBytes: () => Number.MAX_SAFE_INTEGER }

/** A table whose last transaction can be undone. */
function copyOf(table: SortedKeyValue): SortedKeyValue {
  const copy = new SortedKeyValue()
  for (const { key, value } of table.range('\0', '\xff')) copy.put(key, value)
  return copy
}

t.test(
  'a store that remembers answers as one that looks at the disk each time, also after batches that failed',
  async t => {
    for (const verbs of [ALL_VERBS, HISTORY_VERBS]) {
      const dice = new SeededEntropy('cache')
      const suite = new Conformance(dice, verbs)
      let [table, plainTable] = [new SortedKeyValue(), new SortedKeyValue()]
      const [caching, plain] = [new KeyedStore(surroundings, new RecordCache()), new KeyedStore(surroundings)]
      for (let batch = 0; batch < 400; batch++) {
        const requests = Array.from({ length: 1 + dice.below(6) }, () => suite.next()).filter(
          ({ verb }) => !isMemoryOnly(verb),
        )
        const [next, plainNext] = [copyOf(table), copyOf(plainTable)]
        const [made, expected] = [caching.write(next, requests), plain.write(plainNext, requests)]
        if (!sameText(made.results, expected.results)) return t.strictSame(made.results, expected.results)
        if (dice.chance(0.7)) {
          made.settle()
          expected.settle()
          table = next
          plainTable = plainNext
        }
        for (const verb of ['locate', 'account.get', 'bindings.get'] as const) {
          const read = caching.read(table, { verb, aor: BOB_AOR })
          if (!sameText(read, plain.read(plainTable, { verb, aor: BOB_AOR })))
            return t.fail(`${verb} after batch ${batch}`)
        }
      }
      t.strictSame(table.range('\0', '\xff'), plainTable.range('\0', '\xff'))
    }
  },
)

t.test('what is not yet on stable storage is read by nobody', async t => {
  const table = new SortedKeyValue()
  const store = new KeyedStore(surroundings, new RecordCache())
  store.write(table, [accountPut(BOB_AOR)]).settle()
  const locate = () => store.read(table, { verb: 'locate', aor: BOB_AOR })
  t.match(locate(), { value: { waiting: 0 } })
  const { settle } = store.write(copyOf(table), [custodyOf(1), custodyOf(2)])
  t.match(locate(), { value: { waiting: 0 } })
  settle()
  t.match(locate(), { value: { waiting: 2 } })
})

t.test('it is bounded, and what it forgot is read again', async t => {
  const cache = new RecordCache()
  for (let i = 0; i < 20_000; i++) cache.set(`k${i}`, { i })
  t.equal(cache.size, 16384)
  t.equal(cache.get('k0'), undefined)
  t.strictSame(cache.get('k19999'), { i: 19_999 })
  cache.set('k19999', null)
  t.equal(cache.get('k19999'), null)
})

t.test('a batch flushed half way for a range is read from what it wrote, not from the cache', async t => {
  const table = new SortedKeyValue()
  const cache = new RecordCache()
  cache.set('a', { of: 'disk' })
  const overlay = new Overlay(table, cache)
  overlay.putRecord('a', { of: 'batch' }, () => Buffer.from('batch'))
  t.strictSame(overlay.range('a', 'b'), [{ key: 'a', value: Buffer.from('batch') }])
  overlay.accept()
  overlay.range('x', 'y')
  t.strictSame(overlay.known('a'), { of: 'batch' })
  t.strictSame(overlay.get('a'), Buffer.from('batch'))
  overlay.remove('a')
  t.equal(overlay.known('a'), null)
  overlay.accept()
  overlay.flush()
  t.equal(overlay.known('a'), null)
  t.strictSame(cache.get('a'), { of: 'disk' })
  overlay.settle()
  t.equal(cache.get('a'), undefined)
})

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
