import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import {
  BOB_ALONE,
  BOTH,
  HISTORY_LIMITS,
  historyItem,
  historyOf,
  historyPiece,
  historyStore,
} from './history-store.fixture.ts'
import { HISTORY_PIECE_MAX } from './history-story.ts'

const SESSION = historyItem(1, { kind: 'session' })
const limits = HISTORY_LIMITS

t.test('HIS-STO-01: a message is kept whole for both sides, its bytes once', async t => {
  const { keep, list, bytesOf, table } = historyStore()
  const kept = keep(1)
  const { reference } = (kept as readonly { reference: string }[])[0]!
  t.strictSame(kept, [
    { aor: BOB_AOR, reference },
    { aor: ALICE_AOR, reference },
  ])
  const [entry] = list().entries
  const { receivedAt, ...item } = historyItem(1)
  t.strictSame(entry, {
    ...item,
    receivedAt,
    reference,
    role: 'receiver',
    peer: ALICE_AOR,
    size: bytesOf(reference).length,
    count: 1,
    state: 'whole',
  })
  t.match(list({}, { aor: ALICE_AOR }).entries, [{ role: 'sender', peer: BOB_AOR, reference }])
  t.ok(bytesOf(reference).equals(historyOf(1).piece.bytes))
  t.ok(bytesOf(reference, ALICE_AOR).equals(historyOf(1).piece.bytes))
  t.equal(table.range('r', 's').length, 1)
})

t.test(
  'HIS-STO-01: with a message in custody, and only if it was stored; what is wrong with it fails no message',
  async t => {
    const { ask, numbers } = historyStore()
    ask({ ...custodyOf(1), history: historyOf(1) })
    t.match(ask({ ...custodyOf(1), history: historyOf(1) }), { outcome: 'duplicate' })
    t.match(ask({ ...custodyOf(2, {}, { quotaMessages: 1 }), history: historyOf(2) }), { outcome: 'refused' })
    t.match(ask({ ...custodyOf(3), history: historyOf(3, { limits: { reserveBytes: Number.MAX_SAFE_INTEGER } }) }), {
      outcome: 'stored',
    })
    const long = historyOf(4, { bytes: Buffer.alloc(HISTORY_PIECE_MAX + 1) })
    t.match(ask({ ...custodyOf(4), history: long }), { outcome: 'stored' })
    t.throws(() => ask({ verb: 'history.keep', ...long }), /more than 65536/)
    t.strictSame(numbers(), [1])
  },
)

t.test(
  'HIS-STO-02, HIS-STO-03, HIS-STO-04: a session is its SENDs as they came, with heads and participants',
  async t => {
    const { ask, list, bytesOf } = historyStore()
    const invite = Buffer.from('INVITE sip:bob@example.org SIP/2.0\r\nSubject: x\r\n')
    const opened = ask({ verb: 'history.open', item: SESSION, owners: BOTH, heads: { invite }, limits })
    const { record } = opened as { record: number }
    const texts = Array.from({ length: 30 }, (_, i) => `MSRP ${i} SEND\r\n${'x'.repeat(i * 300)}\r\n`)
    for (let i = 0; i < 30; i += 3) {
      const pieces = texts
        .slice(i, i + 3)
        .map((text, j) => historyPiece(text, { from: j === 1 ? 'callee' : 'caller', isEnd: j < 2 }))
      t.equal(ask({ verb: 'history.append', record, pieces, limits }), 'kept')
    }
    const whole = texts.join('')
    t.match(list().entries, [{ state: 'open', count: 20, size: invite.length + whole.length }])
    const { reference } = list().entries[0]!
    t.equal(bytesOf(reference).toString(), whole, 'readable while it goes on')
    const bye = Buffer.from('BYE sip:alice@192.0.2.9 SIP/2.0\r\n')
    const joinedAt = STORED_AT
    const participants = [{ uri: 'sip:carol@example.org', displayName: 'C\u00e9', joinedAt }]
    t.equal(ask({ verb: 'history.close', record, at: STORED_AT, keep: true, heads: { bye }, participants }), 'closed')
    t.equal(ask({ verb: 'history.append', record, pieces: [], limits }), 'gone')
    const got = ask({ verb: 'history.get', aor: ALICE_AOR, reference })!
    t.match(got, {
      entry: { state: 'whole', endedAt: STORED_AT, size: invite.length + bye.length + whole.length, count: 20 },
      participants,
    })
    t.strictSame(got.heads, { invite, bye })
    t.equal(bytesOf(reference, ALICE_AOR).toString(), whole)
    const some = ask({ verb: 'history.pieces', aor: BOB_AOR, reference, from: 7, bytes: 1 })!
    t.match(some, { next: 8, isLast: false })
    t.strictSame(some.pieces, [historyPiece(texts[7]!, { from: 'callee' })])
  },
)

