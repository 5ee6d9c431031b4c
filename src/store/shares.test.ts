import t from 'tap'
import { openedStore } from '../testing/opened-store.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT, WIDE_LIMITS } from '../testing/store-fixtures.ts'
import { headKey, indexKey } from './keys.ts'
import {
  COUNTED_ALL,
  keyAmong,
  OTHERS,
  SenderChanges,
  SenderSums,
  SHARES_MAX,
  senderKey,
  senderRefusal,
} from './shares.ts'
import type { Custody, CustodyLimits, NewMessage, SenderLimits, StoreRequest, Verbs } from './verbs.ts'

const CAROL = 'sip:carol@example.org'
const SENDER: SenderLimits = {
  sharePercent: 50,
  undivided: { messages: 8, bytes: 65_536 },
  quotaMessages: 1000,
  quotaBytes: 1e9,
  areNamesBelieved: false,
}

/** A store with bob and carol, reopened at will. */
function box(limits: Partial<CustodyLimits> = {}) {
  const table = new SortedKeyValue()
  const open = () => openedStore(table)
  let store = open()
  const write = (requests: readonly StoreRequest[]) => {
    const batch = store.write(table, requests)
    batch.settle()
    return batch.results.map(result => ('value' in result ? result.value : result))
  }
  write([accountPut(BOB_AOR), accountPut(CAROL)])
  const custody = (number: number, message: Partial<NewMessage> = {}): StoreRequest =>
    custodyOf(number, message, { sender: SENDER, ...limits })
  return {
    table,
    write,
    custody,
    reopen: () => (store = open()),
    take: (number: number, message: Partial<NewMessage> = {}) => outcomeOf(write([custody(number, message)])[0]),
    end: (seq: number, aor = BOB_AOR) => write([{ verb: 'confirm', aor, seq, at: STORED_AT, detail: '' }]),
    read: <V extends 'mailboxes' | 'locate' | 'status'>(request: { verb: V } & Verbs[V]['request']) =>
      store.read(table, request as never)!.value as Verbs[V]['reply'],
  }
}

const outcomeOf = (reply: unknown): string => {
  const custody = reply as Custody
  return custody.outcome === 'refused' ? custody.reason : custody.outcome
}

t.test('one sender has half of a mailbox and leaves the rest to others', async t => {
  const { take } = box({ quotaMessages: 20 })
  const own = Array.from({ length: 15 }, (_, i) => take(i))
  t.same(own.lastIndexOf('stored'), 9)
  t.same(own.slice(10), new Array(5).fill('sender share'))
  const others = Array.from({ length: 15 }, (_, i) => take(100 + i, { sender: CAROL }))
  t.same(others.lastIndexOf('stored'), 9)
  t.equal(take(200, { sender: 'sip:dave@example.org' }), 'message quota')
})

t.test('what is delivered frees the share, and a restart forgets nothing', async t => {
  const { take, end, reopen } = box({ quotaMessages: 16 })
  for (let i = 0; i < 8; i++) t.equal(take(i), 'stored')
  reopen()
  t.equal(take(8), 'sender share')
  end(3)
  t.equal(take(8), 'stored')
  t.equal(take(9), 'sender share')
})

t.test('the share of bytes is exact, but for the first message, which the limit for one message bounds', async t => {
  const bytes = Buffer.alloc(60_000)
  const { take } = box({ quotaBytes: 200_000 })
  t.equal(take(1, { bytes: Buffer.alloc(150_000) }), 'stored')
  t.equal(take(2, { bytes: Buffer.alloc(1) }), 'sender share')
  const second = box({ quotaBytes: 240_000 })
  t.same(
    [1, 2, 3].map(number => second.take(number, { bytes })),
    ['stored', 'stored', 'sender share'],
  )
})

t.test('a mailbox of a few messages is not divided', async t => {
  const { take } = box({ quotaMessages: 7 })
  t.same(
    Array.from({ length: 8 }, (_, i) => take(i)),
    [...new Array(7).fill('stored'), 'message quota'],
  )
})

t.test('after a start the quota over the box is exact before all mailboxes are counted', async t => {
  const users = Array.from({ length: 1000 }, (_, i) => `sip:user${i}@example.org`)
  const sender = { ...SENDER, quotaMessages: users.length }
  const { write, custody, reopen } = box({ quotaMessages: 4, sender })
  write(users.map(aor => accountPut(aor)))
  write(users.map((recipient, i) => custody(i, { recipient })))
  const confirmed = (seq: number): StoreRequest => ({
    verb: 'confirm',
    aor: users[seq - 1]!,
    seq,
    at: STORED_AT,
    detail: '',
  })
  const three = (first: number) => [0, 1, 2].map(i => custody(first + i, { recipient: users[i * 450]! }))
  const expected = ['stored', 'stored', 'sender quota']
  const first = reopen()
  t.ok(first.isBehind)
  const replies = write([confirmed(11), confirmed(990), ...three(2000)])
  t.same(replies.slice(2).map(outcomeOf), expected, 'in one batch')
  t.notOk(first.isBehind, 'who asks has all counted')
  const second = reopen()
  write([confirmed(12), confirmed(980)])
  t.ok(second.isBehind)
  t.same(write(three(3000)).map(outcomeOf), expected, 'one batch after the other')
})

