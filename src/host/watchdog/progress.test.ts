import t from 'tap'
import type { Instant } from '../../base/time.ts'
import {
  judge,
  LAG_MS_MAX,
  type Progress,
  SELF_TESTS_FAILED_MAX,
  STALLED_MS_MAX,
  TIMERS_LATE_MS_MAX,
} from './progress.ts'

const passed = { result: 'passed', detail: '', failures: 0, isRefused: false, at: 1 as Instant } as const
const failed = (failures: number, isRefused = false) => {
  const detail = 'the message was not handed over within 40 s'
  return { result: 'failed', detail, failures, isRefused, at: 1 as Instant } as const
}
const calm = { loopLagMs: 0, storeMs: 4, stalledMs: 4, timersLateMs: 0 }
const well: Progress = { ...calm, selfTest: passed, excused: 0, problem: undefined }
const conditionOf = (change: Partial<Progress>): string => judge({ ...well, ...change }).condition

t.test('what is well, what is slow, what keeps messages out, and what only a new start can end', async t => {
  t.same(judge(well), { condition: 'ready', reason: '' })
  t.equal(conditionOf({ selfTest: undefined }), 'ready', 'no self-test is made')
  t.equal(conditionOf({ loopLagMs: LAG_MS_MAX - 1 }), 'ready')
  t.same(judge({ ...well, loopLagMs: LAG_MS_MAX }), {
    condition: 'degraded',
    reason: 'the program stood still for 2 s',
  })
  t.match(judge({ ...well, storeMs: 12_000 }), { condition: 'degraded', reason: /slow flash: .* 12 s/ })
  t.match(judge({ ...well, problem: 'no space' }), { condition: 'fault', reason: 'no space' })
  t.match(judge({ ...well, selfTest: failed(1) }), {
    condition: 'fault',
    reason: /self-test failed: .*not handed over/,
  })
  t.match(judge({ ...well, selfTest: failed(SELF_TESTS_FAILED_MAX) }), { condition: 'restart', reason: /3 times/ })
  t.match(judge({ ...well, stalledMs: STALLED_MS_MAX }), { condition: 'restart', reason: /nothing for 90 s/ })
  t.match(judge({ ...well, timersLateMs: TIMERS_LATE_MS_MAX }), { condition: 'restart', reason: /60 s late/ })
})

t.test(
  'a process that was stopped and goes on is not begun anew for the time in which it could do nothing',
  async t => {
    const stood = { loopLagMs: 5 * STALLED_MS_MAX }
    const stopped = { ...stood, storeMs: stood.loopLagMs, stalledMs: stood.loopLagMs, timersLateMs: stood.loopLagMs }
    t.equal(conditionOf(stopped), 'degraded')
    t.equal(
      conditionOf({ ...stopped, stalledMs: stood.loopLagMs + STALLED_MS_MAX }),
      'restart',
      'it had stalled before',
    )
    t.equal(conditionOf({ ...stopped, timersLateMs: stood.loopLagMs + TIMERS_LATE_MS_MAX }), 'restart')
  },
)

t.test('a medium that fails or is full is no reason to begin anew, however often the self-test fails', async t => {
  t.equal(conditionOf({ problem: 'the medium failed: EIO', selfTest: failed(100) }), 'fault')
  t.equal(
    conditionOf({ problem: 'the medium failed: no end of a write', stalledMs: STALLED_MS_MAX }),
    'restart',
    'it hangs',
  )
})

t.test('nor is a self-test that was refused by a word, or failed while the store was slow or took nothing', async t => {
  t.equal(conditionOf({ selfTest: failed(100, true) }), 'fault', 'a quota, a store that is overrun')
  t.equal(conditionOf({ selfTest: failed(100), excused: 98 }), 'fault')
  t.equal(conditionOf({ selfTest: failed(100), excused: 97 }), 'restart', 'three since')
})

t.test('a queue that is long and moves is slow flash, also for the self-test that waits in it', async t => {
  t.equal(conditionOf({ storeMs: 10 * STALLED_MS_MAX }), 'degraded')
  t.equal(conditionOf({ storeMs: 60_000, selfTest: failed(5), excused: 5 }), 'degraded')
  t.equal(conditionOf({ storeMs: 60_000, selfTest: failed(5), excused: 4 }), 'fault')
})
