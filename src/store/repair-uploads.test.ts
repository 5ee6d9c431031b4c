import t from 'tap'
import * as large from '../testing/large-requests.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { BLOCK_BYTES } from './blocks.ts'
import { KeyedStore } from './keyed.ts'
import {
  accountKey,
  blockKey,
  bodyKey,
  headKey,
  indexKey,
  lifeKey,
  sweepKey,
  TOTALS_KEY,
  UPLOAD_TOTALS_KEY,
  uploadKey,
} from './keys.ts'
import type { StoredMessage, StoreRequest, StoreStatus } from './verbs.ts'

/** Bob's is the first mailbox. Uploads 1 and 2 are messages 1 and 2 in it, upload 3 is on its way, upload 4 was dropped. */
const MAILBOX = 1
const SIZE = 2 * BLOCK_BYTES + 100
const BODY = large.bytes(SIZE)

t.test('a damaged block: its message is set aside and told, those beside it come, its blocks go', async t => {
  for (const number of [0, 1, 2]) {
    const box = damaged([blockKey(1, number)])
    t.equal(box.ask(large.piece(1, 0, SIZE)), undefined)
    t.match(box.notices, [{ table: 'block', storeId: 'sip:1@edge1.example.org', aor: BOB_AOR }])
    t.strictSame(box.waiting(), [2])
    t.ok((box.ask(large.piece(2, 0, SIZE)) as Buffer).equals(BODY))
    t.match(box.status(), { waiting: 1, waitingBytes: large.HEAD.length + SIZE, damaged: 1 })
    t.match(box.ask({ verb: 'trace', id: 'message-1', limit: 1 }), [{ events: [{}, { event: 'damaged' }] }])
    box.endsWell(t)
  }
})

t.test('a block that is not there is damage too, and a block under a key not its own', async t => {
  const gone = damaged([])
  gone.table.remove(blockKey(1, 1))
  t.equal(gone.ask(large.piece(1, 0, SIZE)), undefined)
  t.strictSame(gone.waiting(), [2])
  const strayed = damaged([])
  strayed.table.put(blockKey(1, 0), strayed.table.get(blockKey(1, 1))!)
  t.equal(strayed.ask(large.piece(1, 0, SIZE)), undefined)
  t.strictSame(strayed.waiting(), [2])
})

t.test('a damaged block of a message on its way: it is dropped, and its room given back', async t => {
  const box = damaged([blockKey(3, 1)])
  t.equal(box.ask(large.append(3, SIZE, large.bytes(10))), 'kept', 'a block that is not looked at')
  t.equal(box.ask(large.append(3, SIZE - 200, large.bytes(10))), 'gone')
  t.match(box.notices, [{ table: 'upload' }])
  const { quotaBytes } = box.full
  t.match(box.ask(custodyOf(5, {}, { quotaMessages: 3, quotaBytes })), { outcome: 'stored' })
  box.endsWell(t)
})

t.test('a damaged record of a message on its way: the same', async t => {
  const box = damaged([uploadKey(3)])
  t.equal(box.ask(large.finish(3, SIZE)), 'gone')
  t.match(box.ask(custodyOf(5, {}, { quotaMessages: 3 })), { outcome: 'stored' })
  box.endsWell(t)
})

t.test('a damaged record of a message on its way does not hold up the start', async t => {
  const box = damaged([uploadKey(3)])
  t.equal(box.ask({ verb: 'upload.clear' }), 0)
  t.strictSame(box.waiting(), [1, 2])
  box.endsWell(t)
})

t.test('a damaged entry of the sweep list is made again from the blocks', async t => {
  const box = damaged([sweepKey(4)])
  t.equal(box.ask({ verb: 'sweep', limit: 100 }), 3)
  box.endsWell(t)
})

t.test('damaged counters of uploads: no number is given out twice, no room is lost', async t => {
  const box = damaged([UPLOAD_TOTALS_KEY])
  const { upload } = box.ask(large.begin(9)) as { upload: number }
  t.ok(upload > 4)
  t.equal(box.ask({ verb: 'upload.drop', upload: 3 }), 'dropped')
  box.endsWell(t)
})

