import t from 'tap'
import { SystemEntropy } from './entropy.ts'

t.test('bytes handed out are never written to again, whatever is asked for later', async t => {
  const entropy = new SystemEntropy()
  const first = entropy.bytes(32)
  const copy = Buffer.from(first)
  for (let i = 0; i < 1000; i++) entropy.bytes(100)
  t.same(Buffer.from(first), copy)
  t.equal(entropy.bytes(10_000).length, 10_000, 'more than a pool')
  t.equal(entropy.bytes(0).length, 0)
})

t.test('no two values are the same', async t => {
  const entropy = new SystemEntropy()
  const seen = new Set(Array.from({ length: 2000 }, () => Buffer.from(entropy.bytes(16)).toString('hex')))
  t.equal(seen.size, 2000)
})
