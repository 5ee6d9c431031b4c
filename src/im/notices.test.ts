import t from 'tap'
import { Counters } from '../base/counters.ts'
import { silentLog } from '../base/log.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import { MemoryStore } from '../store/memory.ts'
import type { RequestOf, StoreClient, StoreResult } from '../store/verbs.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { Notices } from './notices.ts'

const MALLORY = 'sip:mallory@example.org'

t.test('who cannot be told of a thousand messages keeps nobody else from being told', async t => {
  const store = new MemoryStore({ hostname: 'box', freeBytes: () => 1e12 })
  store.execute(accountPut(BOB_AOR))
  const asked = (number: number, sender: string) => {
    const [messageId, dateTime] = [`id-${number}`, '2030-01-02T03:04:05Z']
    const receipt = {
      messageId,
      dateTime,
      from: `<${sender}>`,
      to: `<${BOB_AOR}>`,
      wantsStored: true,
      wantsFailed: false,
    }
    store.execute(custodyOf(number, { sender, receipt }))
  }
  for (let number = 1; number <= 1200; number++) asked(number, MALLORY)
  asked(1201, ALICE_AOR)
  let at = 0
  const now = (): Now => ({ at: at as Instant, wall: (STORED_AT + at) as WallTime, isWallTrusted: true })
  const client: StoreClient = {
    ask: (verb, request, done) => {
      const value = store.execute({ verb, ...request } as RequestOf<typeof verb>)
      done(now(), { value } as StoreResult<typeof verb>)
    },
  }
  const timers = new Timers()
  const counters = new Counters()
  let tries = 0
  const notices = new Notices({
    ...{ store: client, timers, counters, log: silentLog, storeUri: 'sip:store@example.org', hostname: 'box' },
    send: (then, { uri }, done) => {
      if (uri === MALLORY) tries++
      done(then, { status: uri === MALLORY ? 603 : 202 })
    },
  })
  notices.look(now())
  for (; at <= 20_000; at += 100) timers.fire(now())
  t.equal(counters.get('notices_sent', 'stored'), 1, 'alice was told')
  t.equal(tries, 1200)
  t.same(notices.describe(), { open: 0, retrying: 32 })
  t.equal(counters.get('notices_given_up', 'stored'), 1200 - 32)
  for (; at <= 20_000_000; at += 10_000) timers.fire(now())
  t.same(notices.describe(), { open: 0, retrying: 0 })
  t.same(store.execute({ verb: 'status' } as RequestOf<'status'>).notices, 0)
})
