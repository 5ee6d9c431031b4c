import type { SelfTestView } from '../../base/self-test-view.ts'

/** What the box is judged by: whether messages get on. */
export interface Progress {
  /** The longest that the event loop stood since the last look. */
  readonly loopLagMs: number
  /** For how long the oldest request to the store has had no answer, or a write has not ended. */
  readonly storeMs: number
  /** For how long something waited for the store and it answered nothing, or a write has not ended. */
  readonly stalledMs: number
  /** How long a deadline of the engine is over that nobody has looked at. */
  readonly timersLateMs: number
  readonly selfTest: SelfTestView | undefined
  /** How many of its failures were a word, or fell into a time in which the store was slow or took no writes, and so told nothing else. */
  readonly excused: number
  /** Listeners that no longer answer, in words; undefined: all do. */
  readonly silent?: string | undefined
  /** Why no message can be taken, as the store and the flash say; undefined: one can. */
  readonly problem: string | undefined
}

/** `restart`: nothing but a new start of the process can help. */
export interface Verdict {
  readonly condition: 'ready' | 'degraded' | 'fault' | 'restart'
  readonly reason: string
}

/** Whoever sends waits for 32 s (RFC 3261 timer F); a loop that stands for this long is noticed by people. */
export const LAG_MS_MAX = 2000
/** The store gives up a write after 30 s and says so; one that does nothing for long after that will do nothing any more. */
export const STALLED_MS_MAX = 90_000
/** A third of what senders wait (RFC 3261 timer F). A queue that moves is as long as it is: the store is busy, not stuck. */
export const STORE_SLOW_MS = 10_000
/** Timers of the engine run late where the loop stands, and that ends; later than this they are forgotten. */
export const TIMERS_LATE_MS_MAX = 60_000
/** Three minutes, in which the store said that it was well. */
export const SELF_TESTS_FAILED_MAX = 3

const seconds = (ms: number): string => `${Math.floor(ms / 1000)} s`

/**
 * A medium that fails, is full or cannot be written, or a store that is overrun, is a fault that a new start does not end: the box goes on,
 * delivers what it can, and says so.
 * What has stopped without a word is begun anew.
 */
export function judge(progress: Progress): Verdict {
  const { loopLagMs, storeMs, stalledMs, timersLateMs, selfTest, excused, silent, problem } = progress
  const failures = selfTest?.failures ?? 0
  const tested = `the self-test failed: ${selfTest?.detail ?? ''}`
  // While the loop stood nothing could have been done: a process that was stopped (SIGSTOP, a container that is paused) goes on from there.
  if (stalledMs - loopLagMs >= STALLED_MS_MAX)
    return { condition: 'restart', reason: `the store has done nothing for ${seconds(stalledMs)}` }
  if (timersLateMs - loopLagMs >= TIMERS_LATE_MS_MAX)
    return { condition: 'restart', reason: `timers of the engine are ${seconds(timersLateMs)} late` }
  if (problem !== undefined) return { condition: 'fault', reason: problem }
  if (!selfTest?.isRefused && failures - excused >= SELF_TESTS_FAILED_MAX)
    return { condition: 'restart', reason: `${tested} (${failures} times)` }
  const isSlow = storeMs >= STORE_SLOW_MS
  // What waits its turn in a queue that moves has failed for a reason that is known.
  if (failures > (isSlow ? excused : 0)) return { condition: 'fault', reason: tested }
  if (silent !== undefined) return { condition: 'degraded', reason: `no answer of ${silent}` }
  if (isSlow)
    return {
      condition: 'degraded',
      reason: `slow flash: the oldest request to the store waits for ${seconds(storeMs)}`,
    }
  if (loopLagMs >= LAG_MS_MAX)
    return { condition: 'degraded', reason: `the program stood still for ${seconds(loopLagMs)}` }
  return { condition: 'ready', reason: '' }
}