t.test('what changes in the mailbox at which the count of a start was left off is counted with it', t => {
  const changes = new SenderChanges(new SenderSums())
  const one = { messages: 1, bytes: 10, receipts: 0 }
  changes.count([{ key: 7, ...one }], 5)
  changes.add(4, 7, one)
  changes.add(5, 7, one)
  t.equal(changes.of(7).messages, 2)
  changes.count([{ key: 7, ...one }], COUNTED_ALL)
  changes.add(5, 7, one)
  t.equal(changes.of(7).messages, 4)
  t.end()
})

t.test('mailboxes are counted by every batch, and one that fails counts nothing', async t => {
  const users = Array.from({ length: 600 }, (_, i) => `sip:user${i}@example.org`)
  const sender = { ...SENDER, quotaMessages: users.length }
  const { table, write, custody, reopen } = box({ quotaMessages: 4, sender })
  write(users.map(aor => accountPut(aor)))
  write(users.map((recipient, i) => custody(i, { recipient })))
  const store = reopen()
  store.write(table, [])
  store.write(table, [])
  t.ok(store.isBehind, 'none of them was settled')
  write([])
  write([])
  t.notOk(store.isBehind)
  t.same(write([custody(700)]).map(outcomeOf), ['sender quota'])
})

t.test('sums that a repair counted anew are of all mailboxes: none is counted a second time', t => {
  const sums = new SenderSums()
  const changes = new SenderChanges(sums)
  const one = { messages: 1, bytes: 10, receipts: 0 }
  changes.count([{ key: 7, ...one }], 5)
  changes.replace(new Map([[7, { messages: 9, bytes: 90, receipts: 0 }]]))
  t.equal(changes.countedTo, COUNTED_ALL)
  changes.accept()
  changes.add(1000, 7, one)
  changes.accept()
  changes.settle()
  t.match([sums.countedTo, sums.of(7).messages], [COUNTED_ALL, 10])
  t.end()
})

t.test('a request that fails has counted nothing either', async t => {
  const sums = new SenderSums()
  const changes = new SenderChanges(sums)
  const share = { key: 7, messages: 2, bytes: 10, receipts: 0 }
  changes.count([share], COUNTED_ALL)
  changes.reject()
  t.equal(changes.countedTo, 0)
  changes.count([share], 5)
  changes.accept()
  changes.add(5, 7, share)
  changes.add(4, 7, share)
  changes.settle()
  t.match([sums.countedTo, sums.of(7).messages], [5, 2], 'nor is what was not accepted settled')
})

t.test('two who write at once in one batch: quota and shares are exact', async t => {
  const { write, custody } = box({ quotaMessages: 30 })
  const requests = Array.from({ length: 60 }, (_, i) => custody(i, i % 3 === 0 ? { sender: CAROL } : {}))
  const replies = write(requests) as Custody[]
  const stored = replies.flatMap(({ outcome }, i) => (outcome === 'stored' ? [i % 3 === 0] : []))
  t.equal(stored.filter(isCarol => isCarol).length, 15)
  t.equal(stored.filter(isCarol => !isCarol).length, 15)
})

t.test('over the box: all mailboxes count, and what failed to be written does not', async t => {
  const sender = { ...SENDER, quotaMessages: 12 }
  const { take, write, custody, end, reopen, table } = box({ quotaMessages: 20, sender })
  for (let i = 0; i < 6; i++) t.equal(take(i), 'stored')
  for (let i = 6; i < 12; i++) t.equal(take(i, { recipient: CAROL }), 'stored')
  t.equal(take(20, { recipient: CAROL }), 'sender quota')
  t.equal(take(20, { recipient: CAROL, sender: CAROL }), 'stored')
  reopen()
  t.equal(take(21), 'sender quota')
  end(1)
  t.equal(take(21), 'stored')
  t.same(write([custody(22), custody(23)]).map(outcomeOf), ['sender quota', 'sender quota'])
  end(2)
  const lost = openedStore(table)
  const scratch = new SortedKeyValue()
  for (const { key, value } of table.range('\0', '\xff')) scratch.put(key, value)
  t.equal(
    outcomeOf((lost.write(scratch, [custody(24)]).results[0] as { value: Custody }).value),
    'stored',
    'not settled',
  )
  t.equal(
    outcomeOf((lost.write(table, [custody(25)]).results[0] as { value: Custody }).value),
    'stored',
    'so not counted',
  )
})

