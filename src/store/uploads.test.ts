import t from 'tap'
import * as large from '../testing/large-requests.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { BLOCK_BYTES } from './blocks.ts'
import { bobsBox } from './bobs-box.fixture.ts'
import { uploadKey } from './keys.ts'
import { decodeUpload, encodeUpload } from './upload-records.ts'
import type { StoredMessage, StoreRequest } from './verbs.ts'

t.test('DM-STO-05, DM-STO-06: head, Message-ID, Content-Type and transaction id stand beside the bytes', async t => {
  const box = bobsBox()
  box.store(1, large.bytes(1000))
  t.match(box.page(), [
    {
      bytes: large.HEAD,
      size: large.HEAD.length + 1000,
      isLarge: true,
      large: { size: 1000, messageId: 'message-1', contentType: 'image/png', transactionId: 'dkei38sd' },
    },
  ])
})

t.test('DM-STO-07: chunks out of order and overlapping are one message; the later bytes win', async t => {
  const box = bobsBox()
  const body = large.bytes(3 * BLOCK_BYTES + 500)
  const upload = box.begin(1)
  const last = 2 * BLOCK_BYTES - 7
  t.equal(box.value(large.append(upload, last, body.subarray(last))), 'kept')
  t.equal(box.value(large.append(upload, 100, Buffer.alloc(BLOCK_BYTES, 1))), 'kept')
  t.equal(box.value(large.append(upload, 0, body.subarray(0, last))), 'kept')
  t.equal(box.value(large.append(upload, 5, body.subarray(5, 6))), 'kept')
  t.match(box.value(large.finish(upload, body.length)), { outcome: 'stored', seq: 1, waiting: 1 })
  t.ok(box.body(1, body.length).equals(body))
})

