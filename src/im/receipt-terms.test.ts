import t from 'tap'
import type { Instant, WallTime } from '../base/time.ts'
import type { ReceiptRequest } from '../content/imdn.ts'
import { ContentStart } from './large/content-start.ts'
import { receiptTerms } from './receipt-terms.ts'

const NOW = { at: 0 as Instant, wall: Date.UTC(2030, 0, 2) as WallTime, isWallTrusted: true }
const POLICY = { storeUri: 'sip:store@example.org', isOurs: (uri: string) => uri.endsWith('@example.org') }
const BOB = 'sip:bob@example.org'

const ASKED: ReceiptRequest = {
  messageId: 'one',
  dateTime: undefined,
  from: '<sip:a@b>',
  to: '<sip:c@d>',
  wantsStored: true,
  wantsFailed: false,
}

const told = (name: string, isProven: boolean, recipient = BOB): boolean =>
  receiptTerms(NOW, ASKED, { sender: { name, isProven }, recipient }, POLICY) !== undefined

t.test('docs/protocol.md: told is who proved who they are, or is of this domain', async t => {
  t.ok(told('sip:alice@example.org', true))
  t.ok(told('sips:alice@elsewhere.example', true), 'the core vouches for her')
  t.ok(told('sip:alice@example.org', false), 'without digest, inside the house')
  t.notOk(told('sip:victim@elsewhere.example', false))
  for (const name of ['anonymous', 'tel:+15551234', 'sip:example.org', 'sip:', '']) t.notOk(told(name, true), name)
})

t.test('what answers the store is told nothing, even where somebody has its name', async t => {
  t.notOk(told('sip:alice@example.org', true, POLICY.storeUri))
})

t.test('a message without a time is of the time when it came (RFC 5438 wants one)', async t => {
  const sender = { name: 'sip:alice@example.org', isProven: true }
  t.equal(receiptTerms(NOW, ASKED, { sender, recipient: BOB }, POLICY)?.dateTime, '2030-01-02T00:00:00.000Z')
  t.equal(receiptTerms(NOW, undefined, { sender, recipient: BOB }, POLICY), undefined)
})

t.test('the start of a message is the same in whatever order its chunks come', async t => {
  const whole = Buffer.from(Uint8Array.from({ length: 20_000 }, (_, i) => i % 251))
  const start = new ContentStart()
  for (const [from, to] of [
    [8000, 20_000],
    [100, 8100],
    [0, 120],
  ] as const)
    start.see(from, whole.subarray(from, to))
  t.ok(start.of(20_000).equals(whole.subarray(0, 8192)))
  t.ok(start.of(50).equals(whole.subarray(0, 50)))
})
