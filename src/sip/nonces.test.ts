import fc from 'fast-check'
import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { atSecond } from '../testing/sip-examples.ts'
import { Nonces, REPLAY_WINDOW } from './nonces.ts'

const fresh = (lifeS = 300, max?: number) => new Nonces(new SeededEntropy('nonces'), lifeS, max)

t.test('RFC 7616 3.3: a nonce is good for as long as its life and no longer', async t => {
  const nonces = fresh(300)
  const nonce = nonces.issue(atSecond(0))
  t.ok(nonces.use(atSecond(300), nonce, 1))
  t.notOk(nonces.use(atSecond(300.001), nonce, 2))
})

t.test('RFC 7616 3.3: a nonce of another run, a changed one and an invented one are not ours', async t => {
  const nonces = fresh()
  const other = new Nonces(new SeededEntropy('before the restart'), 300)
  const nonce = nonces.issue(atSecond(5))
  other.issue(atSecond(0))
  t.notOk(nonces.use(atSecond(5), other.issue(atSecond(5)), 1))
  t.notOk(nonces.use(atSecond(5), nonce.replace(/^[^.]*/, 'zz'), 1))
  for (const text of ['', '.', 'a.b.c', `${nonce}.x`, `${nonce}x`, 'x'.repeat(10_000)])
    t.notOk(nonces.use(atSecond(5), text, 1), text.slice(0, 40))
  t.equal(nonces.size, 0)
})

t.test('RFC 7616 3.4: a nonce count is good once, also when UDP reorders', async t => {
  const nonces = fresh()
  const nonce = nonces.issue(atSecond(0))
  const use = (count: number): boolean => nonces.use(atSecond(1), nonce, count)
  t.ok(use(1))
  t.notOk(use(1))
  t.ok(use(3))
  t.ok(use(2))
  t.notOk(use(2))
  t.ok(use(3 + REPLAY_WINDOW))
  t.notOk(use(3), 'beyond the window')
  t.ok(use(4), 'at its edge')
})

t.test('RFC 7616 3.4: any order of counts within the window is accepted exactly once', async t => {
  const isOnce = fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 200 }), counts => {
    const nonces = fresh()
    const nonce = nonces.issue(atSecond(0))
    const used = new Set<number>()
    let highest = 0
    for (const count of counts) {
      const isInWindow = highest === 0 || count > highest - REPLAY_WINDOW
      const isWanted = isInWindow && !used.has(count)
      if (nonces.use(atSecond(1), nonce, count) !== isWanted) return false
      if (isWanted) used.add(count)
      highest = Math.max(highest, count)
    }
    return true
  })
  t.doesNotThrow(() => fc.assert(isOnce, { numRuns: 300, seed: 7616 }))
})

t.test('the table of nonces in use is bounded, and what was forgotten is stale rather than replayable', async t => {
  const nonces = fresh(300, 3)
  const issued = [0, 1, 2, 3].map(second => nonces.issue(atSecond(second)))
  const unusedOld = nonces.issue(atSecond(0))
  for (const nonce of issued) t.ok(nonces.use(atSecond(4), nonce, 1))
  t.equal(nonces.size, 3)
  t.notOk(nonces.use(atSecond(4), issued[0]!, 1), 'replay of the forgotten one')
  t.notOk(nonces.use(atSecond(4), unusedOld, 1), 'never used, but as old as the forgotten one')
  t.ok(nonces.use(atSecond(4), issued[3]!, 2))
  t.ok(nonces.use(atSecond(5), nonces.issue(atSecond(5)), 1))
})

t.test('nonces that expired leave the table without making younger ones stale', async t => {
  const nonces = fresh(300, 3)
  for (const second of [0, 1, 2]) nonces.use(atSecond(second), nonces.issue(atSecond(second)), 1)
  const waiting = nonces.issue(atSecond(100))
  nonces.use(atSecond(350), nonces.issue(atSecond(350)), 1)
  t.equal(nonces.size, 1)
  t.ok(nonces.use(atSecond(351), waiting, 1))
})

t.test('a nonce says whom it was sent to, to us alone', async t => {
  const nonces = fresh()
  const [one, again, other] = ['192.0.2.1', '192.0.2.1', '192.0.2.2'].map(source => nonces.issue(atSecond(0), source))
  t.equal(nonces.read(one!)?.source, nonces.read(again!)?.source)
  t.not(nonces.read(one!)?.source, nonces.read(other!)?.source)
  t.notMatch(one, /192/)
  const source = (nonce: string): string => nonce.split('.')[2]!
  t.equal(nonces.read(one!.replace(source(one!), source(other!))), undefined, 'and none can be passed off as another’s')
})
