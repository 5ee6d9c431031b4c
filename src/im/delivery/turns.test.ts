import t from 'tap'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Turns } from './turns.ts'

const now: Now = { at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true }

t.test('who waits runs in order of arrival, and waits again behind the first that begins', async t => {
  const turns = new Turns(8)
  const ran: string[] = []
  const tryFor = (name: string) => (): void => {
    if (turns.isBusy('bob')) {
      turns.wait('bob', tryFor(name))
      return
    }
    turns.begin('bob')
    ran.push(name)
  }
  for (const name of ['a', 'b', 'c']) tryFor(name)()
  t.same(ran, ['a'])
  turns.end(now, 'bob')
  t.same(ran, ['a', 'b'])
  turns.end(now, 'bob')
  t.same(ran, ['a', 'b', 'c'])
  turns.end(now, 'bob')
  t.notOk(turns.isBusy('bob'))
})

t.test('a flood is turned away at the bound, and others are not held up', async t => {
  const turns = new Turns(2)
  turns.begin('bob')
  t.ok(turns.wait('bob', () => {}))
  t.ok(turns.wait('bob', () => {}))
  t.notOk(turns.wait('bob', () => {}))
  t.notOk(turns.isBusy('carol'))
})
