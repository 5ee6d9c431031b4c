import t from 'tap'
import * as large from '../testing/large-requests.ts'
import { openedStore } from '../testing/opened-store.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { bodyKey, NOTICE_TOTALS_KEY, noticeKey } from './keys.ts'
import { encodeNoticeTotals } from './notice-records.ts'
import { NOTICES_MAX } from './story.ts'
import type { NewMessage, Notice, ReceiptTerms, StoreRequest, StoreStatus } from './verbs.ts'

const LATER = (STORED_AT + 7_200_000) as typeof STORED_AT

const RECEIPT: ReceiptTerms = {
  messageId: 'id-1',
  dateTime: '2030-01-02T03:04:05Z',
  from: '<sip:alice@example.org>',
  to: '<sip:bob@example.org>',
  wantsStored: true,
  wantsFailed: true,
}

function box() {
  const table = new SortedKeyValue()
  const open = () => openedStore(table)
  let store = open()
  const write = (...requests: StoreRequest[]): unknown[] => {
    const batch = store.write(table, requests)
    batch.settle()
    return batch.results.map(result => ('value' in result ? result.value : result))
  }
  const ask = (request: StoreRequest): unknown => (store.read(table, request) ?? { value: write(request)[0] }).value
  write(accountPut(BOB_AOR))
  return {
    table,
    write,
    reopen: () => (store = open()),
    keep: (number: number, message: Partial<NewMessage> = {}) =>
      (write(custodyOf(number, { receipt: RECEIPT, ...message }))[0] as { seq: number }).seq,
    notices: (afterId = 0, limit = 100) => ask({ verb: 'notices', afterId, limit }) as Notice[],
    status: () => ask({ verb: 'status' }) as StoreStatus,
  }
}

const kinds = (notices: readonly Notice[]): string[] =>
  notices.map(({ kind, storeId }) => `${kind} ${storeId.slice(4, 5)}`)

t.test(
  'RFC 5438: stored with custody, failed with expiry and deletion, in order and with all that is to be said',
  async t => {
    const { keep, write, notices, reopen, status } = box()
    keep(1)
    t.same(notices(), [
      {
        id: 1,
        kind: 'stored',
        why: 'kept until the recipient is back',
        at: STORED_AT,
        sender: ALICE_AOR,
        recipient: BOB_AOR,
        receipt: RECEIPT,
        storeId: 'sip:1@edge1.example.org',
      },
    ])
    keep(2)
    keep(3)
    write({ verb: 'delete', aor: BOB_AOR, seq: 2, at: STORED_AT, detail: 'by the owner' })
    write({ verb: 'expire', at: LATER, limit: 1 })
    write({ verb: 'account.remove', aor: BOB_AOR, at: LATER })
    reopen()
    t.same(kinds(notices()), ['stored 1', 'stored 2', 'stored 3', 'failed 2', 'failed 1', 'failed 3'])
    t.same(
      notices(3).map(({ why }) => why),
      [
        'not delivered: it was deleted unread',
        'not delivered: nobody came for it in time',
        'not delivered: the account was removed',
      ],
    )
    t.same(kinds(notices(1, 2)), ['stored 2', 'stored 3'])
    t.match(status(), { notices: 6, noticesLost: 0 })
  },
)

t.test('nothing is told that was not asked for, of what was delivered, or of a receipt', async t => {
  const { keep, write, notices } = box()
  keep(1, { receipt: { ...RECEIPT, wantsStored: false } })
  write({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '200' })
  keep(2, { receipt: { ...RECEIPT, wantsStored: false, wantsFailed: false } })
  keep(3, { isReceipt: true })
  write(custodyOf(4))
  write({ verb: 'expire', at: LATER, limit: 10 })
  t.same(notices(), [])
  keep(5)
  keep(5)
  t.equal(notices().length, 1, 'a duplicate is not told again')
})

t.test('a notice that is done is gone, also after a restart, and its id is not used again', async t => {
  const { keep, write, notices, reopen, status } = box()
  keep(1)
  t.same(write({ verb: 'notice.done', id: 1 }, { verb: 'notice.done', id: 1 }), ['done', 'absent'])
  reopen()
  t.same(notices(), [])
  keep(2)
  t.same(
    notices().map(({ id }) => id),
    [2],
  )
  t.equal(status().notices, 1)
})

t.test('the sender of a large message is told like any other', async t => {
  const { write, notices } = box()
  const begun = write(large.begin(1))[0] as { upload: number }
  write(large.append(begun.upload, 0, Buffer.alloc(10)))
  write({ ...large.finish(begun.upload, 10), receipt: RECEIPT })
  write({ verb: 'expire', at: LATER, limit: 10 })
  t.same(kinds(notices()), ['stored 1', 'failed 1'])
})

t.test('a message that was damaged in storage is told of', async t => {
  const { keep, table, notices, write } = box()
  keep(1, { receipt: { ...RECEIPT, wantsStored: false } })
  flip(table, bodyKey(1))
  write({ verb: 'page', aor: BOB_AOR, afterSeq: 0, limit: 10, bytes: 1e6, at: STORED_AT, isWallTrusted: true })
  t.match(notices(), [{ kind: 'failed', why: 'not delivered: it was damaged in storage' }])
})

t.test(
  'a damaged notice is counted as lost, and those behind it are told; so are damaged counters made good',
  async t => {
    const { keep, table, notices, reopen, status } = box()
    for (const number of [1, 2, 3]) keep(number)
    flip(table, noticeKey(2))
    reopen()
    t.same(kinds(notices()), ['stored 1', 'stored 3'])
    t.match(status(), { notices: 2, noticesLost: 1 })
    flip(table, NOTICE_TOTALS_KEY)
    reopen()
    t.match(status(), { notices: 2 })
    keep(4)
    const last = notices().at(-1)!
    t.ok(last.id > 3)
    t.match(last, { storeId: 'sip:4@edge1.example.org' })
  },
)

t.test('past the bound a notice is counted and not written, and the message is kept', async t => {
  const { keep, table, notices, reopen, status } = box()
  const full = { last: 500_000, waiting: NOTICES_MAX - 1, lost: 0 }
  table.put(NOTICE_TOTALS_KEY, encodeNoticeTotals(NOTICE_TOTALS_KEY, full))
  reopen()
  for (const number of [1, 2, 3]) keep(number)
  t.same(kinds(notices()), ['stored 1'])
  t.match(status(), { notices: NOTICES_MAX, noticesLost: 2, waiting: 3 })
})

function flip(table: SortedKeyValue, key: string): void {
  const value = Buffer.from(table.get(key)!)
  value[value.length - 1]! ^= 1
  table.put(key, value)
}