t.test('a damaged head is counted again with what is on its way', async t => {
  const box = damaged([headKey(MAILBOX)])
  t.match(box.ask(custodyOf(5, {}, { quotaMessages: 3 })), { reason: 'message quota' })
  t.match(box.ask(custodyOf(5, {}, box.full)), { reason: 'byte quota' })
  t.match(box.ask(large.finish(3, SIZE)), { outcome: 'stored', waiting: 3 })
  box.endsWell(t)
})

t.test('index entry, body or both of a large message damaged: its bytes are found or go', async t => {
  const index = damaged([indexKey(MAILBOX, 1)])
  t.ok((index.ask(large.piece(1, 0, SIZE)) as Buffer).equals(BODY))
  t.strictSame(index.waiting(), [1, 2])
  index.endsWell(t)
  const body = damaged([bodyKey(1)])
  t.strictSame(body.waiting(), [2])
  body.endsWell(t)
  const both = damaged([indexKey(MAILBOX, 1), bodyKey(1)])
  t.strictSame(both.waiting(), [2])
  t.ok((both.ask(large.piece(2, 0, SIZE)) as Buffer).equals(BODY))
  t.match(both.ask(large.finish(3, SIZE)), { outcome: 'stored' })
  both.endsWell(t)
})

t.test('a life story of a large message that is damaged is made again with its Message-ID', async t => {
  const box = damaged([lifeKey(1)])
  t.match(box.ask({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' }), { wasWaiting: true })
  t.match(box.ask({ verb: 'trace', id: 'message-1', limit: 1 }), [{ size: large.HEAD.length + SIZE }])
})

t.test('account and totals damaged: the message on its way becomes one', async t => {
  const box = damaged([accountKey(BOB_AOR), TOTALS_KEY])
  t.match(box.ask(large.finish(3, SIZE)), { outcome: 'stored', waiting: 3 })
  t.equal(box.waiting().length, 3)
  box.endsWell(t)
})

function damaged(keys: readonly string[]) {
  const table = new SortedKeyValue()
  const store = new KeyedStore({ hostname: 'edge1.example.org', freeBytes: () => Number.MAX_SAFE_INTEGER })
  const notices: unknown[] = []
  const ask = (request: StoreRequest): unknown => {
    const isRead = request.verb === 'page' || request.verb === 'piece'
    const seen = isRead ? store.read(table, request) : undefined
    if (seen) return seen.value
    const batch = store.write(table, [request])
    batch.settle()
    notices.push(...batch.notices)
    const [result] = batch.results
    return result && 'value' in result ? result.value : result
  }
  ask(accountPut(BOB_AOR))
  for (const number of [1, 2, 3, 4]) ask(large.begin(number))
  for (const upload of [1, 2, 3, 4]) ask(large.append(upload, 0, BODY))
  for (const upload of [1, 2]) ask(large.finish(upload, SIZE))
  ask({ verb: 'upload.drop', upload: 4 })
  for (const key of keys) {
    const value = Buffer.from(table.get(key)!)
    value[value.length - 1]! ^= 4
    table.put(key, value)
  }
  const waiting = (): number[] => (ask(pageOf(BOB_AOR)) as StoredMessage[]).map(({ seq }) => seq)
  return {
    ask,
    table,
    notices,
    waiting,
    /** What is there, and what is on its way, fill the mailbox. */
    full: { quotaMessages: 9, quotaBytes: 3 * (large.HEAD.length + SIZE) },
    status: () => ask({ verb: 'status' }) as StoreStatus,
    /** When all is delivered and dropped, nothing is left of any of it, and nothing is counted. */
    endsWell(t: { match(a: unknown, b: unknown): unknown; strictSame(a: unknown, b: unknown): unknown }): void {
      ask({ verb: 'upload.clear' })
      for (const seq of waiting()) ask({ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
      while ((ask({ verb: 'sweep', limit: 2 }) as number) > 0);
      ask({ verb: 'expire', at: (STORED_AT + 1e9) as typeof STORED_AT, limit: 9 })
      t.match(ask({ verb: 'status' }), { waiting: 0, waitingBytes: 0, mailboxes: 0 })
      const left = ['c', 'g', 'u', 'm', 'x', 'w'].flatMap(first => table.range(first, `${first}\xff`))
      t.strictSame(
        left.map(({ key }) => key),
        [],
      )
      t.match(ask(custodyOf(99, { bytes: Buffer.alloc(9) }, { quotaMessages: 1, quotaBytes: 9 })), {
        outcome: 'stored',
      })
    },
  }
}
