import type { Instant } from './time.ts'

/** How the latest self-test ended: a message of the box's own through store and delivery. */
export interface SelfTestView {
  /** `passed over`: not all of it could be tested, and `detail` says why. */
  readonly result: 'none yet' | 'passed' | 'passed over' | 'failed'
  /** In plain words; empty where there is nothing to say. */
  readonly detail: string
  /** In a row, up to the latest. */
  readonly failures: number
  /** The latest failed by a word, as a quota or a store that is overrun has one: everything answers. */
  readonly isRefused: boolean
  readonly at: Instant | undefined
}
