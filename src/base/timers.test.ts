import fc from 'fast-check'
import t from 'tap'
import type { Instant, Now, WallTime } from './time.ts'
import { type Timer, Timers } from './timers.ts'

const at = (ms: number): Instant => ms as Instant
const nowAt = (ms: number): Now => ({ at: at(ms), wall: ms as WallTime, isWallTrusted: true })

t.test('timers fire in order of time, and of setting where the time is the same', async t => {
  const timers = new Timers()
  const fired: string[] = []
  for (const [name, ms] of [
    ['c', 30],
    ['a', 10],
    ['b1', 20],
    ['b2', 20],
  ] as const)
    timers.set(name, at(ms), () => fired.push(name))
  t.equal(timers.next(), 10)
  timers.fire(nowAt(20))
  t.same(fired, ['a', 'b1', 'b2'])
  t.equal(timers.next(), 30)
})

t.test('what a timer sets for now fires in the same call', async t => {
  const timers = new Timers()
  const fired: number[] = []
  timers.set('first', at(5), now => {
    fired.push(1)
    timers.set('second', now.at, () => fired.push(2))
  })
  timers.fire(nowAt(5))
  t.same(fired, [1, 2])
})

t.test('a cancelled timer neither fires nor counts, nor holds the next deadline', async t => {
  const timers = new Timers()
  const first = timers.set('F', at(1), () => t.fail('fired'))
  timers.set('K', at(9), () => {})
  timers.cancel(first)
  timers.cancel(first)
  t.equal(timers.next(), 9)
  t.equal(timers.size, 1)
  t.same(timers.describe(), { K: 1 })
})

t.test('any mix of setting, cancelling and firing behaves like a sorted list', async () => {
  const step = fc.record({ kind: fc.constantFrom('set', 'cancel', 'fire'), ms: fc.nat(1000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), steps => {
      const timers = new Timers()
      const running: { timer: Timer; ms: number; order: number }[] = []
      const fired: number[] = []
      let clock = 0
      for (const [order, { kind, ms }] of steps.entries()) {
        if (kind === 'set')
          running.push({ timer: timers.set('x', at(clock + ms), () => fired.push(order)), ms: clock + ms, order })
        if (kind === 'cancel' && running.length > 0) timers.cancel(running.splice(ms % running.length, 1)[0]?.timer)
        if (kind !== 'fire') continue
        clock += ms
        fired.length = 0
        timers.fire(nowAt(clock))
        const due = running.filter(entry => entry.ms <= clock).sort((a, b) => a.ms - b.ms || a.order - b.order)
        for (const entry of due) running.splice(running.indexOf(entry), 1)
        if (fired.join() !== due.map(entry => entry.order).join()) return false
      }
      return timers.size === running.length
    }),
    { seed: 1, numRuns: 200 },
  )
})

t.test('many cancelled timers do not stay in memory', async t => {
  const timers = new Timers()
  const kept = timers.set('kept', at(1e9), () => {})
  for (let i = 0; i < 10_000; i++) timers.cancel(timers.set('J', at(i), () => t.fail('fired')))
  t.equal(timers.size, 1)
  t.equal(timers.next(), kept.at)
})
