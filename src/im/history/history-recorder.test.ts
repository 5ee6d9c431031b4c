import t from 'tap'
import { Counters } from '../../base/counters.ts'
import type { Log } from '../../base/log.ts'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Timers } from '../../base/timers.ts'
import type { HistoryItem, HistoryPiece } from '../../store/history.ts'
import type { StoreClient, StoreFailure, Verb } from '../../store/verbs.ts'
import { HistoryNotes } from './history-notes.ts'
import { HistoryRecorder, type RecorderContext, type RecorderEvents, RecorderMemory } from './history-recorder.ts'

const LIMITS = { quotaBytes: 1e9, dayBytes: 1e9, reserveBytes: 0, isActiveByDefault: true }
const ITEM: HistoryItem = {
  kind: 'session',
  receivedAt: 0 as WallTime,
  from: 'sip:alice@example.org',
  to: 'sip:bob@example.org',
  callId: 'c1',
  isAnonymous: false,
}
const MIB = 1024 * 1024

interface Asked {
  readonly verb: Verb
  readonly request: Record<string, unknown>
  reply(value: unknown): void
  fail(failure: StoreFailure['failure']): void
}

/** A store that replies when the test says so. */
class Desk implements StoreClient {
  readonly timers = new Timers()
  readonly counters = new Counters()
  readonly memory = new RecorderMemory()
  readonly asked: Asked[] = []
  readonly warnings: string[] = []
  at = 0

  get now(): Now {
    return { at: this.at as Instant, wall: (1_000_000 + this.at) as WallTime, isWallTrusted: true }
  }

  readonly #log: Log = {
    debug() {},
    info() {},
    error() {},
    warn: (_msg, fields) => void this.warnings.push(String(fields?.why)),
  }
  readonly #notes = new HistoryNotes({ counters: this.counters, log: this.#log })

  get context(): RecorderContext {
    const { timers, counters, memory } = this
    return { store: this, timers, counters, log: this.#log, limits: LIMITS, memory, notes: this.#notes }
  }

  ask: StoreClient['ask'] = (verb, request, done) => {
    const answer = done as unknown as (now: Now, result: object) => void
    this.asked.push({
      verb,
      request: request as Record<string, unknown>,
      reply: value => answer(this.now, { value }),
      fail: failure => answer(this.now, { failure, detail: '' }),
    })
  }

  take(verb: Verb): Asked {
    const asked = this.asked.shift()
    if (asked?.verb !== verb) throw new Error(`${asked?.verb} was asked, not ${verb}`)
    return asked
  }

  record(events: RecorderEvents = {}): HistoryRecorder {
    return new HistoryRecorder(this.context, { item: ITEM, owners: [], heads: {} }, events)
  }

  pass(ms: number): void {
    this.at += ms
    this.timers.fire(this.now)
  }
}

const piece = (bytes: string | number): HistoryPiece => ({
  at: 0 as WallTime,
  from: 'caller',
  bytes: typeof bytes === 'number' ? Buffer.alloc(bytes) : Buffer.from(bytes),
  isEnd: true,
})
const textsIn = ({ request }: Asked): string[] =>
  (request.pieces as HistoryPiece[]).map(({ bytes }) => bytes.toString('latin1'))

t.test(
  'HIS-STO-04: pieces go to flash in their order, one request at a time, and are safe when it has replied',
  async t => {
    const desk = new Desk()
    const recorder = desk.record()
    const safe: string[] = []
    const say = (text: string): void =>
      recorder.piece(desk.now, piece(text), (_now, isKept) => safe.push(`${text} ${isKept}`))
    for (const text of ['a', 'b']) say(text)
    desk.take('history.open').reply({ record: 7, outcomes: [] })
    const first = desk.take('history.append')
    t.strictSame(textsIn(first), ['a', 'b'])
    for (const text of ['c', 'd']) say(text)
    recorder.end(desk.now, 'whole', { heads: { bye: Buffer.from('BYE') } })
    t.same(desk.asked, [], 'nothing else is asked meanwhile')
    t.same(safe, [])
    first.reply('kept')
    t.same(safe, ['a true', 'b true'])
    const second = desk.take('history.append')
    t.strictSame(textsIn(second), ['c', 'd'])
    second.reply('kept')
    const { request, reply } = desk.take('history.close')
    t.match(request, { record: 7, keep: true, heads: { bye: Buffer.from('BYE') } })
    t.notOk(request.state)
    reply('closed')
    t.equal(desk.memory.describe().used, 0)
    t.equal(desk.counters.get('history_records', 'whole'), 1)
  },
)