t.test('those who proved nothing are one sender, unless names are believed', async t => {
  const stranger = (name: string) => ({ sender: `sip:${name}@elsewhere.example`, fromTag: ' tag' })
  const { take } = box({ quotaMessages: 20 })
  const replies = Array.from({ length: 11 }, (_, i) => take(i, stranger(`s${i}`)))
  t.equal(replies.at(-1), 'sender share')
  t.equal(take(50), 'stored', 'whoever proved it has a share of their own')
  const believing = box({ quotaMessages: 20, sender: { ...SENDER, areNamesBelieved: true } })
  t.same(new Set(Array.from({ length: 11 }, (_, i) => believing.take(i, stranger(`s${i}`)))), new Set(['stored']))
})

t.test('senders past the bound count together, in their mailbox alone', async t => {
  const many = SHARES_MAX + 20
  const { take, write } = box({
    quotaMessages: 30 * SHARES_MAX,
    sender: { ...SENDER, sharePercent: 1, quotaMessages: 1 },
  })
  const replies = Array.from({ length: many }, (_, i) => take(i, { sender: `sip:s${i}@example.org` }))
  t.equal(replies.filter(reply => reply === 'stored').length, SHARES_MAX + 19, '1 % of 1920')
  t.equal(replies.at(-1), 'sender share')
  write(
    Array.from({ length: many }, (_, i) => ({ verb: 'confirm', aor: BOB_AOR, seq: i + 1, at: STORED_AT, detail: '' })),
  )
  t.equal(take(500, { sender: 'sip:s500@example.org' }), 'stored')
  t.equal(keyAmong([], 7), 7)
  t.equal(
    keyAmong(
      Array.from({ length: SHARES_MAX }, (_, i) => ({ key: i + 10, messages: 1, bytes: 1, receipts: 0 })),
      7,
    ),
    OTHERS,
  )
  t.notSame(senderKey({ sender: 'a', fromTag: '' }, WIDE_LIMITS), senderKey({ sender: 'b', fromTag: '' }, WIDE_LIMITS))
})

t.test('receipts are outside the quotas and have a bound of their own', async t => {
  const { take, read, end } = box({ quotaMessages: 10 })
  for (let i = 0; i < 8; i++) t.equal(take(i, { isReceipt: true }), 'stored')
  t.equal(take(8, { isReceipt: true }), 'sender share')
  for (let i = 10; i < 12; i++) t.equal(take(i, { isReceipt: true, sender: CAROL }), 'stored')
  t.equal(take(12, { isReceipt: true, sender: CAROL }), 'receipt quota')
  for (let i = 20; i < 25; i++) t.equal(take(i), 'stored', 'messages have the whole quota')
  t.match(read({ verb: 'mailboxes', limit: 5 }), [{ aor: BOB_AOR, count: 5, receipts: 10 }])
  t.match(read({ verb: 'status' }), { waiting: 5 })
  t.match(read({ verb: 'locate', aor: BOB_AOR }), { waiting: 15 }, 'they are delivered like messages')
  end(1)
  t.equal(take(9, { isReceipt: true }), 'stored')
})

t.test('a mailbox at 80 % is told once, and again only after it was below 60 %', async t => {
  const { write, custody, end } = box({ quotaMessages: 10, sender: { ...SENDER, sharePercent: 100 } })
  const told = (number: number): number | undefined => {
    const [reply] = write([custody(number)])
    return (reply as { fullPercent?: number }).fullPercent
  }
  t.same([1, 2, 3, 4, 5, 6, 7, 8, 9].map(told), [...new Array(7).fill(undefined), 80, undefined])
  for (const seq of [1, 2, 3]) end(seq)
  t.same([10, 11].map(told), [undefined, undefined], 'back from 60 %')
  for (const seq of [4, 5, 6]) end(seq)
  t.same([12, 13, 14].map(told), [undefined, undefined, 80], 'back from 50 %')
})

t.test('a damaged head or index entry is counted again, with who has how much of it', async t => {
  for (const key of [headKey(1), indexKey(1, 3)]) {
    const sender = { ...SENDER, quotaMessages: 12 }
    const { take, reopen, table, write } = box({ quotaMessages: 20, sender })
    for (let i = 0; i < 8; i++) take(i)
    for (let i = 8; i < 10; i++) take(i, { isReceipt: true })
    for (let i = 10; i < 12; i++) take(i, { recipient: CAROL })
    const value = Buffer.from(table.get(key)!)
    value[value.length - 1]! ^= 1
    table.put(key, value)
    reopen()
    write([{ verb: 'delete', aor: BOB_AOR, seq: 3, at: STORED_AT, detail: '' }])
    t.equal(take(20), 'stored')
    t.equal(take(21), 'stored')
    t.equal(take(22), 'stored')
    t.equal(take(23), 'sender share', key)
    t.equal(take(23, { recipient: CAROL }), 'sender quota', key)
    t.equal(take(24, { isReceipt: true }), 'stored', key)
  }
})

t.test('no limit for senders where none is given', async t => {
  const held = { messages: 1e6, bytes: 1e12, receipts: 1e6 }
  t.equal(senderRefusal(WIDE_LIMITS, { messages: 1, bytes: 1, receipts: 0 }, held, held), undefined)
})
