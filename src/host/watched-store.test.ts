import { array, check, constant, integer, oneof, property, record } from 'fast-check'
import t from 'tap'
import { silentLog } from '../base/log.ts'
import type { StoreRequest, StoreResult, Verb } from '../store/verbs.ts'
import { judge, STALLED_MS_MAX, STORE_SLOW_MS } from './watchdog/progress.ts'
import { WatchedStore } from './watched-store.ts'

const LOOK_MS = 5000
const ROOM = 8192
const write = { verb: 'account.remove', aor: 'sip:bob@example.org' } as unknown as StoreRequest
const read = { verb: 'status' } as StoreRequest

/** A store whose flash works off one write after the other, when it is told to; reads it knows by heart. */
function flash() {
  const queue: ((result: StoreResult<Verb>) => void)[] = []
  const time = { ms: 0 }
  const store = {
    submit: (request: StoreRequest, done: (result: StoreResult<Verb>) => void): void => {
      if (request.verb === 'status') done({ value: {} } as never)
      else if (queue.length >= ROOM) done({ failure: 'busy', detail: 'full' })
      else queue.push(done)
    },
    close: async () => {},
  }
  const watched = new WatchedStore(store, silentLog, () => time.ms)
  const ask = (count: number): void => {
    for (let left = count; left > 0; left--) watched.submit(write, () => {})
    watched.submit(read, () => {})
  }
  const work = (count: number, result: StoreResult<Verb> = { value: {} } as never): void => {
    for (const done of queue.splice(0, count)) done(result)
  }
  const verdict = () =>
    judge({
      ...{ loopLagMs: 0, timersLateMs: 0, selfTest: undefined, excused: 0, problem: undefined },
      ...{ storeMs: watched.oldestMs, stalledMs: watched.stalledMs },
    })
  /** The conditions that were found in that time. */
  const pass = (ms: number): string[] => {
    const found: string[] = []
    for (let left = ms; left > 0; left -= LOOK_MS) {
      time.ms += Math.min(left, LOOK_MS)
      found.push(verdict().condition)
    }
    return found
  }
  return { time, watched, queue, ask, work, pass, verdict }
}

const answers = oneof(
  constant<StoreResult<Verb>>({ value: {} } as never),
  constant<StoreResult<Verb>>({ failure: 'io', detail: 'EIO' }),
)
const steps = array(
  record({
    arriving: integer({ min: 0, max: 5000 }),
    waitMs: integer({ min: 1, max: STALLED_MS_MAX - 1 }),
    answered: integer({ min: 1, max: 600 }),
    answer: answers,
  }),
  { minLength: 1, maxLength: 30 },
)

t.test(
  'a store that does anything at all is never begun anew, however long the queue; one that does nothing is',
  async t => {
    const details = check(
      property(steps, integer({ min: 1, max: 300 }), (flood, late) => {
        const { watched, queue, ask, work, pass, verdict } = flash()
        for (const { arriving, waitMs, answered, answer } of flood) {
          ask(arriving)
          const isWaiting = queue.length > 0
          const found = pass(waitMs)
          if (found.includes('restart')) return false
          const isSlow = watched.oldestMs >= STORE_SLOW_MS
          if (isWaiting && verdict().condition !== (isSlow ? 'degraded' : 'ready')) return false
          work(answered, answer)
        }
        // From here on it only turns away and answers from memory.
        ask(late)
        let waitedMs = 0
        while (verdict().condition !== 'restart' && waitedMs < 2 * STALLED_MS_MAX) {
          ask(ROOM)
          pass(LOOK_MS)
          waitedMs += LOOK_MS
        }
        return waitedMs === STALLED_MS_MAX
      }),
      { seed: 7, numRuns: 60 },
    )
    t.notOk(details.failed, JSON.stringify(details.counterexample))
  },
)

t.test('a queue of 8192 that 40 a second leave waits for minutes, and the box says slow flash', async t => {
  const { ask, work, pass, verdict, watched } = flash()
  ask(ROOM)
  for (let second = 0; second < 120; second++) {
    t.notOk(pass(1000).includes('restart'))
    work(40)
    ask(40)
  }
  t.ok(watched.oldestMs > STALLED_MS_MAX)
  t.match(verdict(), { condition: 'degraded', reason: /slow flash: .* 120 s/ })
})

t.test('nothing that waits is no standstill, and a write that does not end is one whoever is told what', async t => {
  const { ask, work, pass, time, watched } = flash()
  pass(10 * STALLED_MS_MAX)
  ask(1)
  t.equal(watched.stalledMs, 0)
  work(1)
  time.ms += 1000
  t.equal(watched.stalledMs, 0)
  const hung = new WatchedStore({ submit: () => {}, close: async () => {}, status: { commitMs: 91_000 } }, silentLog)
  t.equal(hung.stalledMs, 91_000)
  t.equal(hung.oldestMs, 91_000)
})
