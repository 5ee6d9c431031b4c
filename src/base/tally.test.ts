import t from 'tap'
import { Tally } from './tally.ts'

t.test('counts each for itself and forgets who has none', async t => {
  const tally = new Tally()
  tally.add('a')
  tally.add('a')
  tally.add('b')
  t.same([tally.of('a'), tally.of('b'), tally.of('c')], [2, 1, 0])
  tally.remove('a')
  t.same([tally.of('a'), tally.size], [1, 2])
  tally.remove('a')
  t.same([tally.of('a'), tally.size], [0, 1])
  tally.remove('a')
  tally.add('a')
  t.equal(tally.of('a'), 1, 'never below none')
})