t.test('HIS-STO-03: what nobody records any more is closed as interrupted, and can be read', async t => {
  const { ask, list, restart, bytesOf } = historyStore()
  const { record } = ask({ verb: 'history.open', item: SESSION, owners: BOTH, heads: {}, limits }) as { record: number }
  ask({ verb: 'history.append', record, pieces: [historyPiece('one')], limits })
  restart()
  t.equal(ask({ verb: 'history.recover', at: STORED_AT }), 1)
  t.equal(ask({ verb: 'history.recover', at: STORED_AT }), 0)
  t.match(list().entries, [{ state: 'interrupted', endedAt: STORED_AT, count: 1, size: 3 }])
  t.equal(bytesOf(list().entries[0]!.reference).toString(), 'one')
})

t.test('a session that is not to be kept leaves nothing behind', async t => {
  const { ask, left } = historyStore()
  const heads = { invite: Buffer.from('INVITE') }
  const { record } = ask({ verb: 'history.open', item: SESSION, owners: BOTH, heads, limits }) as { record: number }
  ask({ verb: 'history.append', record, pieces: [historyPiece('one')], limits })
  t.equal(ask({ verb: 'history.close', record, at: STORED_AT, keep: false }), 'closed')
  t.strictSame(left(), [])
})

t.test('HIS-STO-06: a reference is of this box, and is never given out again', async t => {
  const { ask, keep, restart } = historyStore()
  const references = new Set<string>()
  for (let number = 1; number <= 20; number++) {
    const { reference } = (keep(number, { item: { receivedAt: STORED_AT } }) as readonly { reference: string }[])[0]!
    t.match(reference, /^sip:h[0-9a-z]+-[0-9a-z]+@edge1\.example\.org$/)
    references.add(reference)
    t.equal(ask({ verb: 'history.remove', aor: BOB_AOR, reference }), 'removed')
    t.equal(ask({ verb: 'history.remove', aor: BOB_AOR, reference }), 'absent')
    t.equal(ask({ verb: 'history.get', aor: BOB_AOR, reference }), undefined)
    t.ok(ask({ verb: 'history.get', aor: ALICE_AOR, reference }), 'the other side keeps it')
    if (number % 5 === 0) restart()
  }
  t.equal(references.size, 20)
})

t.test('HIS-STO-07: who has not switched a kind on is passed over, and locate tells what was decided', async t => {
  const { ask, keep } = historyStore()
  const decide = (aor: string, chosen: object) => {
    const { version } = ask({ verb: 'settings.get', aor })!
    const stored = { chosen, document: Buffer.from('<x/>'), modifiedAt: STORED_AT, revision: version + 1 }
    t.equal(ask({ verb: 'settings.put', aor, version, settings: { stored, published: [] } }), 'saved')
  }
  decide(BOB_AOR, { pagerHistory: false, sessionHistory: true })
  t.match(keep(1), [{ aor: ALICE_AOR }])
  t.strictSame(keep(2, { limits: { isActiveByDefault: false } }), [])
  decide(ALICE_AOR, { pagerHistory: true })
  t.match(keep(3, { limits: { isActiveByDefault: false } }), [{ aor: ALICE_AOR }])
  t.match(ask({ verb: 'locate', aor: BOB_AOR, sender: ALICE_AOR }), {
    pagerHistory: false,
    sessionHistory: true,
    senderHistory: { pagerHistory: true },
  })
  t.strictSame(ask({ verb: 'locate', aor: 'sip:nobody@example.org', sender: 'sip:nobody@example.org' }), {
    isKnown: false,
    bindings: [],
    waiting: 0,
  })
  const open = { verb: 'history.open', heads: {}, limits: { ...limits, isActiveByDefault: false } } as const
  t.type((ask({ ...open, item: SESSION, owners: BOTH }) as { record: number }).record, 'number')
  t.equal(ask({ ...open, item: historyItem(1, { kind: 'large' }), owners: BOB_ALONE }), 'unwanted')
  t.match(ask({ ...open, item: historyItem(1, { kind: 'large' }), owners: BOB_ALONE, isAskedFor: true }), {
    record: Number,
  })
})

