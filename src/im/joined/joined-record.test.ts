import t from 'tap'
import { Counters } from '../../base/counters.ts'
import { silentLog } from '../../base/log.ts'
import type { Instant, Now, WallTime } from '../../base/time.ts'
import { Timers } from '../../base/timers.ts'
import type { HistoryItem, HistoryPiece } from '../../store/history.ts'
import type { StoreClient, Verb } from '../../store/verbs.ts'
import { HistoryNotes } from '../history/history-notes.ts'
import { RecorderMemory } from '../history/history-recorder.ts'
import { joinedRecord } from './joined-record.ts'

const NOW: Now = { at: 0 as Instant, wall: 0 as WallTime, isWallTrusted: true }
const LIMITS = { quotaBytes: 1e9, dayBytes: 1e9, reserveBytes: 0, isActiveByDefault: true }

/** A large-message session recorded by a store that replies at once, or never. */
function recorded(replies: boolean) {
  const [timers, counters] = [new Timers(), new Counters()]
  const asked: { verb: Verb; request: Record<string, unknown> }[] = []
  let records = 0
  const ask: StoreClient['ask'] = (verb, request, done) => {
    asked.push({ verb, request: request as unknown as Record<string, unknown> })
    const value =
      verb === 'history.open' ? { record: ++records, outcomes: [] } : verb === 'history.append' ? 'kept' : 'closed'
    const answer = done as unknown as (now: Now, result: object) => void
    if (replies) timers.set('store', NOW.at, now => answer(now, { value }))
  }
  const context = {
    store: { ask },
    timers,
    counters,
    log: silentLog,
    limits: LIMITS,
    memory: new RecorderMemory(),
    notes: new HistoryNotes({ counters, log: silentLog }),
  }
  const subject = { kind: 'large' as const, owners: [], item: () => ({ callId: 'c' }) as HistoryItem }
  const record = joinedRecord(context, subject, {}, NOW, () => {})
  const say = (bytes: string, isEnd: boolean, from: 'caller' | 'callee' = 'caller'): void => {
    record.piece(NOW, { from, bytes: Buffer.from(bytes, 'latin1'), isEnd })
    timers.fire(NOW)
  }
  const end = (): void => {
    record.end(NOW, true, {})
    timers.fire(NOW)
  }
  /** What each record was given, and whether it was kept. */
  const kept = (): [string, boolean][] =>
    Array.from({ length: records }, (_, index) => {
      const of = asked.filter(({ request }) => request.record === index + 1)
      const pieces = of.flatMap(({ request }) => (request.pieces ?? []) as HistoryPiece[])
      const closed = of.find(({ verb }) => verb === 'history.close')
      return [pieces.map(({ bytes }) => bytes.toString('latin1')).join(''), closed?.request.keep === true]
    })
  return { say, end, kept, asked, counters }
}

const head = (id: string, messageId: string, type = 'text/plain'): string =>
  `MSRP ${id} SEND\r\nTo-Path: msrp://a;tcp\r\nFrom-Path: msrp://b;tcp\r\nMessage-ID: ${messageId}\r\nContent-Type: ${type}\r\n\r\n`

t.test('HIS-STO-03: chunks of interleaved messages go each to its own, in pieces of any size', async t => {
  const { say, end, kept } = recorded(true)
  const sends = [
    `${head('aaaa', 'one')}first\r\n-------aaaa+\r\n`,
    `${head('bbbb', 'two')}second\r\n-------bbbb$\r\n`,
    `${head('cccc', 'one')}third\r\n-------cccc$\r\n`,
  ]
  say(sends[0]!, true)
  const middle = sends[1]!.indexOf('second') + 3
  say(sends[1]!.slice(0, middle), false)
  say(`${head('dddd', 'one')}other side\r\n-------dddd$\r\n`, true, 'callee')
  say(sends[1]!.slice(middle, -1), false)
  say('\n', true)
  say(sends[2]!, true)
  end()
  t.strictSame(kept(), [
    [sends[0]! + sends[2]!, true],
    [sends[1]!, true],
    [`${head('dddd', 'one')}other side\r\n-------dddd$\r\n`, true],
  ])
})

t.test('what has no end, or was given up by its sender, is not kept; the next message begins all the same', async t => {
  const { say, end, kept } = recorded(true)
  const begun = `${head('aaaa', 'one')}first`
  const whole = `${head('bbbb', 'two')}second\r\n-------bbbb$\r\n`
  const givenUp = `${head('cccc', 'three')}third\r\n-------cccc#\r\n`
  say(begun, false)
  say(whole, true)
  say(givenUp, true)
  end()
  t.strictSame(kept(), [
    [begun, false],
    [whole, true],
    [givenUp, false],
  ])
})

t.test('nobody has more messages on their way to flash than a bound; what is no SEND is no message', async t => {
  const { say, end, asked, counters } = recorded(false)
  for (let message = 0; message < 1000; message++) say(`${head('aaaa', `m${message}`)}x\r\n-------aaaa$\r\n`, true)
  for (const odd of ['', 'MSRP', 'MSRP aaaa 200 OK\r\nTo-Path: x\r\n\r\n', 'x'.repeat(65_536)]) say(odd, true)
  end()
  t.equal(asked.length, 80)
  t.equal(counters.get('history_not_recorded', 'too many messages at once'), 920)
})
