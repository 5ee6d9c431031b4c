import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { Leases } from './leases.ts'

const at = (ms: number): WallTime => ms as WallTime

t.test('one delivery per mailbox at a time, until its lease is released or lapses', async t => {
  const leases = new Leases()
  const ask = (holder: string, ms: number) =>
    leases.lease({ aor: 'sip:bob@example.org', holder, at: at(ms), forMs: 100 })
  t.equal(ask('one', 0), 'granted')
  t.equal(ask('two', 99), 'busy')
  t.equal(ask('one', 99), 'granted', 'renewed')
  t.equal(ask('two', 198), 'busy')
  t.equal(ask('two', 199), 'granted', 'lapsed')
  leases.release({ aor: 'sip:bob@example.org', holder: 'one' })
  t.equal(ask('one', 200), 'busy', 'only the holder releases')
  leases.release({ aor: 'sip:bob@example.org', holder: 'two' })
  t.equal(ask('one', 201), 'granted')
})

t.test('the table is bounded; lapsed leases make room', async t => {
  const leases = new Leases()
  const ask = (number: number, ms: number) =>
    leases.lease({ aor: `sip:${number}@example.org`, holder: 'one', at: at(ms), forMs: 100 })
  for (let number = 0; number < 65_536; number++) ask(number, 0)
  t.equal(ask(70_000, 50), 'busy')
  t.equal(ask(70_000, 100), 'granted')
})
