import t from 'tap'
import type { Instant } from '../base/time.ts'
import * as large from '../testing/large-requests.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { GOOD_DISK, SimulatedDisk } from '../testing/simulated-disk.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { BLOCK_BYTES, INLINE_BYTES_MAX } from './blocks.ts'
import { bobsBox } from './bobs-box.fixture.ts'
import { bodyKey, indexKey, lifeKey } from './keys.ts'
import type { Notice, ReceiptTerms, StoredMessage, StoreRequest } from './verbs.ts'

/** The most content that stands beside its head. */
const INLINE = INLINE_BYTES_MAX - large.HEAD.length

t.test('DM-STO-05..07: a message that is there at once is read as one that came in pieces', async t => {
  for (const size of [1, 200, INLINE, INLINE + 1, BLOCK_BYTES, BLOCK_BYTES + 1]) {
    const [whole, pieces] = [bobsBox(), bobsBox()]
    const body = large.bytes(size)
    t.match(whole.value(large.whole(1, body)), { outcome: 'stored', seq: 1, waiting: 1 })
    pieces.store(1, body)
    for (const request of [
      pageOf(BOB_AOR),
      large.piece(1, 0, size),
      large.piece(1, size - 1, 9),
      large.piece(1, size, 1),
      { verb: 'mailbox', aor: BOB_AOR, afterSeq: 0, limit: 9, withHead: true },
      { verb: 'trace', id: 'message-1', limit: 9 },
      { verb: 'status' },
      { verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' },
    ] as const)
      t.strictSame(whole.value(request), pieces.value(request), `${size}: ${request.verb}`)
  }
})

t.test('content of up to a page stands beside its head, larger content in blocks, and all of it goes', async t => {
  const box = bobsBox()
  box.value(large.whole(1, large.bytes(INLINE)))
  t.strictSame(box.left(), [], 'no block')
  box.value(large.whole(2, large.bytes(INLINE + 1)))
  box.value(large.whole(3, large.bytes(2 * BLOCK_BYTES + 1)))
  t.equal(box.left().length, 4)
  for (const seq of [1, 2, 3]) box.value({ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '200' })
  t.equal(box.value({ verb: 'sweep', limit: 100 }), 4)
  t.strictSame(box.left(), [])
  t.match(box.value({ verb: 'status' }), { waiting: 0, waitingBytes: 0, mailboxes: 0 })
})

t.test('an upload that begins after it has a number of its own', async t => {
  const box = bobsBox()
  for (const size of [10, 70_000]) box.value(large.whole(size, large.bytes(size)))
  box.store(3, large.bytes(5))
  t.ok((box.value(large.piece(2, 0, 70_000)) as Buffer).equals(large.bytes(70_000)))
  t.ok((box.value(large.piece(3, 0, 5)) as Buffer).equals(large.bytes(5)))
})

t.test('the same message again is known, whichever way it comes', async t => {
  const box = bobsBox()
  box.value(large.whole(1, large.bytes(10)))
  t.match(box.value(large.whole(1, large.bytes(99))), { outcome: 'duplicate', seq: 1 })
  t.match(box.value(large.begin(1)), { outcome: 'duplicate', seq: 1 })
  box.store(2, large.bytes(10))
  t.match(box.value(large.whole(2, large.bytes(10))), { outcome: 'duplicate', seq: 2 })
  const { upload } = box.value(large.begin(3)) as { upload: number }
  box.value(large.append(upload, 0, large.bytes(10)))
  t.match(box.value(large.whole(3, large.bytes(10))), { outcome: 'stored', seq: 3 })
  t.match(box.value(large.finish(upload, 10)), { outcome: 'duplicate', seq: 3 }, 'the first to be whole')
  t.match(box.value(custodyOf(1)), { outcome: 'stored' }, 'a MESSAGE of that Call-ID is another one')
})

t.test('quotas, shares and the flash reserve hold for it, with what is promised to others', async t => {
  const size = large.HEAD.length + 1000
  const whole = (box: ReturnType<typeof bobsBox>, limits: object) =>
    box.value(large.whole(9, large.bytes(1000), {}, limits))
  const box = bobsBox(100_000)
  t.match(box.value({ ...large.whole(1, large.bytes(1), { recipient: 'sip:nobody@example.org' }) }), {
    reason: 'unknown recipient',
  })
  box.value(large.begin(1, {}, {}, 5000))
  t.match(whole(box, { quotaMessages: 1 }), { reason: 'message quota' })
  t.match(whole(box, { quotaBytes: large.HEAD.length + 5000 + size - 1 }), { reason: 'byte quota' })
  t.match(whole(box, { reserveBytes: 100_000 - 5000 - size + 1 }), { reason: 'flash reserve' })
  const sender = {
    sharePercent: 1,
    undivided: { messages: 8, bytes: 65_536 },
    quotaMessages: 1,
    quotaBytes: 1e9,
    areNamesBelieved: true,
  }
  for (let number = 10; number < 17; number++) box.value(large.whole(number, large.bytes(1)))
  t.match(whole(box, { quotaMessages: 100, sender }), { reason: 'sender share' })
  t.strictSame(box.left().length, 1, 'what is refused leaves nothing')
  t.match(whole(box, { reserveBytes: 100_000 - 5000 - size }), { outcome: 'stored' })
})

t.test('what its sender asked to be told is told, and how full the mailbox is', async t => {
  const box = bobsBox()
  const receipt: ReceiptTerms = {
    ...{ messageId: 'r1', dateTime: '2026-01-15T12:00:00Z', from: '<sip:alice@example.org>' },
    ...{ to: '<sip:bob@example.org>', wantsStored: true, wantsFailed: true },
  }
  t.match(box.value(large.whole(1, large.bytes(10), { receipt }, { quotaMessages: 1 })), { fullPercent: 100 })
  box.value({ verb: 'delete', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' })
  const notices = box.value({ verb: 'notices', afterId: 0, limit: 9 }) as Notice[]
  t.match(notices, [{ kind: 'stored' }, { kind: 'failed', receipt }])
  box.value(large.whole(2, large.bytes(10), { receipt, isReceipt: true }))
  t.equal((box.value({ verb: 'notices', afterId: 0, limit: 9 }) as Notice[]).length, 2, 'none about a receipt')
})

t.test('a damaged record is set aside with the content in it, and those beside it come', async t => {
  for (const [keys, left] of [
    [[bodyKey(1)], [2]],
    [[indexKey(1, 1)], [1, 2]],
    [[indexKey(1, 1), bodyKey(1)], [2]],
    [[lifeKey(1)], [1, 2]],
  ] as const) {
    const box = bobsBox()
    for (const number of [1, 2]) box.value(large.whole(number, large.bytes(500)))
    for (const key of keys) box.damage(key)
    t.strictSame(
      (box.value(pageOf(BOB_AOR)) as StoredMessage[]).map(({ seq }) => seq),
      left,
    )
    for (const seq of left) t.ok((box.value(large.piece(seq, 0, 999)) as Buffer).equals(large.bytes(500)))
    for (const seq of left) box.value({ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
    t.match(box.value({ verb: 'status' }), { waiting: 0, waitingBytes: 0, mailboxes: 0 })
    t.strictSame(box.left(), [])
  }
  const box = bobsBox()
  box.value(large.whole(1, large.bytes(500)))
  box.damage(bodyKey(1))
  t.equal(box.value(large.piece(1, 0, 9)), undefined, 'found out by who reads the content')
})

t.test('the power is cut in its commit: there once and whole or not at all, and once when it comes again', async t => {
  const outcomes = new Set<number>()
  for (let seed = 0; seed < 40; seed++) {
    const disk = new SimulatedDisk({ entropy: new SeededEntropy(`whole ${seed}`), hostname: 'box', faults: GOOD_DISK })
    let [id, at] = [0, 0 as Instant]
    const ask = (request: StoreRequest): unknown => {
      disk.submit(++id, request)
      for (;;) {
        at = disk.nextAt()!
        const answer = disk.advance(at).find(each => each.id === id)
        if (answer) return (answer.result as { value: unknown }).value
      }
    }
    ask(accountPut(BOB_AOR))
    const body = large.bytes(seed % 2 ? 1000 : 100_000)
    disk.submit(++id, large.whole(1, body))
    disk.advance(disk.nextAt()!)
    disk.crash()
    const count = (): number => (ask(pageOf(BOB_AOR)) as StoredMessage[]).length
    outcomes.add(count())
    t.match(ask(large.whole(1, body)), { outcome: count() === 1 ? /stored|duplicate/ : 'stored' })
    t.equal(count(), 1)
    t.ok((ask(large.piece(1, 0, body.length)) as Buffer).equals(body))
  }
  t.strictSame([...outcomes].sort(), [0, 1], 'both are seen')
})