t.test(
  'a full history: the oldest give way, also to a session that grows; an item larger than all of it is cut short',
  async t => {
    const { ask, keep, numbers, list } = historyStore()
    const own = { ...limits, quotaBytes: 20_000 }
    const bytes = Buffer.alloc(1000, 'x')
    for (let number = 1; number <= 20; number++) keep(number, { owners: BOB_ALONE, limits: own, bytes })
    t.equal(numbers().length, 20)
    keep(21, { owners: BOB_ALONE, limits: own, bytes })
    t.strictSame(numbers().slice(0, 2), [3, 4])
    const item = historyItem(0, { kind: 'session' })
    const { record } = ask({ verb: 'history.open', item, owners: BOB_ALONE, heads: {}, limits: own }) as {
      record: number
    }
    const pieces = [historyPiece(Buffer.alloc(7000))]
    for (const _ of [1, 2]) {
      const before = numbers().length
      const kept = ask({ verb: 'history.append', record, pieces, limits: own })
      t.strictSame(kept, { evicted: before - numbers().length })
    }
    t.match(list().entries[0], { kind: 'session', size: 14_000 })
    t.ok(ask({ verb: 'history.summary', aor: BOB_AOR })!.bytes <= own.quotaBytes)
    t.equal(ask({ verb: 'history.append', record, pieces, limits: own }), 'full')
    t.match(list().entries[0], { state: 'cut short', size: 14_000 })
    t.equal(ask({ verb: 'history.append', record, pieces, limits: own }), 'gone')
    keep(30, { owners: BOB_ALONE, limits: own, bytes: Buffer.alloc(30_000) })
    t.match(list().entries, [{ state: 'cut short', size: 20_000 }])
  },
)

t.test('a stranger’s item is kept while there is room, and makes nothing older leave', async t => {
  const { ask, numbers, list } = historyStore()
  const own = { ...limits, quotaBytes: 20_000 }
  const bytes = Buffer.alloc(1000, 'x')
  const from = (number: number, isFromStranger: boolean) =>
    ask({ verb: 'history.keep', ...historyOf(number, { owners: BOB_ALONE, limits: own, bytes }), isFromStranger })
  for (let number = 1; number <= 19; number++) from(number, false)
  t.match(from(20, true), [{ aor: BOB_AOR, reference: String }])
  t.strictSame(from(21, true), [{ aor: BOB_AOR, passedOver: 'no room for strangers' }])
  const history = { ...historyOf(22, { owners: BOB_ALONE, limits: own, bytes }), isFromStranger: true }
  t.match(ask({ ...custodyOf(22), history }), {
    outcome: 'stored',
    history: [{ aor: BOB_AOR, passedOver: 'no room for strangers' }],
  })
  t.equal(numbers().length, 20)
  t.equal(numbers()[0], 1)
  t.match(from(23, false), [{ aor: BOB_AOR, reference: String, evicted: 2 }])
  t.strictSame([numbers()[0], numbers().length], [3, 19])
  t.match(from(24, true), [{ aor: BOB_AOR, reference: String }])
  const open = { verb: 'history.open', item: SESSION, owners: BOB_ALONE, limits: own, isFromStranger: true } as const
  t.strictSame(ask({ ...open, heads: { invite: bytes } }), {
    outcomes: [{ aor: BOB_AOR, passedOver: 'no room for strangers' }],
  })
  const { record } = ask({ ...open, heads: {} }) as { record: number }
  const pieces = [historyPiece(bytes)]
  t.strictSame(ask({ verb: 'history.append', record, pieces, limits: own }), {
    aor: BOB_AOR,
    passedOver: 'no room for strangers',
  })
  t.equal(ask({ verb: 'history.append', record, pieces, limits: own }), 'gone')
  t.match(list({ kind: 'session' }).entries, [{ state: 'cut short', size: 0 }])
  t.strictSame(numbers().slice(0, 2), [1, 3], 'behind the session nothing has left')
})

