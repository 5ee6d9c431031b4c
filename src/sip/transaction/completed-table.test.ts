import t from 'tap'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Timers } from '../../base/timers.ts'
import { SeededEntropy } from '../../testing/seeded-entropy.ts'
import { ALICE } from '../../testing/sip-wire.ts'
import { type Completed, CompletedTable } from './completed-table.ts'

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
  const long = table(100, 25)
  for (const key of ['a'.repeat(20), 'b'.repeat(20)]) long.completed.add(at(0), row(key, 0))
  t.same([long.completed.size, long.completed.bytes], [1, 20], 'keys are bounded too')
  long.completed.add(at(0), row('huge', 26))
  t.notOk(long.completed.has('huge'), 'and what is larger than all the room is not kept')
})

t.test('an answer comes out as it went in, however the ring has turned', async t => {
  const dice = new SeededEntropy('completed')
  const { completed } = table(12, 400)
  const model: Completed[] = []
  for (let step = 0; step < 20_000; step++) {
    const bytes = dice.chance(0.1) ? undefined : Buffer.alloc(1 + dice.below(dice.chance(0.05) ? 400 : 90), step)
    completed.add(at(0), { key: String(step), flow: ALICE, bytes })
    model.push({ key: String(step), flow: ALICE, bytes })
    while (model.length > completed.size) model.shift()
    for (const { key, bytes: sent } of model) {
      const found = completed.get(key)
      if (!found || Buffer.compare(found.bytes ?? NOTHING, sent ?? NOTHING) !== 0) return t.fail(`step ${step}: ${key}`)
    }
    const held = model.reduce((sum, { key, bytes: sent }) => sum + key.length + (sent?.length ?? 0), 0)
    if (completed.bytes !== held) return t.fail(`step ${step}: counts ${completed.bytes} bytes of ${held}`)
  }
  t.ok(completed.size > 1)
})

const NOTHING = Buffer.alloc(0)
