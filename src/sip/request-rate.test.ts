import t from 'tap'
import { atSecond } from '../testing/sip-examples.ts'
import { RequestRate } from './request-rate.ts'

t.test('so many at once, then one in each interval; others have a rate of their own', async t => {
  const rate = new RequestRate(3, 2000)
  const take = (second: number, name = 'alice') => rate.take(atSecond(second), name)
  t.strictSame([take(0), take(0), take(0), take(0)], [0, 0, 0, 2])
  t.equal(take(0, 'bob'), 0)
  t.strictSame([take(1), take(2), take(2)], [1, 0, 2])
  t.strictSame([take(100), take(100), take(100), take(100)], [0, 0, 0, 2], 'all is forgotten')
})

t.test('a refusal costs nothing more than the wait that it names', async t => {
  const rate = new RequestRate(1, 5000)
  rate.take(atSecond(0), 'alice')
  for (let round = 0; round < 1000; round++) rate.take(atSecond(4), 'alice')
  t.equal(rate.take(atSecond(5), 'alice'), 0)
})

t.test('requesters are forgotten when they have paid, and the oldest when there are too many', async t => {
  const rate = new RequestRate(1, 1000, 10)
  for (let name = 0; name < 50; name++) rate.take(atSecond(0), `u${name}`)
  t.equal(rate.size, 10)
  t.equal(rate.take(atSecond(0), 'u49'), 1)
  t.equal(rate.take(atSecond(0), 'u1'), 0)
  rate.take(atSecond(60), 'u0')
  t.equal(rate.size, 1)
})
