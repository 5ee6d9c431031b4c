import t from 'tap'
import type { Instant, WallTime } from '../base/time.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { GOOD_DISK, SimulatedDisk } from '../testing/simulated-disk.ts'
import { ALICE_AOR, accountPut, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import type { HistoryPage, HistoryVerbs } from './history.ts'
import {
  BOTH,
  bodiesLeft,
  HISTORY_LIMITS,
  hasItems,
  historyItem,
  historyOf,
  historyPiece,
} from './history-store.fixture.ts'
import { isRead } from './story.ts'
import type { RequestOf, StoreRequest, Verb, Verbs } from './verbs.ts'

const limits = HISTORY_LIMITS
const TEXTS = ['one', 'two', 'three', 'four']
const LATER = (STORED_AT + 1e9) as WallTime

/** Writes go through until the power is cut in the flush of one; then undefined is answered. */
function simulated(seed: string) {
  const disk = new SimulatedDisk({ entropy: new SeededEntropy(seed), hostname: 'edge1.example.org', faults: GOOD_DISK })
  let [id, writes, cutAt] = [0, 0, Number.POSITIVE_INFINITY]
  const ask = <V extends Verb>(request: RequestOf<V>): Verbs[V]['reply'] | undefined => {
    if (writes > cutAt) return undefined
    disk.submit(++id, request as StoreRequest)
    if (!isRead(request.verb) && writes++ >= cutAt) {
      disk.advance(disk.nextAt()!)
      disk.crash()
      return undefined
    }
    for (;;) {
      const answer = disk.advance(disk.nextAt() as Instant).find(each => each.id === id)
      if (answer) return (answer.result as { value: Verbs[V]['reply'] }).value
    }
  }
  return {
    ask,
    cut: (after: number): void => {
      cutAt = after
    },
    restart: (): boolean => {
      const wasCut = writes > cutAt
      cutAt = Number.POSITIVE_INFINITY
      disk.crash()
      return wasCut
    },
    left: () => [
      ...['h', 'i', 'j', 'm', 'r', 'v']
        .flatMap(first => disk.durable.range(first, `${first}\xff`))
        .filter(({ key, value }) => !/^m....k/s.test(key) || hasItems(key, value))
        .map(({ key }) => key),
      ...bodiesLeft(disk.durable),
    ],
  }
}

type Disk = ReturnType<typeof simulated>

/** A message with its history, a session from its begin to its end, and the removal of both from one side. */
function live({ ask }: Disk): { answered: Set<string>; texts: string[] } {
  const answered = new Set<string>()
  const texts: string[] = []
  const note = (what: string, reply: unknown): void => {
    if (reply !== undefined) answered.add(what)
  }
  note('custody', ask({ ...custodyOf(1), history: historyOf(1) }))
  const heads = { invite: Buffer.from('INVITE') }
  const opened = ask({ verb: 'history.open', item: historyItem(2, { kind: 'session' }), owners: BOTH, heads, limits })
  const record = (opened as { record: number } | undefined)?.record ?? 0
  for (const text of TEXTS) {
    if (ask({ verb: 'history.append', record, pieces: [historyPiece(text)], limits }) === 'kept') texts.push(text)
  }
  note('closed', ask({ verb: 'history.close', record, at: STORED_AT, keep: true, heads: { bye: Buffer.from('BYE') } }))
  note('erased', ask({ verb: 'history.erase', aor: ALICE_AOR, limit: 10 }))
  return { answered, texts }
}

const listOf = ({ ask }: Disk, aor: string): HistoryPage['entries'] =>
  ask({ verb: 'history.list', aor, filter: {}, order: 'oldest', limit: 10 })!.entries

function textOf({ ask }: Disk, reference: string): string {
  const all = ask({ verb: 'history.pieces', aor: BOB_AOR, reference, from: 0, bytes: 1000 })
  return (all as NonNullable<HistoryVerbs['history.pieces']['reply']>).pieces.map(({ bytes }) => bytes).join('')
}

t.test(
  'HIS-STO-01, HIS-STO-04: the power is cut at every commit: what was answered is there, whole, and the rest leaves nothing',
  async t => {
    for (let [cut, isOver] = [0, false]; !isOver; cut++) {
      for (const seed of ['kept', 'lost', 'either']) {
        const disk = simulated(`${seed} ${cut}`)
        for (const aor of [ALICE_AOR, BOB_AOR]) disk.ask(accountPut(aor))
        disk.cut(cut + 2)
        const { answered, texts } = live(disk)
        isOver = !disk.restart()
        disk.ask({ verb: 'history.recover', at: STORED_AT })
        const [waiting, bob, alice] = [disk.ask(pageOf(BOB_AOR))!, listOf(disk, BOB_AOR), listOf(disk, ALICE_AOR)]
        if (answered.has('custody')) t.equal(waiting.length, 1)
        t.equal(bob.filter(({ kind }) => kind === 'message').length, waiting.length, `cut at ${cut}: both or none`)
        const session = bob.find(({ kind }) => kind === 'session')
        if (session) {
          t.match(session.state, answered.has('closed') ? 'whole' : /whole|interrupted/)
          const text = textOf(disk, session.reference)
          t.ok(TEXTS.join('').startsWith(text) && text.startsWith(texts.join('')), `cut at ${cut}: ${text}`)
          t.equal(session.size, text.length + (session.state === 'whole' ? 9 : 6))
        } else t.strictSame(texts, [])
        t.ok(alice.length === bob.length || alice.length === 0)
        if (answered.has('erased')) t.equal(alice.length, 0)
        for (const [aor, entries] of [
          [BOB_AOR, bob],
          [ALICE_AOR, alice],
        ] as const) {
          const bytes = entries.reduce((sum, { size }) => sum + size, 0)
          t.match(disk.ask({ verb: 'history.summary', aor }), { items: entries.length, bytes })
        }
        while (disk.ask({ verb: 'history.expire', before: LATER, limit: 1 })! > 0);
        while (disk.ask({ verb: 'history.sweep', limit: 1 })! > 0);
        for (const { seq } of waiting) disk.ask({ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '200' })
        t.strictSame(disk.left(), [], `cut at ${cut}: nothing is left behind`)
      }
    }
  },
)

t.test(
  'HIS-STO-01: the power is cut while a message that shares its bytes with histories is delivered and they let go of it: each has it whole, or not at all',
  async t => {
    const [received, pushed] = ['', 'Date: Thu, 21 Feb 2030 13:02:03 GMT\r\n'].map(date =>
      Buffer.from(`MESSAGE ${BOB_AOR} SIP/2.0\r\nSubject: 1\r\n${date}\r\n${'said '.repeat(100)}`),
    )
    for (const isHistoryFirst of [false, true]) {
      for (let [cut, isOver] = [0, false]; !isOver; cut++) {
        for (const seed of ['kept', 'lost', 'either']) {
          const disk = simulated(`${seed} ${cut} ${isHistoryFirst}`)
          for (const aor of [ALICE_AOR, BOB_AOR]) disk.ask(accountPut(aor))
          disk.cut(cut + 2)
          disk.ask({ ...custodyOf(1, { bytes: pushed! }), history: historyOf(1, { bytes: received! }) })
          const confirm = { verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '200' } as const
          if (!isHistoryFirst) disk.ask(confirm)
          for (const aor of [ALICE_AOR, BOB_AOR]) disk.ask({ verb: 'history.erase', aor, limit: 10 })
          disk.ask(confirm)
          isOver = !disk.restart()
          for (const { bytes } of disk.ask(pageOf(BOB_AOR))!) t.ok(bytes.equals(pushed!))
          for (const { reference } of listOf(disk, BOB_AOR)) t.equal(textOf(disk, reference), received!.toString())
          disk.ask(confirm)
          for (const aor of [ALICE_AOR, BOB_AOR]) disk.ask({ verb: 'history.erase', aor, limit: 10 })
          t.strictSame(disk.left(), [], `cut at ${cut}: nothing is left behind`)
        }
      }
    }
  },
)