t.test('bytes are the recorder’s own: what they were read with is not kept alive', async t => {
  const desk = new Desk()
  const recorder = desk.record()
  const read = Buffer.alloc(MIB)
  recorder.piece(desk.now, { ...piece(''), bytes: read.subarray(0, 3) })
  desk.take('history.open').reply({ record: 1, outcomes: [] })
  const [kept] = desk.take('history.append').request.pieces as HistoryPiece[]
  t.not(kept!.bytes.buffer, read.buffer)
})

t.test(
  'whoever sends faster than flash takes is held, and the record is cut short when flash does not go on',
  async t => {
    const desk = new Desk()
    const held: string[] = []
    const recorder = desk.record({
      hold: (_now, isHeld) => held.push(isHeld ? 'held' : 'free'),
      onCutShort: (_now, why) => held.push(why),
    })
    desk.take('history.open').reply({ record: 1, outcomes: [] })
    recorder.piece(desk.now, piece(MIB))
    const first = desk.take('history.append')
    recorder.piece(desk.now, piece(MIB))
    t.same(held, ['held'])
    first.reply('kept')
    t.same(held, ['held', 'free'])
    recorder.piece(desk.now, piece(MIB))
    desk.pass(2000)
    t.same(held, ['held', 'free', 'held', 'flash is too slow', 'free'])
    t.notOk(recorder.isRecording)
    recorder.piece(desk.now, piece('later'), (_now, isKept) => held.push(`later ${isKept}`))
    desk.pass(0)
    t.equal(held.at(-1), 'later false')
    t.equal(desk.counters.get('history_cut_short'), 1)
    t.same(desk.warnings, ['flash is too slow'])
    desk.take('history.append').reply('kept')
    recorder.end(desk.now, 'whole')
    t.match(desk.take('history.close').request, { keep: true, state: 'cut short' })
  },
)

t.test('whoever cannot be held has the record cut short at its bound, and all records share one memory', async t => {
  const desk = new Desk()
  const recorder = desk.record()
  for (let sent = 0; sent < 5; sent++) recorder.piece(desk.now, piece(MIB))
  t.notOk(recorder.isRecording)
  t.equal(desk.memory.describe().used, 0, 'what was not on its way is given back')

  const crowd = new Desk()
  const recorders = Array.from({ length: 32 }, () => crowd.record())
  for (const each of recorders) each.piece(crowd.now, piece(MIB))
  t.equal(recorders.filter(each => each.isRecording).length, 23, 'a quarter is for those who say little')
  const quiet = Array.from({ length: 100 }, () => crowd.record())
  for (const each of quiet) each.piece(crowd.now, piece(10_000))
  t.ok(quiet.every(each => each.isRecording))
})

t.test('while half of the memory is in use, whoever says much is held earlier', async t => {
  const desk = new Desk()
  const held: boolean[] = []
  const one = desk.record({ hold: (_now, isHeld) => held.push(isHeld) })
  one.piece(desk.now, piece(MIB))
  t.same(held, [])
  const others = Array.from({ length: 16 }, () => desk.record())
  for (const each of others) each.piece(desk.now, piece(MIB))
  one.piece(desk.now, piece(1))
  t.same(held, [true])
  for (const each of others) each.end(desk.now, 'discarded')
  one.piece(desk.now, piece(1))
  t.same(held, [true, false])
})

