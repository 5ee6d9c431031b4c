import t from 'tap'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { KeyedStore } from './keyed.ts'
import { accountKey, bindingsKey, bodyKey, headKey, identitiesKey, indexKey, lifeKey, TOTALS_KEY } from './keys.ts'
import type { LifeStory, MailboxSummary, StoredMessage, StoreRequest, StoreStatus } from './verbs.ts'

/** Bob's is the first mailbox; messages 1 to 3 wait in it. */
const MAILBOX = 1

t.test('a damaged message is set aside, counted and told, and those behind it come', async t => {
  const box = damaged([bodyKey(2)])
  t.strictSame(box.waiting(), [1, 3])
  t.strictSame(box.waiting(), [1, 3])
  t.match(box.notices, [{ table: 'body', storeId: 'sip:2@edge1.example.org', aor: BOB_AOR }])
  t.match(box.status(), { waiting: 2, mailboxes: 1, damaged: 1 })
  t.match(box.summary(), { count: 2, bytes: box.bytes(1) + box.bytes(3) })
  t.match(box.story(2).events, [{ event: 'stored' }, { event: 'damaged' }])
  t.equal(box.quarantined(), 1)
  t.match(box.ask(custodyOf(2)), { outcome: 'duplicate', seq: 2 })
})

t.test('a damaged message cannot be read through the mailbox either', async t => {
  const box = damaged([bodyKey(1)])
  t.match(box.ask({ verb: 'mailbox', aor: BOB_AOR, afterSeq: 0, limit: 9 }), [{ seq: 2 }, { seq: 3 }])
})

t.test('all messages damaged: the mailbox is empty and takes new ones', async t => {
  const box = damaged([bodyKey(1), bodyKey(2), bodyKey(3)])
  t.strictSame(box.waiting(), [])
  t.match(box.status(), { waiting: 0, waitingBytes: 0, mailboxes: 0, damaged: 3 })
  t.match(box.ask(custodyOf(4)), { outcome: 'stored', waiting: 1 })
  t.match(box.ask({ verb: 'expire', at: box.later, limit: 9 }), [{ seq: 4 }])
})

t.test('a damaged index entry is made again from its message', async t => {
  const box = damaged([indexKey(MAILBOX, 2)])
  t.strictSame(box.waiting(), [1, 2, 3])
  t.match(box.ask({ verb: 'confirm', aor: BOB_AOR, seq: 2, at: STORED_AT, detail: '' }), {
    wasWaiting: true,
    waiting: 2,
  })
})

t.test('index entry and message both damaged: the message is set aside', async t => {
  const box = damaged([indexKey(MAILBOX, 2), bodyKey(2)])
  t.match(box.ask({ verb: 'confirm', aor: BOB_AOR, seq: 2, at: STORED_AT, detail: '' }), {
    wasWaiting: false,
    waiting: 2,
  })
  t.strictSame(box.waiting(), [1, 3])
  t.match(box.ask({ verb: 'expire', at: box.later, limit: 9 }), [{ seq: 1 }, { seq: 3 }])
  t.strictSame(box.ask({ verb: 'expire', at: box.later, limit: 9 }), [])
})

t.test('a damaged head is counted again: the quota stays exact', async t => {
  const box = damaged([headKey(MAILBOX)])
  t.match(box.ask(custodyOf(4, {}, { quotaMessages: 3 })), { outcome: 'refused', reason: 'message quota' })
  t.match(box.ask(custodyOf(4, {}, { quotaMessages: 4 })), { outcome: 'stored', waiting: 4 })
  t.match(box.status(), { waiting: 4, damaged: 1 })
})

t.test('a damaged life story does not hold its message up, and is forgotten whole', async t => {
  const box = damaged([lifeKey(2)])
  const keysBefore = box.table.size
  t.match(box.ask({ verb: 'confirm', aor: BOB_AOR, seq: 2, at: STORED_AT, detail: '' }), { wasWaiting: true })
  t.match(box.story(2), { recipient: BOB_AOR, events: [{ event: 'stored' }, { event: 'delivered' }] })
  t.equal(box.ask({ verb: 'forget', before: STORED_AT, keep: 0, limit: 9 }), 1)
  const left = ['index', 'body', 'expiry', 'life']
  t.equal(box.table.size, keysBefore - left.length + box.quarantined())
})

t.test('damaged totals are counted again and no sequence is given out twice', async t => {
  const box = damaged([TOTALS_KEY])
  t.match(box.status(), { accounts: 1, mailboxes: 1, waiting: 3, clockFloor: STORED_AT, damaged: 1 })
  const { seq } = box.ask(custodyOf(4)) as { seq: number }
  t.ok(seq > 3)
  t.strictSame(box.waiting(), [1, 2, 3, seq])
})

