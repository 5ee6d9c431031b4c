import t, { type Test } from 'tap'
import type { WallTime } from '../base/time.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { ALICE_AOR, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { BOTH, HISTORY_LIMITS, historyItem, historyOf, historyPiece, historyStore } from './history-store.fixture.ts'
import { headsKey } from './history-tables.ts'
import {
  accountKey,
  contentKey,
  HISTORY_TOTALS_KEY,
  historyHeadKey,
  historyKey,
  piecesKey,
  recordingKey,
  TOTALS_KEY,
} from './keys.ts'

const [ALICE, BOB] = [1, 2]
const limits = HISTORY_LIMITS
const LATER = (STORED_AT + 1e9) as WallTime

/** Messages 1 to 5, a closed session 6 and an open one 7, of alice and bob both; then these records lose a bit. */
function damaged(keysOf: (places: { at: number; id: number }[]) => string[]) {
  const store = historyStore()
  const { ask, keep, list, table } = store
  for (let number = 1; number <= 5; number++) keep(number)
  for (const number of [6, 7]) {
    const item = historyItem(number, { kind: 'session' })
    const heads = { invite: Buffer.from('INVITE') }
    const { record } = ask({ verb: 'history.open', item, owners: BOTH, heads, limits }) as { record: number }
    for (const text of ['one', 'two', 'three']) {
      ask({ verb: 'history.append', record, pieces: [historyPiece(text)], limits })
    }
    if (number === 6) ask({ verb: 'history.close', record, at: STORED_AT, keep: true })
  }
  const places = list().entries.map(({ reference }) => {
    const [, at, id] = /^sip:h(\w+)-(\w+)@/.exec(reference)!
    return { at: Number.parseInt(at!, 36), id: Number.parseInt(id!, 36) }
  })
  ask(custodyOf(1))
  const references = list().entries.map(({ reference }) => reference)
  for (const key of keysOf(places)) {
    const value = Buffer.from(table.get(key)!)
    value[value.length - 1]! ^= 4
    table.put(key, value)
  }
  return { ...store, places, references, reference: (number: number) => references[number - 1]! }
}

type Box = ReturnType<typeof damaged>

/** The message that waits is not touched; the counters are right; and when all is erased nothing is left. */
function endsWell(t: Test, { ask, left, list, bytesOf, references }: Box): void {
  for (const aor of [ALICE_AOR, BOB_AOR]) {
    for (const { reference } of list({}, { aor }).entries) bytesOf(reference, aor)
    for (const reference of references) ask({ verb: 'history.get', aor, reference })
    const { entries } = list({}, { aor })
    const bytes = entries.reduce((sum, { size }) => sum + size, 0)
    const { items, bytes: counted } = ask({ verb: 'history.summary', aor })!
    t.strictSame({ items, counted }, { items: entries.length, counted: bytes })
  }
  t.match(ask(pageOf(BOB_AOR)), [{ seq: 1 }])
  t.match(ask({ verb: 'status' }), { waiting: 1 })
  while (ask({ verb: 'history.expire', before: LATER, limit: 10 }) > 0);
  for (const aor of [ALICE_AOR, BOB_AOR]) {
    t.strictSame(ask({ verb: 'history.erase', aor, limit: 100 }), { removed: 0, isDone: true })
  }
  t.strictSame(left(), [])
}

t.test('a damaged entry leaves the history of its owner; the other side keeps the item', async t => {
  const box = damaged(([, second]) => [historyKey(BOB, second!.at, second!.id)])
  t.strictSame(box.numbers(), [1, 3, 4, 5, 6, 7])
  t.strictSame(box.numbers({}, { aor: ALICE_AOR }), [1, 2, 3, 4, 5, 6, 7])
  t.match(box.notices, [{ table: 'history' }])
  t.strictSame(box.numbers({ peer: ALICE_AOR }), [1, 3, 4, 5, 6, 7])
  endsWell(t, box)
})

t.test('damaged content leaves every history', async t => {
  const box = damaged(([first]) => [contentKey(first!.at, first!.id)])
  t.strictSame(box.numbers(), [1, 2, 3, 4, 5, 6, 7])
  t.equal(box.ask({ verb: 'history.pieces', aor: BOB_AOR, reference: box.reference(1), from: 0, bytes: 9 }), undefined)
  for (const aor of [ALICE_AOR, BOB_AOR]) t.strictSame(box.numbers({}, { aor }), [2, 3, 4, 5, 6, 7])
  endsWell(t, box)
})

t.test('damaged content holds up no retention', async t => {
  const box = damaged(([first]) => [contentKey(first!.at, first!.id)])
  t.equal(box.ask({ verb: 'history.expire', before: (STORED_AT + 4) as WallTime, limit: 9 }), 2)
  t.strictSame(box.numbers(), [4, 5, 6, 7])
  endsWell(t, box)
})