t.test('an owner who has had as much as there may be: the record ends, and it is no matter of flash', async t => {
  const over = { aor: 'sip:bob@example.org', passedOver: 'daily limit' }
  const ends: [string, boolean][] = []
  const events: RecorderEvents = { onCutShort: (_now, why, isOwnLimit) => ends.push([why, isOwnLimit]) }
  const refused = new Desk()
  refused.record(events).end(refused.now, 'whole')
  refused.take('history.open').reply({ outcomes: [over] })
  t.same(refused.asked, [], 'there is nothing to close')
  t.equal(refused.counters.get('history_not_kept', 'daily limit'), 1)
  const cut = new Desk()
  for (const _ of [1, 2]) {
    const recorder = cut.record(events)
    recorder.piece(cut.now, piece('a'))
    cut.take('history.open').reply({ record: 1, outcomes: [{ aor: 'sip:bob@example.org', reference: '', evicted: 2 }] })
    cut.take('history.append').reply({ evicted: 3 })
    recorder.piece(cut.now, piece('b'))
    cut.take('history.append').reply(over)
    recorder.end(cut.now, 'whole')
    t.same(cut.asked, [])
  }
  t.equal(cut.counters.get('history_cut_short'), 2)
  t.equal(cut.counters.get('history_evicted'), 10)
  t.same(cut.warnings, ['daily limit'], 'once an hour')
  t.same(ends, Array(3).fill(['the limits of its owner', true]))
})

t.test('what the store says ends the record and nothing else', async t => {
  const cases: [string, (asked: Asked) => void, string[]][] = [
    ['unwanted', ({ reply }) => reply('unwanted'), []],
    ['flash reserve', ({ reply }) => reply('flash reserve'), ['flash is nearly full']],
    ['io', ({ fail }) => fail('io'), ['store: io']],
  ]
  for (const [what, answer, warnings] of cases) {
    const desk = new Desk()
    const over: string[] = []
    const recorder = desk.record({ onOver: () => over.push('over') })
    recorder.piece(desk.now, piece('a'), (_now, isKept) => over.push(`a ${isKept}`))
    answer(desk.take('history.open'))
    recorder.end(desk.now, 'whole')
    t.same(over, ['a false', 'over'], what)
    t.same(desk.asked, [], `${what}: there is nothing to close`)
    t.same(desk.warnings, warnings)
  }
  for (const value of ['full', 'gone']) {
    const desk = new Desk()
    const recorder = desk.record()
    desk.take('history.open').reply({ record: 1, outcomes: [] })
    recorder.piece(desk.now, piece('a'))
    desk.take('history.append').reply(value)
    t.notOk(recorder.isRecording, value)
    recorder.end(desk.now, 'whole')
    t.same(desk.asked, [], `${value}: the store has closed it`)
    t.same(desk.warnings, value === 'full' ? ['no more room for it'] : [])
  }
})

t.test('a store that has no time is asked again; a record is closed for ever, however often it takes', async t => {
  const desk = new Desk()
  const recorder = desk.record()
  desk.take('history.open').fail('busy')
  recorder.piece(desk.now, piece('a'))
  desk.pass(250)
  desk.take('history.open').reply({ record: 1, outcomes: [] })
  desk.take('history.append').fail('busy')
  desk.pass(250)
  const again = desk.take('history.append')
  t.strictSame(textsIn(again), ['a'])
  again.fail('io')
  t.same(desk.warnings, ['store: io'])
  recorder.end(desk.now, 'interrupted')
  for (let tries = 0; tries < 20; tries++) {
    desk.take('history.close').fail(tries % 2 ? 'io' : 'busy')
    desk.pass(60_000)
  }
  const last = desk.take('history.close')
  t.match(last.request, { state: 'cut short', at: 1_000_500 })
  last.reply('gone')
  desk.pass(600_000)
  t.same(desk.asked, [])
})

t.test(
  'what shall be as if it had never been begun is closed so, also where the store had not begun it yet',
  async t => {
    const desk = new Desk()
    const recorder = desk.record()
    recorder.piece(desk.now, piece('a'))
    recorder.end(desk.now, 'discarded')
    desk.take('history.open').reply({ record: 3, outcomes: [] })
    t.match(desk.take('history.close').request, { record: 3, keep: false })
  },
)
