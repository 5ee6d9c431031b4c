import t from 'tap'
import { UNDATED, type WallTime } from '../base/time.ts'
import * as large from '../testing/large-requests.ts'
import { BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { bobsBox } from './bobs-box.fixture.ts'
import { indexKey } from './keys.ts'
import type { Waiting } from './verbs.ts'

const HOUR = 3_600_000
const undated = (ms: number) => ({ expiresAt: (UNDATED + ms) as WallTime })
const at = (ms: number): WallTime => (STORED_AT + ms) as WallTime

function box() {
  const bob = bobsBox()
  const waiting = () => bob.value({ verb: 'mailbox', aor: BOB_AOR, afterSeq: 0, limit: 100 }) as Waiting[]
  return {
    ...bob,
    ends: () => waiting().map(({ seq, expiresAt }) => [seq, expiresAt - STORED_AT]),
    redate: (ms: number, limit = 100) => bob.value({ verb: 'redate', wall: at(ms), limit }),
    expire: (ms: number) => (bob.value({ verb: 'expire', at: at(ms), limit: 100 }) as Waiting[]).map(({ seq }) => seq),
  }
}

t.test('DM-STO-11: what has no end yet gets one from then on; nothing else is touched, nor the order', async t => {
  const { value, ends, redate, expire, begin, restart } = box()
  value(custodyOf(1, undated(9000)))
  value(custodyOf(2))
  value(custodyOf(3, undated(0)))
  t.same(expire(100 * HOUR), [2], 'none of the others ends')
  t.equal(redate(1000, 1), 1, 'as many as asked for')
  restart()
  t.equal(redate(2000), 1)
  t.same(ends(), [
    [1, 11_000],
    [3, 1000],
  ])
  t.equal(redate(50_000), 0, 'once')
  const upload = (value(large.begin(4, undated(5000))) as { upload: number }).upload
  t.equal(redate(50_000), 0, 'a large message that is still coming')
  value(large.append(upload, 0, Buffer.alloc(10)))
  value(large.finish(upload, 10))
  t.equal(redate(50_000), 1)
  t.same(expire(10_999), [3])
  t.same(expire(11_000), [1])
  t.same(expire(54_999), [])
  t.same(expire(55_000), [4])
  t.equal(typeof begin(5), 'number')
})

t.test('what has got its end is confirmed and expires as any other, and leaves no key', async t => {
  const one = box()
  const before = one.size
  one.value(custodyOf(1, undated(9000)))
  one.redate(1000)
  one.value({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: at(2000), detail: '' })
  t.same(one.expire(HOUR), [])
  one.value({ verb: 'forget', before: at(HOUR), keep: 0, limit: 10 })
  const other = box()
  other.value(custodyOf(1))
  other.value({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: at(2000), detail: '' })
  other.value({ verb: 'forget', before: at(HOUR), keep: 0, limit: 10 })
  t.equal(one.size - before, other.size - before)
})

t.test('an index entry that is damaged before or after: the message is kept, and ends', async t => {
  for (const isBefore of [true, false]) {
    const { value, redate, expire, damage, page } = box()
    value(custodyOf(1, undated(9000)))
    value(custodyOf(2, undated(9000)))
    if (!isBefore) redate(1000)
    damage(indexKey(1, 1))
    t.equal(page().length, 2)
    redate(1000)
    t.same(expire(9999), [])
    t.same(expire(10_000), [1, 2])
    t.same(page(), [])
    t.same(expire(HOUR), [])
    t.equal(redate(HOUR), 0)
  }
})
