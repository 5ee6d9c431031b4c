import t from 'tap'
import { Candidates } from './candidates.ts'

const changesOf = (...keys: string[]) => ({ version: 'v', changes: new Map(keys.map(key => [key, 1])) })

t.test('each has changes of their own; one key of them may go, and the last one takes all with it', async t => {
  const candidates = new Candidates()
  candidates.put('ann', changesOf('a', 'b'))
  candidates.put('bea', changesOf('c'))
  candidates.drop('ann', 'c')
  t.same([...candidates.of('ann')!.changes.keys()], ['a', 'b'])
  candidates.drop('ann', 'a')
  t.match(candidates.of('ann'), { version: 'v', changes: new Map([['b', 1]]) })
  candidates.drop('ann', 'b')
  t.equal(candidates.of('ann'), undefined)
  candidates.drop('ann')
  candidates.drop('bea')
  t.equal(candidates.of('bea'), undefined)
  candidates.put('cid', changesOf())
  t.equal(candidates.of('cid'), undefined, 'no changes are none')
})

t.test('of more than can be signed in the one untouched for longest goes', async t => {
  const candidates = new Candidates()
  for (let i = 0; i < 128; i++) candidates.put(`s${i}`, changesOf('a'))
  candidates.put('s0', changesOf('b'))
  candidates.put('one more', changesOf('a'))
  t.ok(candidates.of('s0'), 'touched meanwhile')
  t.equal(candidates.of('s1'), undefined)
  t.ok(candidates.of('s2'))
})
