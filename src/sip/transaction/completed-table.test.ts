import t from 'tap'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Timers } from '../../base/timers.ts'
import { ALICE } from '../../testing/sip-wire.ts'
import { CompletedTable } from './completed-table.ts'

const at = (ms: number): Now => ({ at: ms as Instant, wall: ms as WallTime, isWallTrusted: true })
const row = (key: string, size = 9) => ({ key, flow: ALICE, bytes: Buffer.alloc(size) })

function table(transactions: number, bytes: number) {
  const timers = new Timers()
  const completed = new CompletedTable(timers, { transactions, bytes })
  const kept = (keys: string): string => [...keys].filter(key => completed.get(key)).join('')
  return { timers, completed, kept }
}

t.test('RFC 3261 17.2.2 Timer J: each row ends 64*T1 after it came, by one timer', async t => {
  const { timers, completed, kept } = table(10, 1000)
  completed.add(at(0), row('a'))
  completed.add(at(10), row('b'))
  completed.add(at(10), row('c'))
  t.same(timers.describe(), { J: 1 })
  timers.fire(at(31999))
  t.equal(kept('abc'), 'abc')
  timers.fire(at(32000))
  t.equal(kept('abc'), 'bc')
  timers.fire(at(32010))
  t.equal(kept('abc'), '')
  t.same([completed.size, completed.bytes, timers.size], [0, 0, 0])
  completed.add(at(40000), row('d'))
  t.equal(timers.next(), 72000)
})

t.test('past either bound the oldest goes first', async t => {
  const few = table(3, 1000)
  for (const key of 'abcdefgh') few.completed.add(at(0), row(key))
  t.equal(few.kept('abcdefgh'), 'fgh')
  const small = table(100, 25)
  for (const key of 'abcd') small.completed.add(at(0), row(key))
  t.equal(small.kept('abcd'), 'cd')
  t.equal(small.completed.bytes, 20)
})