t.test('of each owner there is so much new in a day, whatever leaves meanwhile', async t => {
  const { ask, list, restart, table } = historyStore()
  const own = { ...limits, dayBytes: 10_000 }
  const DAY = 86_400_000
  const keep = (at: number, size: number, owners = BOB_ALONE) => {
    const item = { receivedAt: (STORED_AT + at) as WallTime }
    return ask({ verb: 'history.keep', ...historyOf(1, { owners, limits: own, item, bytes: Buffer.alloc(size) }) })
  }
  const over = [{ aor: BOB_AOR, passedOver: 'daily limit' }]
  t.match(keep(0, 6000), [{ reference: String }])
  t.strictSame(keep(1, 4001), over)
  t.match(keep(1, 4000), [{ reference: String }])
  t.strictSame(ask({ verb: 'history.erase', aor: BOB_AOR, limit: 9 }), { removed: 2, isDone: true })
  restart()
  t.strictSame(keep(DAY - 1, 1), over, 'what left is not forgotten')
  t.strictSame(ask({ verb: 'history.summary', aor: BOB_AOR }), { items: 0, bytes: 0, version: '0' })
  t.strictSame(ask({ verb: 'history.owners', limit: 9 }), [])
  t.match(keep(DAY - 1, 1, [...BOTH]), [over[0], { aor: ALICE_AOR, reference: String }], 'each by itself')
  ask({ verb: 'clock', wall: (STORED_AT + DAY) as WallTime })
  t.match(keep(DAY, 9000), [{ reference: String }])
  t.strictSame(keep(-DAY, 1001), over, 'a clock that goes back begins no day')
  const open = { verb: 'history.open', owners: BOB_ALONE, heads: {}, limits: own } as const
  const receivedAt = (STORED_AT + DAY) as WallTime
  const opened = ask({ ...open, item: { ...SESSION, receivedAt } }) as { record: number }
  const append = (size: number) =>
    ask({
      verb: 'history.append',
      record: opened.record,
      pieces: [historyPiece(Buffer.alloc(size), { at: receivedAt })],
      limits: own,
    })
  t.equal(append(900), 'kept')
  t.strictSame(append(101), over[0])
  t.match(list({ kind: 'session' }).entries, [{ state: 'cut short', size: 900 }])
  ask({ verb: 'account.remove', aor: BOB_AOR, at: STORED_AT })
  t.equal(table.range('m', 'n').filter(({ key }) => key[5] === 'k').length, 1, 'the head of the other')
})

t.test('below the flash reserve nothing is added, and a session is cut short', async t => {
  let free = 10_000
  const { ask, keep, numbers } = historyStore(() => free)
  const own = { ...limits, reserveBytes: 5000 }
  const open = () =>
    ask({ verb: 'history.open', item: SESSION, owners: BOTH, heads: { invite: Buffer.alloc(10) }, limits: own })
  const { record } = open() as { record: number }
  free = 5000
  t.equal(keep(2, { limits: own }), 'flash reserve')
  t.equal(open(), 'flash reserve')
  t.equal(ask({ verb: 'history.append', record, pieces: [historyPiece('x')], limits: own }), 'full')
  t.strictSame(numbers(), [1])
})

t.test('a clock that is not set makes no item the oldest: retention leaves it', async t => {
  const { ask, keep, list, numbers } = historyStore()
  ask({ verb: 'clock', wall: STORED_AT })
  keep(1, { item: { receivedAt: 5 as WallTime } })
  keep(2, { item: { receivedAt: (STORED_AT - 60_000) as WallTime } })
  t.match(list().entries, [
    { callId: /call-2/, receivedAt: STORED_AT - 60_000 },
    { callId: /call-1/, receivedAt: STORED_AT },
  ])
  t.equal(ask({ verb: 'history.expire', before: (STORED_AT - 1000) as WallTime, limit: 10 }), 1)
  t.strictSame(numbers(), [1])
})

t.test(
  'pages follow each other without a gap, in both directions, by peer and by time, while others are added',
  async t => {
    const { keep, list } = historyStore()
    const peers = ['sip:x@example.net', 'sip:y@example.net', 'anonymous']
    const own = (number: number) => [{ aor: BOB_AOR, role: 'receiver', peer: peers[number % 3]! } as const]
    for (let number = 1; number <= 300; number++) keep(number, { owners: own(number) })
    for (const order of ['oldest', 'newest'] as const) {
      for (const filter of [
        {},
        { peer: peers[1]! },
        { since: (STORED_AT + 100) as WallTime, until: (STORED_AT + 200) as WallTime, peer: peers[2]! },
      ]) {
        const seen: number[] = []
        for (let after: string | undefined; ; ) {
          const page = list(filter, { order, limit: 7, ...(after !== undefined && { after }) })
          t.ok(page.entries.length <= 7)
          seen.push(...page.entries.map(({ receivedAt }) => receivedAt - STORED_AT))
          if (page.next === undefined) break
          t.match(page.next, /^[0-9a-z-]{3,64}$/)
          after = page.next
        }
        const all = Array.from({ length: 300 }, (_, i) => i + 1).filter(
          number =>
            (!('peer' in filter) || peers[number % 3] === filter.peer) &&
            (!('since' in filter) || (number >= 100 && number < 200)),
        )
        t.strictSame(seen, order === 'oldest' ? all : all.reverse())
      }
    }
  },
)