t.test('a damaged account keeps its messages, and gets its credentials from the configuration again', async t => {
  const box = damaged([accountKey(BOB_AOR)])
  t.match(box.ask({ verb: 'locate', aor: BOB_AOR }), { isKnown: true, waiting: 3 })
  const { account } = accountPut(BOB_AOR, 'file')
  t.strictSame(box.ask({ verb: 'account.provision', accounts: [account] }), { shadowed: [] })
  t.strictSame(box.ask({ verb: 'account.get', aor: BOB_AOR }), account)
  t.strictSame(box.waiting(), [1, 2, 3])
})

t.test('damaged bindings are as none: the contact registers again', async t => {
  const box = damaged([bindingsKey(BOB_AOR)])
  t.strictSame(box.ask({ verb: 'bindings.get', aor: BOB_AOR }), { version: 0, bindings: [] })
  t.equal(box.ask({ verb: 'bindings.put', aor: BOB_AOR, version: 0, bindings: [] }), 'saved')
})

t.test(
  'damaged identities are made again from the life stories, when they are written and when they are loaded',
  async t => {
    for (const isRestarted of [false, true]) {
      const box = damaged([identitiesKey(0)])
      if (isRestarted) box.restart()
      t.match(box.ask(custodyOf(2)), { outcome: 'duplicate', seq: 2 })
      t.match(box.ask(custodyOf(4)), { outcome: 'stored', seq: 4 })
      t.match(box.notices, [{ table: 'identities' }])
      t.equal(box.quarantined(), 1)
      box.restart()
      for (const seq of [1, 2, 3, 4]) t.match(box.ask(custodyOf(seq)), { outcome: 'duplicate', seq })
      t.equal(box.notices.length, 1)
    }
  },
)

t.test('identities and totals damaged at once: the store opens, and knows what it has seen', async t => {
  const box = damaged([identitiesKey(0), TOTALS_KEY])
  box.restart()
  t.match(box.notices, [{ table: 'totals' }, { table: 'identities' }])
  t.match(box.ask(custodyOf(3)), { outcome: 'duplicate', seq: 3 })
})

t.test(
  'identities damaged, and one story too: that message alone is not recognised, and it is forgotten whole',
  async t => {
    const box = damaged([identitiesKey(0), lifeKey(2)])
    box.restart()
    for (const seq of [1, 3]) t.match(box.ask(custodyOf(seq)), { outcome: 'duplicate', seq })
    t.match(box.ask(custodyOf(2)), { outcome: 'stored', seq: 4 })
    for (const seq of [1, 2, 3, 4]) box.ask({ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
    t.equal(box.ask({ verb: 'forget', before: STORED_AT, keep: 0, limit: 9 }), 4)
    t.strictSame(box.table.range('d', 'e'), [])
  },
)

t.test('what is set aside is bounded', async t => {
  const box = damaged([])
  for (let round = 0; round < 1005; round++) {
    box.flip(headKey(MAILBOX))
    box.status()
    box.summary()
  }
  t.match(box.status(), { damaged: 1005 })
  t.equal(box.quarantined(), 1000)
})

/** Bob with three waiting messages, after these records lost a bit. */
function damaged(keys: readonly string[]) {
  const table = new SortedKeyValue()
  const open = () => new KeyedStore({ hostname: 'edge1.example.org', freeBytes: () => Number.MAX_SAFE_INTEGER })
  let store = open()
  const notices: unknown[] = []
  const ask = (request: StoreRequest): unknown => {
    const seen = request.verb === 'page' || request.verb === 'status' ? store.read(table, request) : undefined
    if (seen) return seen.value
    const batch = store.write(table, [request])
    batch.settle()
    notices.push(...batch.notices)
    const [result] = batch.results
    return result && 'value' in result ? result.value : result
  }
  const flip = (key: string): void => {
    const value = Buffer.from(table.get(key)!)
    value[value.length - 1]! ^= 4
    table.put(key, value)
  }
  const restart = (): void => {
    store = open()
    const loaded = store.load(table)
    loaded.settle()
    notices.push(...loaded.notices)
  }
  ask(accountPut(BOB_AOR))
  ask({ verb: 'bindings.put', aor: BOB_AOR, version: 0, bindings: [] })
  for (const number of [1, 2, 3]) ask(custodyOf(number))
  for (const key of keys) flip(key)
  return {
    ask,
    flip,
    restart,
    table,
    notices,
    later: (STORED_AT + 1e9) as typeof STORED_AT,
    waiting: () => (ask(pageOf(BOB_AOR)) as StoredMessage[]).map(({ seq }) => seq),
    status: () => ask({ verb: 'status' }) as StoreStatus,
    summary: () => (ask({ verb: 'mailboxes', limit: 9 }) as MailboxSummary[])[0],
    story: (seq: number) => (ask({ verb: 'trace', id: `sip:${seq}@edge1.example.org`, limit: 1 }) as LifeStory[])[0]!,
    bytes: (number: number) => custodyOf(number).message.bytes.length,
    quarantined: () => table.range('q', 'r').length,
  }
}
