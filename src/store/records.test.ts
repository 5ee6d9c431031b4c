import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { expiryKey, indexKey, lifeKey, nameOf, pastPrefix, readU32, readU48, u32, u48, waitingKey } from './keys.ts'
import { decodeBody, decodeIndex, decodeLife, encodeBody, encodeIndex, encodeLife, type LifeRecord } from './records.ts'
import { DETAIL_LENGTH_MAX, EVENTS_MAX, withEvent } from './story.ts'
import type { LifeEvent } from './verbs.ts'

const AT = 1_900_000_000_000 as WallTime

const LIFE: LifeRecord = {
  mailbox: 7,
  seq: 42,
  storeId: 'sip:42@edge1.example.org',
  recipient: 'sip:bob@example.org',
  sender: 'sip:j\u00fcrgen@example.org',
  callId: 'call-1@192.0.2.9',
  cseq: 4294967295,
  fromTag: 'tag1',
  size: 1024,
  events: [
    { at: AT, event: 'stored' },
    { at: AT, event: 'attempt', detail: 'no answer' },
    { at: AT, event: 'delivered', detail: '' },
  ],
}

t.test('records come back as they were written', async t => {
  const key = lifeKey(42)
  t.strictSame(decodeLife(key, 42, encodeLife(key, LIFE)), LIFE)
  const entry = {
    size: 2 ** 40,
    receivedAt: AT,
    expiresAt: AT,
    isUrgent: true,
    attempts: 3,
    share: 2 ** 47,
    lastFailure: '',
  }
  t.strictSame(decodeIndex('i', encodeIndex('i', entry)), entry)
  const large = { ...LIFE, callId: 'x'.repeat(60_000) }
  t.strictSame(decodeLife(key, 42, encodeLife(key, large)), large)
  t.throws(() => encodeLife(key, { ...LIFE, callId: 'x'.repeat(70_000) }), { message: /too long/ })
})

t.test('a record with any bit flipped, cut short, or under another key is damaged', async t => {
  const body = {
    mailbox: 7,
    recipient: 'sip:bob@example.org',
    storeId: 'sip:1@edge1.example.org',
    receivedAt: AT,
    expiresAt: AT,
    isUrgent: false,
    share: 2 ** 47,
    bytes: Buffer.from('hello \u0000\u00ff', 'latin1'),
  }
  const record = encodeBody('key', body)
  t.strictSame(decodeBody('key', record), body)
  for (let bit = 0; bit < record.length * 8; bit++) {
    const flipped = Buffer.from(record)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    if (decodeBody('key', flipped)) t.fail(`bit ${bit} went unseen`)
  }
  for (let length = 0; length < record.length; length++) {
    if (decodeBody('key', record.subarray(0, length))) t.fail(`cut to ${length} bytes went unseen`)
  }
  t.equal(decodeBody('kex', record), undefined)
})

t.test('keys sort as the numbers in them, and names come back', async t => {
  const dice = new SeededEntropy('keys')
  const numbers = Array.from({ length: 300 }, () => Math.floor(2 ** (dice.fraction() * 48)) % 2 ** 48)
  const ordered = numbers.toSorted((a, b) => a - b)
  t.strictSame(
    numbers
      .map(u48)
      .toSorted()
      .map(key => readU48(key, 0)),
    ordered,
  )
  t.equal(readU32(u32(4294967295), 0), 4294967295)
  t.ok(expiryKey(AT, 2 ** 40) < expiryKey((AT + 1) as WallTime, 0))
  t.ok(indexKey(255, 9) < indexKey(256, 1))
  for (const name of ['sip:bob@example.org', 'sip:j\u00fcrgen@example.org', 'sip:\u4e2d@example.org']) {
    t.equal(nameOf(waitingKey(name)), name)
  }
  t.equal(pastPrefix('m\u0001\u00ff\u00ff'), 'm\u0002')
})

t.test('a life story keeps its beginning and its latest events within a bound', async t => {
  let events: LifeEvent[] = [{ at: AT, event: 'stored' }]
  for (let i = 0; i < 100; i++) events = withEvent(events, { at: AT, event: 'attempt', detail: String(i) })
  t.equal(events.length, EVENTS_MAX)
  t.match(events[0], { event: 'stored' })
  t.match(events.at(-1), { detail: '99' })
  t.ok(DETAIL_LENGTH_MAX * EVENTS_MAX < 65_536)
})