t.test('a piece is cut at the end of the message and at 1 MiB, and is nothing of a message that is gone', async t => {
  const box = bobsBox()
  const body = large.bytes(1_200_000)
  const seq = box.store(1, body)
  const piece = (offset: number, length: number): Buffer => box.value(large.piece(seq, offset, length)) as Buffer
  t.ok(piece(BLOCK_BYTES - 1, 3).equals(body.subarray(BLOCK_BYTES - 1, BLOCK_BYTES + 2)))
  t.equal(piece(0, 2_000_000).length, 1024 * 1024)
  t.ok(piece(1_199_990, 100).equals(body.subarray(1_199_990)))
  t.equal(piece(1_200_000, 1).length, 0)
  const memory = Buffer.alloc(100_000)
  const inMemory = box.value({ ...large.piece(seq, 7, 100_000), memory }) as Buffer
  t.ok(inMemory.buffer === memory.buffer && inMemory.equals(body.subarray(7, 100_007)), 'put where it was asked for')
  const tooLong = box.value({ ...large.piece(seq, 7, 100_001), memory }) as Buffer
  t.ok(tooLong.buffer !== memory.buffer && tooLong.equals(body.subarray(7, 100_008)), 'but not past its end')
  box.value({ verb: 'delete', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
  t.equal(box.value(large.piece(seq, 0, 1)), undefined)
  t.equal(box.value({ ...large.piece(box.small(7), 0, 1) }), undefined)
})

t.test('a finish before all bytes are there is a failure and leaves the upload as it was', async t => {
  const box = bobsBox()
  const upload = box.begin(1)
  box.value(large.append(upload, 10, large.bytes(90)))
  t.match(box.ask(large.finish(upload, 100)), { failure: 'io', detail: /not all of the 100 bytes/ })
  box.value(large.append(upload, 0, large.bytes(10)))
  t.match(box.ask(large.finish(upload, 101)), { failure: 'io' })
  t.match(box.value(large.finish(upload, 100)), { outcome: 'stored' })
})

t.test('a message of no bytes is a message', async t => {
  const box = bobsBox()
  t.match(box.value(large.finish(box.begin(1), 0)), { outcome: 'stored' })
  t.equal((box.value(large.piece(1, 0, 9)) as Buffer).length, 0)
})

t.test('offsets and sizes that are no numbers of bytes are failures', async t => {
  const box = bobsBox()
  const upload = box.begin(1)
  for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) {
    t.match(box.ask(large.append(upload, wrong, large.bytes(1))), { failure: 'io', detail: /no number of bytes/ })
    t.match(box.ask(large.finish(upload, wrong)), { failure: 'io' })
    t.match(box.ask(large.begin(2, {}, {}, wrong)), { failure: 'io' })
  }
})

t.test('the same message again: refused at its begin, or found out at its end when two came at once', async t => {
  const box = bobsBox()
  const [first, second] = [box.begin(1), box.begin(1)]
  for (const upload of [first, second]) box.value(large.append(upload, 0, large.bytes(70_000)))
  t.match(box.value(large.finish(first, 70_000)), { outcome: 'stored', seq: 1 })
  t.match(box.value(large.finish(second, 70_000)), { outcome: 'duplicate', seq: 1 })
  t.match(box.value(large.begin(1)), { outcome: 'duplicate', seq: 1 })
  t.equal(box.value({ verb: 'seen', ...large.begin(1).message }), true)
  t.match(box.value(large.begin(1, { messageId: 'another' })), { outcome: 'begun' })
  t.match(box.value(custodyOf(1)), { outcome: 'stored' }, 'a MESSAGE of that Call-ID is another one')
  t.equal(box.sweep(), 2)
  t.ok(box.body(1, 70_000).equals(large.bytes(70_000)))
})

t.test('room is kept from the begin: neither large nor small messages get it, and it is given back', async t => {
  const box = bobsBox()
  const quotaMessages = 2
  const upload = box.begin(1, 5000)
  box.small(9)
  t.match(box.value(large.begin(2, {}, { quotaMessages })), { outcome: 'refused', reason: 'message quota' })
  t.match(box.value(custodyOf(3, {}, { quotaMessages })), { outcome: 'refused', reason: 'message quota' })
  const small = custodyOf(9).message.bytes.length
  const quotaBytes = small + large.HEAD.length + 5000 + 300
  t.match(box.value(custodyOf(3, { bytes: Buffer.alloc(301) }, { quotaBytes })), { reason: 'byte quota' })
  t.match(box.value(large.begin(2, {}, { quotaBytes }, 301 - large.HEAD.length)), { reason: 'byte quota' })
  t.equal(box.value({ verb: 'upload.drop', upload }), 'dropped')
  t.equal(box.value({ verb: 'upload.drop', upload }), 'absent')
  t.match(box.value(custodyOf(3, { bytes: Buffer.alloc(301) }, { quotaBytes })), { outcome: 'stored' })
})

t.test('what passes the expectation is reserved as it comes, to the last byte', async t => {
  const box = bobsBox()
  const quotaBytes = large.HEAD.length + 1000
  const upload = box.begin(1, 10)
  t.equal(box.value(large.append(upload, 0, large.bytes(1000), { quotaBytes })), 'kept')
  t.same(box.value(large.append(upload, 1000, large.bytes(1), { quotaBytes })), { refused: 'byte quota' })
  t.same(
    box.value(large.append(upload, 10 ** 12, large.bytes(1), { quotaBytes })),
    { refused: 'byte quota' },
    'a lying range',
  )
  t.equal(
    box.value(large.append(upload, 500, large.bytes(500), { quotaBytes })),
    'kept',
    'the same bytes again are no more',
  )
  t.match(box.value(large.finish(upload, 400)), { outcome: 'stored' })
  t.match(box.status(), { waiting: 1, waitingBytes: large.HEAD.length + 400 }, 'settled at what it is')
})

t.test('what was promised is not free: the reserve holds for everybody', async t => {
  const box = bobsBox(100_000)
  const limits = { reserveBytes: 50_000 }
  const upload = box.begin(1, 40_000)
  t.match(box.value(large.begin(2, {}, limits, 10_000)), { outcome: 'refused', reason: 'flash reserve' })
  t.match(box.value(custodyOf(2, { bytes: Buffer.alloc(10_001) }, limits)), { reason: 'flash reserve' })
  t.match(box.value(custodyOf(2, { bytes: Buffer.alloc(10_000) }, limits)), { outcome: 'stored' })
  t.same(
    box.value(large.append(upload, 0, large.bytes(50_001), limits)),
    { refused: 'flash reserve' },
    'more than promised',
  )
  t.equal(box.value(large.append(upload, 0, large.bytes(40_000), limits)), 'kept')
  box.freeBytes = 50_000
  t.same(
    box.value(large.append(upload, 0, large.bytes(1), limits)),
    { refused: 'flash reserve' },
    'others filled the flash',
  )
})

t.test('the quota is exact when uploads and messages are asked for in one batch', async t => {
  const box = bobsBox()
  const asked = Array.from({ length: 20 }, (_, i) =>
    i % 2 ? custodyOf(i, {}, { quotaMessages: 7 }) : large.begin(i, {}, { quotaMessages: 7 }),
  )
  const outcomes = box
    .write(asked)
    .map(result => ('value' in result ? (result.value as { outcome: string }).outcome : ''))
  t.equal(outcomes.filter(outcome => outcome !== 'refused').length, 7)
})

t.test('DM-STO-09: an account that goes takes what was coming for it along', async t => {
  const box = bobsBox()
  const upload = box.begin(1)
  box.value(large.append(upload, 0, large.bytes(200_000)))
  box.store(2, large.bytes(70_000))
  t.equal(box.value({ verb: 'account.remove', aor: BOB_AOR, at: STORED_AT }), 'removed')
  box.value(accountPut(BOB_AOR))
  t.equal(box.value(large.append(upload, 0, large.bytes(1))), 'gone')
  t.equal(box.value(large.finish(upload, 1)), 'gone')
  t.equal(box.sweep(), 6)
  t.strictSame(box.left(), [])
})

t.test('all that a large message left goes, however it ended', async t => {
  const ends: Record<string, StoreRequest> = {
    delivered: { verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '200' },
    deleted: { verb: 'delete', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' },
    expired: { verb: 'expire', at: (STORED_AT + 1e9) as typeof STORED_AT, limit: 9 },
  }
  for (const [event, end] of Object.entries(ends)) {
    const box = bobsBox()
    const before = box.size
    box.store(1, large.bytes(300_000))
    box.value(end)
    t.match(box.value({ verb: 'trace', id: 'message-1', limit: 9 }), [
      { messageId: 'message-1', events: [{}, { event }] },
    ])
    t.match(box.status(), { waiting: 0, waitingBytes: 0, mailboxes: 0 })
    t.equal(box.value({ verb: 'sweep', limit: 3 }), 3, 'in bounded steps')
    t.equal(box.sweep(), 2)
    t.strictSame(box.left(), [])
    box.value({ verb: 'forget', before: (STORED_AT + 2e9) as typeof STORED_AT, keep: 0, limit: 9 })
    t.equal(box.size, before + 1, 'and the record of the last number given out')
  }
})

t.test('at start what no process holds any more is dropped', async t => {
  const box = bobsBox()
  const uploads = [1, 2, 3].map(number => box.begin(number, 1000))
  for (const upload of uploads) box.value(large.append(upload, 0, large.bytes(500)))
  box.restart()
  t.equal(box.value({ verb: 'upload.clear' }), 3)
  t.equal(box.value(large.append(uploads[0]!, 0, large.bytes(1))), 'gone')
  t.equal(box.sweep(), 3)
  t.strictSame(box.left(), [])
  t.match(box.value(custodyOf(1, {}, { quotaMessages: 1 })), { outcome: 'stored' })
  t.equal(box.begin(4), 4, 'a number is not given out twice')
})

t.test('in a page and in listings the bytes of large messages are not read', async t => {
  const box = bobsBox()
  for (const number of [1, 2, 3]) box.store(number, large.bytes(100_000))
  box.small(4)
  t.equal((box.value({ ...pageOf(BOB_AOR), bytes: 2000 }) as StoredMessage[]).length, 4)
  const listing = box.value({ verb: 'mailbox', aor: BOB_AOR, afterSeq: 0, limit: 9, withHead: true })
  const shown = { size: large.HEAD.length + 100_000, isLarge: true, head: large.HEAD }
  t.match(listing, [shown, shown, shown, { seq: 4 }])
  const bytes = 3 * shown.size + custodyOf(4).message.bytes.length
  t.match(box.value({ verb: 'mailboxes', limit: 9 }), [{ aor: BOB_AOR, count: 4, bytes }])
})

t.test('what the INVITE said of it is on flash with it, receipt and all', async t => {
  const receipt = {
    messageId: 'r1',
    dateTime: '2026-01-15T12:00:00Z',
    from: '<sip:alice@example.org>',
    to: 'Bob <sip:bob@example.org>',
    wantsStored: true,
    wantsFailed: false,
  }
  for (const more of [{}, { receipt }, { isReceipt: true, isUrgent: true }]) {
    const { message } = large.begin(1, more)
    const record = { mailbox: 7, share: 5, message, reserved: 2 ** 40, extents: [0, 5, 2 ** 33, 2 ** 34] }
    const bytes = encodeUpload(uploadKey(9), record)
    t.strictSame(decodeUpload(uploadKey(9), bytes), record)
    t.equal(decodeUpload(uploadKey(8), bytes), undefined)
  }
})

t.test(
  'in one batch blocks are written as a whole, in parts, and over each other; what was appended is left as it was',
  async t => {
    const box = bobsBox()
    const upload = box.begin(1)
    const body = large.bytes(4 * BLOCK_BYTES + 30)
    const junk = Buffer.alloc(2 * BLOCK_BYTES, 1)
    const appends = [
      large.append(upload, 0, junk),
      large.append(upload, BLOCK_BYTES, body.subarray(BLOCK_BYTES, BLOCK_BYTES + 10)),
      large.append(upload, 2 * BLOCK_BYTES + 5, body.subarray(2 * BLOCK_BYTES + 5, 2 * BLOCK_BYTES + 20)),
      large.append(upload, 2 * BLOCK_BYTES, body.subarray(2 * BLOCK_BYTES)),
      large.append(upload, 0, body.subarray(0, BLOCK_BYTES)),
      large.append(upload, BLOCK_BYTES + 10, body.subarray(BLOCK_BYTES + 10, 2 * BLOCK_BYTES)),
    ]
    const [finished, piece] = box
      .write([...appends, large.finish(upload, body.length), large.piece(1, 0, body.length)])
      .slice(6)
    t.match(finished, { value: { outcome: 'stored' } })
    t.ok((piece as { value: Buffer }).value.equals(body), 'to be read before it is on the disk')
    t.ok(box.body(1, body.length).equals(body))
    t.ok(junk.equals(Buffer.alloc(junk.length, 1)))
    t.ok(body.equals(large.bytes(body.length)))
  },
)
