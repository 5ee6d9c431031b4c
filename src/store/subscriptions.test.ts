import t from 'tap'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { KeyedStore, type Result } from './keyed.ts'
import { SUBSCRIPTION_COUNT_KEY, subscriptionKey } from './keys.ts'
import type { StoreRequest, Verbs } from './verbs.ts'

function subscriptions() {
  const table = new SortedKeyValue()
  const store = new KeyedStore({ hostname: 'edge1.example.org', freeBytes: () => Number.MAX_SAFE_INTEGER })
  const ask = (request: StoreRequest): Result => {
    const batch = store.write(table, [request])
    batch.settle()
    return batch.results[0]!
  }
  const put = (id: string, value = 'v', max = 3) => ask({ verb: 'subscription.put', id, value, max })
  const list = () => {
    const result = ask({ verb: 'subscription.list', limit: 100 })
    return 'value' in result ? (result.value as Verbs['subscription.list']['reply']).map(({ id }) => id) : result
  }
  return { table, ask, put, list }
}

const KEPT = { value: 'kept' }
const FULL = { value: 'full' }

t.test(
  'RFC 6665: as many subscriptions as are allowed are kept, and one that is kept can always be written again',
  async t => {
    const { put, list, ask } = subscriptions()
    t.same([put('a'), put('b'), put('c')], [KEPT, KEPT, KEPT])
    t.same(put('d'), FULL)
    t.same(put('b', 'other'), KEPT)
    t.same(ask({ verb: 'subscription.remove', id: 'a' }), { value: 'removed' })
    t.same(ask({ verb: 'subscription.remove', id: 'a' }), { value: 'absent' })
    t.same(put('d'), KEPT)
    t.same(list(), ['b', 'c', 'd'])
  },
)

t.test('one that is too long is refused and leaves nothing behind', async t => {
  const { put, list } = subscriptions()
  t.match(put('a', 'x'.repeat(16_384)), { failure: 'io', detail: /more than 16384 characters/ })
  t.same(put('a', 'x'.repeat(16_383)), KEPT)
  t.same(list(), ['a'])
})

t.test('a damaged subscription is set aside, and those beside it stay; a damaged number is counted again', async t => {
  const { table, put, list } = subscriptions()
  for (const id of ['a', 'b', 'c']) put(id)
  table.put(subscriptionKey('b'), Buffer.from('rubbish'))
  t.same(list(), ['a', 'c'])
  table.put(SUBSCRIPTION_COUNT_KEY, Buffer.from('rubbish'))
  t.same([put('d'), put('e')], [KEPT, FULL])
  t.same(list(), ['a', 'c', 'd'])
})
