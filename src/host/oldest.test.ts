import t from 'tap'
import type { Instant, WallTime } from '../base/time.ts'
import { HostStore } from '../testing/host-store.ts'
import { accountPut, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { OldestWaiting } from './oldest.ts'
import { OutsideStore } from './outside-store.ts'

const aorOf = (index: number): string => `sip:user${String(index).padStart(4, '0')}@example.org`

t.test('the oldest of many mailboxes, wherever it lies, and not looked for at each question', async t => {
  const host = new HostStore()
  const oldest = new OldestWaiting(new OutsideStore(host))
  t.equal(await oldest.at(0 as Instant), undefined, 'nothing waits')
  for (let index = 0; index < 170; index++) {
    host.model.execute(accountPut(aorOf(index)))
    const receivedAt = (STORED_AT + (index === 123 ? -7 : index)) as WallTime
    host.model.execute(custodyOf(index, { recipient: aorOf(index), receivedAt }))
  }
  const before = host.asked.length
  t.equal(await oldest.at(30_000 as Instant), undefined, 'as last known')
  t.equal(host.asked.length, before)
  await oldest.at(30_001 as Instant)
  // The walk goes on behind the answer.
  while (host.asked.length < before + 4) await new Promise(setImmediate)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  t.equal(await oldest.at(30_002 as Instant), STORED_AT - 7)
  t.equal(host.asked.length, before + 4, 'four pages of fifty')
})

t.test('a store that fails is no oldest message, and is asked again', async t => {
  const host = new HostStore()
  host.failure = { failure: 'io', detail: 'gone' }
  const oldest = new OldestWaiting(new OutsideStore(host))
  t.equal(await oldest.at(0 as Instant), undefined)
})