t.test('a search looks at a bounded number of entries, and goes on where it stopped', async t => {
  const { keep, list } = historyStore()
  for (let number = 1; number <= 2500; number++)
    keep(number, { owners: BOB_ALONE, item: { subject: number === 2400 ? 'L\u00fcNCH' : 'x' } })
  const first = list({ subject: 'l\u00fcnch' })
  t.strictSame(first.entries, [])
  const second = list({ subject: 'l\u00fcnch' }, { after: first.next! })
  t.match(second.entries, [{ callId: 'call-2400@192.0.2.9' }])
  t.equal(second.next, undefined)
  t.strictSame(list({}, { after: 'no cursor' }), { entries: [] })
})

t.test('summary and owners: another version for each change', async t => {
  const { ask, keep } = historyStore()
  const summary = () => ask({ verb: 'history.summary', aor: BOB_AOR })!
  t.strictSame(summary(), { items: 0, bytes: 0, version: '0' })
  t.equal(ask({ verb: 'history.summary', aor: 'sip:nobody@example.org' }), undefined)
  const versions = [summary().version]
  const { reference } = (keep(1) as readonly { reference: string }[])[0]!
  versions.push(summary().version)
  keep(2)
  versions.push(summary().version)
  ask({ verb: 'history.remove', aor: BOB_AOR, reference })
  versions.push(summary().version)
  t.equal(new Set(versions).size, 4)
  t.match(summary(), { items: 1, oldestAt: STORED_AT + 2 })
  const items = { items: 2, bytes: historyOf(1).piece.bytes.length * 2 }
  t.strictSame(ask({ verb: 'history.owners', limit: 1 }), [{ aor: ALICE_AOR, ...items }])
  t.match(ask({ verb: 'history.owners', after: ALICE_AOR, limit: 10 }), [{ aor: BOB_AOR, items: 1 }])
})

t.test('the history of a removed account goes with it, step by step; the other side keeps what it has', async t => {
  const { ask, keep, numbers, left } = historyStore()
  for (let number = 1; number <= 70; number++) keep(number)
  const { record } = ask({ verb: 'history.open', item: SESSION, owners: BOB_ALONE, heads: {}, limits }) as {
    record: number
  }
  ask({ verb: 'history.append', record, pieces: [historyPiece('one')], limits })
  ask({ verb: 'account.remove', aor: BOB_AOR, at: STORED_AT })
  t.equal(ask({ verb: 'history.append', record, pieces: [historyPiece('two')], limits }), 'gone')
  ask(accountPut(BOB_AOR))
  t.strictSame(numbers(), [], 'the name begins anew')
  t.equal(ask({ verb: 'history.sweep', limit: 10 }), 10)
  left()
  t.equal(numbers({}, { aor: ALICE_AOR }).length, 70)
  t.strictSame(ask({ verb: 'history.erase', aor: ALICE_AOR, limit: 50 }), { removed: 50, isDone: false })
  t.strictSame(ask({ verb: 'history.erase', aor: ALICE_AOR, limit: 50 }), { removed: 20, isDone: true })
  t.strictSame(left(), [])
})

t.test('retention: the oldest of all owners end, so many at a time, whatever has been swept', async t => {
  const { ask, keep, numbers, left } = historyStore()
  for (let number = 1; number <= 40; number++) {
    if (number % 4 > 0) keep(number, { bytes: Buffer.alloc(number * 1000) })
    else {
      const item = historyItem(number, { kind: 'session' })
      const { record } = ask({ verb: 'history.open', item, owners: BOTH, heads: {}, limits }) as { record: number }
      for (let i = 0; i < 3; i++)
        ask({ verb: 'history.append', record, pieces: [historyPiece(Buffer.alloc(60_000))], limits })
      if (number % 8 > 0) ask({ verb: 'history.close', record, at: STORED_AT, keep: true })
    }
  }
  const before = (STORED_AT + 31) as WallTime
  t.equal(ask({ verb: 'history.expire', before, limit: 12 }), 12)
  t.equal(numbers()[0], 13)
  t.equal(ask({ verb: 'history.expire', before, limit: 100 }), 18)
  t.equal(ask({ verb: 'history.expire', before, limit: 100 }), 0)
  t.equal(numbers().length, 10)
  t.equal(ask({ verb: 'history.expire', before: (STORED_AT + 100) as WallTime, limit: 100 }), 10)
  t.strictSame(left(), [])
})
