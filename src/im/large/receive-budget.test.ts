import t from 'tap'
import type { Now } from '../../base/time.ts'
import { GATHER_BYTES, ReceiveBudget } from './receive-budget.ts'

const now = {} as Now

t.test('when nothing arrives any more a megabyte is kept for the next, and no more', async t => {
  const budget = new ReceiveBudget(10 * GATHER_BYTES)
  const takeAll = () => Array.from({ length: 10 }, () => budget.take()!)
  const first = takeAll()
  t.equal(budget.take(), undefined)
  for (const buffer of first) budget.give(now, buffer)
  t.match(budget.describe(), { used: 0 })
  const kept = takeAll().filter(buffer => first.includes(buffer))
  t.equal(kept.length * GATHER_BYTES, 16 * 65507, 'of the same memory')
})

t.test('while something arrives, all of it is used again', async t => {
  const budget = new ReceiveBudget(10 * GATHER_BYTES)
  const first = Array.from({ length: 9 }, () => budget.take()!)
  const last = budget.take()!
  for (const buffer of first) budget.give(now, buffer)
  t.ok(Array.from({ length: 9 }, () => budget.take()!).every(buffer => first.includes(buffer)))
  t.notOk(first.includes(last))
})
