import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { ALICE_AOR, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { historyOf, historyStore } from './history-store.fixture.ts'
import { bodyKey, contentKey, endKey, historyKey, indexKey, lifeKey } from './keys.ts'
import { sharedBytes } from './shared-content.ts'

const [ALICE, BOB] = [1, 2]
const LATER = (STORED_AT + 1e9) as WallTime
const TEXT = 'said '.repeat(200)

const headOf = (route: string, date: string): Buffer =>
  Buffer.from(`MESSAGE ${BOB_AOR} SIP/2.0\r\n${route}From: <${ALICE_AOR}>\r\n${date}Subject: 1\r\n\r\n${TEXT}`)

/** As they differ in custody. */
const RECEIVED = headOf('Route: <sip:edge1.example.org;lr>\r\n', '')
const PUSHED = headOf('', 'Date: Thu, 21 Feb 2030 13:02:03 GMT\r\n')

/** One message that waits for bob and is in his and alice's history. */
function shared() {
  const store = historyStore()
  const { ask, table } = store
  ask({ ...custodyOf(1, { bytes: PUSHED }), history: historyOf(1, { bytes: RECEIVED }) })
  const { key } = table.range('r', 's')[0]!
  const [at, id] = [1, 7].map(from =>
    Number.parseInt(Buffer.from(key.slice(from, from + 6), 'latin1').toString('hex'), 16),
  )
  return {
    ...store,
    place: { at: at!, id: id! },
    confirm: () => ask({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '200' }),
    erase: (aor: string) => ask({ verb: 'history.erase', aor, limit: 10 }),
    given: (): Buffer[] => (ask(pageOf(BOB_AOR)) as readonly { bytes: Buffer }[]).map(({ bytes }) => bytes),
    received: (aor = BOB_AOR): Buffer[] =>
      store.list({}, { aor }).entries.map(({ reference }) => store.bytesOf(reference, aor)),
    flip: (damaged: string): void => {
      const value = Buffer.from(table.get(damaged)!)
      value[value.length - 1]! ^= 4
      table.put(damaged, value)
    },
  }
}

const isThere = ({ table }: ReturnType<typeof shared>): boolean => table.get(bodyKey(1)) !== undefined

t.test(
  'HIS-STO-01: what is kept and what waits are on flash once, and each is given as it was, whoever goes first',
  async t => {
    const stored = (box: ReturnType<typeof shared>) =>
      box.table.range('r', 't').reduce((sum, { value }) => sum + value.length, 0)
    t.ok(stored(shared()) < RECEIVED.length + 800)
    const orders = [
      ['confirm', 'bob', 'alice'],
      ['bob', 'confirm', 'alice'],
      ['bob', 'alice', 'confirm'],
    ]
    for (const order of orders) {
      const box = shared()
      for (const step of order) {
        t.strictSame(box.given(), order.indexOf('confirm') < order.indexOf(step) ? [] : [PUSHED])
        t.strictSame(box.received(ALICE_AOR), order.indexOf('alice') < order.indexOf(step) ? [] : [RECEIVED])
        t.ok(isThere(box))
        if (step === 'confirm') box.confirm()
        else box.erase(step === 'bob' ? BOB_AOR : ALICE_AOR)
      }
      t.notOk(isThere(box))
      t.strictSame(box.left(), [])
      t.strictSame(box.notices, [])
    }
  },
)

t.test('however a message ends, histories that have it keep it; when they end by age, the body goes', async t => {
  for (const end of ['delete', 'expire', 'account'] as const) {
    const box = shared()
    if (end === 'delete') box.ask({ verb: 'delete', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' })
    if (end === 'expire') box.ask({ verb: 'expire', at: LATER, limit: 10 })
    if (end === 'account') box.ask({ verb: 'account.remove', aor: BOB_AOR, at: STORED_AT })
    box.restart()
    t.strictSame(box.received(ALICE_AOR), [RECEIVED], end)
    while (box.ask({ verb: 'history.expire', before: LATER, limit: 10 }) > 0);
    t.strictSame(box.left(), [], end)
    t.strictSame(box.notices, [])
  }
})

t.test('quota: an item that gives way leaves the body to the message that waits', async t => {
  const box = shared()
  const limits = { quotaBytes: RECEIVED.length + 10 }
  box.ask({ ...custodyOf(2, { bytes: PUSHED }), history: historyOf(2, { bytes: RECEIVED, limits }) })
  t.strictSame(box.numbers(), [2])
  t.strictSame(box.given(), [PUSHED, PUSHED])
  t.strictSame(box.received(), [RECEIVED])
  box.confirm()
  t.notOk(isThere(box))
})

t.test('an item that is cut short shares what it has', async t => {
  const box = historyStore()
  const limits = { quotaBytes: 300 }
  box.ask({ ...custodyOf(1, { bytes: PUSHED }), history: historyOf(1, { bytes: RECEIVED, limits }) })
  const [entry] = box.list().entries
  t.match(entry, { state: 'cut short', size: 300 })
  t.ok(box.bytesOf(entry!.reference).equals(RECEIVED.subarray(0, 300)))
})

t.test('damage: nothing that is damaged is given to anybody, and nothing is left behind', async t => {
  const cases: { name: string; keys: (box: ReturnType<typeof shared>) => string[]; waits: boolean; kept: boolean }[] = [
    { name: 'body', keys: () => [bodyKey(1)], waits: false, kept: false },
    { name: 'content', keys: ({ place: { at, id } }) => [contentKey(at, id)], waits: true, kept: false },
    { name: 'index', keys: () => [indexKey(BOB, 1)], waits: true, kept: true },
    { name: 'life', keys: () => [lifeKey(1)], waits: true, kept: true },
    { name: 'body and index', keys: () => [bodyKey(1), indexKey(BOB, 1)], waits: false, kept: false },
    { name: 'all', keys: ({ place: { at, id } }) => [bodyKey(1), contentKey(at, id)], waits: false, kept: false },
    {
      name: 'entries',
      keys: ({ place: { at, id } }) => [ALICE, BOB].map(mailbox => historyKey(mailbox, at, id)),
      waits: true,
      kept: false,
    },
  ]
  for (const { name, keys, waits, kept } of cases) {
    for (const isDelivered of [false, true]) {
      for (const isHistoryFirst of [false, true]) {
        if (isDelivered && name.includes('index')) continue
        const box = shared()
        if (isDelivered) box.confirm()
        for (const key of keys(box)) box.flip(key)
        const what = `${name}, ${isDelivered ? 'delivered' : 'waiting'}, ${isHistoryFirst ? 'history' : 'mailbox'} first`
        const readHistory = (): void => {
          for (const aor of [ALICE_AOR, BOB_AOR]) box.received(aor)
        }
        if (isHistoryFirst) readHistory()
        t.strictSame(box.given(), waits && !isDelivered ? [PUSHED] : [], what)
        readHistory()
        for (const aor of [ALICE_AOR, BOB_AOR]) t.strictSame(box.received(aor), kept ? [RECEIVED] : [], what)
        t.ok(box.notices.length > 0 || (name === 'life' && isDelivered) || name === 'life', what)
        t.match(box.ask({ verb: 'status' }), { waiting: waits && !isDelivered ? 1 : 0 }, what)
        box.confirm()
        for (const aor of [ALICE_AOR, BOB_AOR]) box.erase(aor)
        t.strictSame(box.left(), [], what)
      }
    }
  }
})

t.test('a body that is there for a history alone is not taken for a message that waits', async t => {
  const box = shared()
  box.confirm()
  box.flip(lifeKey(1))
  const stories = box.ask({ verb: 'trace', id: 'sip:1@edge1.example.org', limit: 1 }) as readonly { events: unknown }[]
  t.match(stories, [{ storeId: 'sip:1@edge1.example.org' }])
  t.match(stories[0]?.events, [{ event: 'delivered' }])
  t.match(box.ask({ verb: 'status' }), { waiting: 0 })
  t.strictSame(box.received(), [RECEIVED])
})

t.test(
  'how a message ended whose body a history keeps stands apart from its story, which is not written again',
  async t => {
    const box = shared()
    const events = (): unknown => {
      const stories = box.ask({ verb: 'trace', id: 'sip:1@edge1.example.org', limit: 1 })
      return (stories as readonly { events: unknown }[])[0]!.events
    }
    const before = Buffer.from(box.table.get(lifeKey(1))!)
    box.confirm()
    t.strictSame(box.table.get(lifeKey(1)), before)
    box.restart()
    t.match(events(), [{ event: 'stored' }, { event: 'delivered', at: STORED_AT, detail: '200' }])
    t.match(box.ask(custodyOf(1)), { outcome: 'duplicate', seq: 1 })
    box.flip(endKey(1))
    t.match(events(), [{ event: 'stored' }, { event: 'damaged', detail: 'failed its checksum' }])
    t.match(box.notices, [{ table: 'end', storeId: 'sip:1@edge1.example.org' }])
    t.equal(box.ask({ verb: 'forget', before: LATER, keep: 0, limit: 10 }), 1)
    t.strictSame(
      [lifeKey(1), endKey(1)].filter(key => box.table.get(key)),
      [],
    )
  },
)

t.test('any two texts come together again', async t => {
  const entropy = new SeededEntropy('shared')
  for (let round = 0; round < 500; round++) {
    const [start, end, a, b] = [0, 1, 2, 3].map(() =>
      Buffer.from(entropy.bytes(1 + (round % 40)).map(byte => byte & 3)),
    )
    const long = Buffer.alloc(round * 3, round & 1)
    const [body, received] = [Buffer.concat([start!, a!, long, end!]), Buffer.concat([start!, b!, long, end!])]
    const { prefix, suffix } = sharedBytes(body, received)
    const own = received.subarray(prefix, received.length - suffix)
    t.ok(prefix + suffix <= Math.min(body.length, received.length) && own.length <= received.length)
    const again = Buffer.concat([body.subarray(0, prefix), own, body.subarray(body.length - suffix)])
    if (!again.equals(received)) t.fail(`round ${round}`)
  }
})