t.test('a damaged head is counted again, when a message is kept and when one leaves', async t => {
  const kept = damaged(() => [historyHeadKey(BOB), historyHeadKey(ALICE)])
  t.match(kept.ask({ ...custodyOf(8), history: historyOf(8) }), { outcome: 'stored' })
  t.match(kept.ask({ verb: 'history.summary', aor: BOB_AOR }), { items: 8 })
  kept.ask({ verb: 'confirm', aor: BOB_AOR, seq: 2, at: STORED_AT, detail: '' })
  endsWell(t, kept)
  const left = damaged(() => [historyHeadKey(BOB)])
  t.equal(left.ask({ verb: 'history.remove', aor: BOB_AOR, reference: left.reference(3) }), 'removed')
  t.match(left.ask({ verb: 'history.summary', aor: BOB_AOR }), { items: 6 })
  endsWell(t, left)
})

t.test('damaged pieces are passed over, and the session says that it was cut short', async t => {
  const box = damaged(places => [piecesKey(places[5]!.at, places[5]!.id, 1)])
  t.equal(box.bytesOf(box.reference(6)).toString(), 'onethree')
  const some = { verb: 'history.pieces', aor: BOB_AOR, reference: box.reference(6), bytes: 1 } as const
  t.match(box.ask({ ...some, from: 1 }), { pieces: [{ bytes: Buffer.from('three') }], next: 3, isLast: true })
  for (const aor of [ALICE_AOR, BOB_AOR])
    t.match(box.list({ kind: 'session' }, { aor }).entries[0], { state: 'cut short' })
  endsWell(t, box)
})

t.test('damaged heads are as none', async t => {
  const box = damaged(places => [headsKey(places[5] as never)])
  t.match(box.ask({ verb: 'history.get', aor: BOB_AOR, reference: box.reference(6) }), { heads: {}, participants: [] })
  endsWell(t, box)
})

t.test('an open session whose record is damaged ends as interrupted, with what had come', async t => {
  const box = damaged(places => [recordingKey(places[6]!.id)])
  const { id: record } = box.places[6]!
  t.equal(box.ask({ verb: 'history.append', record, pieces: [historyPiece('four')], limits }), 'gone')
  t.match(box.list().entries[6], { state: 'interrupted', count: 3, size: 'INVITEonetwothree'.length })
  t.equal(box.bytesOf(box.reference(7)).toString(), 'onetwothree')
  endsWell(t, box)
})

t.test('damaged numbers: none is given out twice', async t => {
  const box = damaged(() => [HISTORY_TOTALS_KEY, TOTALS_KEY])
  box.restart()
  const { reference } = (box.keep(9) as readonly { reference: string }[])[0]!
  t.notOk(box.references.includes(reference))
  t.equal(box.numbers().length, 8)
  endsWell(t, box)
})

t.test('a damaged account finds its history again', async t => {
  const box = damaged(() => [accountKey(BOB_AOR)])
  box.ask({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' })
  t.equal(box.numbers().length, 7)
  box.ask(custodyOf(2))
  t.match(box.ask(pageOf(BOB_AOR)), [{ seq: 2 }])
  const idle = historyStore()
  idle.keep(1)
  const key = accountKey(BOB_AOR)
  idle.table.put(key, Buffer.from('rubbish'))
  t.strictSame(idle.numbers(), [1])
})

t.test(
  'any records of histories damaged at once: no mailbox is harmed, no request fails, and nothing is left over',
  async t => {
    for (let run = 0; run < 300; run++) {
      const dice = new SeededEntropy(`damage ${run}`)
      const box = damaged(() => [])
      const { table, ask } = box
      const own = ['h', 'j', 'r', '!h'].flatMap(first => table.range(first, `${first}\xff`))
      const listed = table.range('m', 'n').filter(({ key }) => 'kl'.includes(key[5]!))
      for (const { key, value } of [...own, ...listed]) {
        if (value.length === 0 || !dice.chance(0.25)) continue
        const spoiled = Buffer.from(value)
        spoiled[dice.below(value.length)]! ^= 1 << dice.below(8)
        table.put(key, spoiled)
      }
      const { id: record } = box.places[6]!
      const steps = [
        () => t.match(ask({ ...custodyOf(8), history: historyOf(8) }), { outcome: /stored|duplicate/ }),
        () => ask({ verb: 'history.append', record, pieces: [historyPiece('four')], limits }),
        () => ask({ verb: 'history.close', record, at: STORED_AT, keep: true }),
        () => ask({ verb: 'history.recover', at: STORED_AT }),
        () => ask({ verb: 'history.remove', aor: BOB_AOR, reference: box.references[dice.below(7)]! }),
        () => ask({ verb: 'history.erase', aor: ALICE_AOR, limit: 2 }),
        () => ask({ verb: 'history.expire', before: (STORED_AT + 2) as WallTime, limit: 3 }),
        () => box.list({ peer: ALICE_AOR }),
        () => ask({ verb: 'history.owners', limit: 10 }),
        () => ask({ verb: 'history.sweep', limit: 2 }),
      ]
      for (let i = 0; i < 8; i++) steps[dice.below(steps.length)]!()
      ask({ verb: 'confirm', aor: BOB_AOR, seq: 2, at: STORED_AT, detail: '' })
      endsWell(t, box)
    }
  },
)
