import type { Instant, Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { parseSeconds } from '../sip-parser-lite/typed.ts'
import { leniently } from './session-headers.ts'
import type { NotifyBody, NotifyReason } from './subscription-types.ts'

/** What became of a NOTIFY. `unreachable`: it was not sent, only a flow that is gone leads to the subscriber. */
export type Sent = SipResponse | 'timeout' | 'transport' | 'unreachable'

/** What the notices need of their subscription. */
export interface NoticesOwner {
  readonly timers: Timers
  /** Milliseconds between the beginnings of two NOTIFYs for changes. */
  readonly changeIntervalMs: number
  /** Answers once, now or later. */
  ask(
    now: Now,
    why: NotifyReason,
    done: (now: Now, bodies: readonly (NotifyBody | undefined)[], hasMore?: boolean) => void,
  ): void
  /** Answers once, now or later. */
  send(now: Now, body: NotifyBody | undefined, isLast: boolean, done: (now: Now, sent: Sent) => void): void
  /** The subscriber was told the last thing, or there is no use in telling it more. Comes once. */
  over(now: Now, why: 'told' | 'gone'): void
}

/** What counts when several things are to be told at once, the weakest first. */
const RANKS: readonly NotifyReason[] = ['change', 'restored', 'refresh', 'initial', 'final']
const rank = (why: NotifyReason): number => RANKS.indexOf(why)

/** RFC 6665 4.2.2, RFC 5057: the subscriber has no such subscription, or is no subscriber. 408 is a silence further on. */
const FATAL = new Set([404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])
/** NOTIFYs in a row that are refused for another reason. */
const FAILURES_MAX = 3
/** Seconds: no Retry-After makes us hurry, and none makes us wait for longer than a person would. */
const RETRY_MIN_S = 1
const RETRY_MAX_S = 300

/**
 * RFC 6665 4.2.2: what a subscriber is still to be told. One NOTIFY is under way at a time, since two may overtake each other; what
 * changes meanwhile is told at once when it is answered, and only as it is then.
 */
export class Notices {
  readonly #owner: NoticesOwner
  #phase: 'idle' | 'asking' | 'sending' | 'waiting' | 'unreachable' | 'over' = 'idle'
  #wanted: NotifyReason | undefined
  #queue: (NotifyBody | undefined)[] = []
  #isLast = false
  #changesFrom: Instant | undefined
  #timer: Timer | undefined
  /** What ends the wait before its time. */
  #wakesAt: NotifyReason = 'final'
  #failures = 0
  /** The NOTIFY under way went to where the subscriber was before. */
  #isMoved = false

  constructor(owner: NoticesOwner) {
    this.#owner = owner
  }

  want(now: Now, why: NotifyReason): void {
    this.#merge(why)
    if (this.#phase === 'unreachable') {
      if (why === 'final') this.#over(now, 'told')
      else if (why === 'refresh') this.#next(now)
    } else if (this.#phase === 'idle' || (this.#phase === 'waiting' && rank(why) >= rank(this.#wakesAt)))
      this.#next(now)
  }

  /** The same some time from now, unless there is another reason before. */
  wantLater(now: Now, why: NotifyReason, delayMs: number): void {
    this.#merge(why)
    this.#wait(after(now, delayMs), 'change')
  }

  /** The subscriber may be somewhere else than before. */
  moved(): void {
    if (this.#phase === 'sending') this.#isMoved = true
  }

  stop(): void {
    this.#phase = 'over'
    this.#queue = []
    this.#owner.timers.cancel(this.#timer)
  }

  #merge(why: NotifyReason): void {
    if (this.#wanted === undefined || rank(why) > rank(this.#wanted)) this.#wanted = why
  }

  #next(now: Now): void {
    this.#owner.timers.cancel(this.#timer)
    if (this.#wanted === 'final') this.#queue = []
    if (this.#queue.length > 0) return this.#send(now)
    const why = this.#wanted
    if (why === undefined) this.#phase = 'idle'
    else if (why === 'change' && this.#changesFrom !== undefined && this.#changesFrom > now.at)
      this.#wait(this.#changesFrom, 'refresh')
    else this.#ask(now, why)
  }

  #wait(until: Instant, wakesAt: NotifyReason): void {
    this.#phase = 'waiting'
    this.#wakesAt = wakesAt
    this.#timer = this.#owner.timers.set('subscription notify', until, then => this.#next(then))
  }

  #ask(now: Now, why: NotifyReason): void {
    this.#wanted = undefined
    this.#phase = 'asking'
    this.#changesFrom = after(now, this.#owner.changeIntervalMs)
    this.#owner.ask(now, why, (then, bodies, hasMore = false) => {
      if (this.#phase !== 'asking') return
      this.#isLast = why === 'final'
      this.#queue = this.#isLast ? bodies.slice(0, 1) : [...bodies]
      if (this.#queue.length === 0 && rank(why) >= rank('refresh')) this.#queue = [undefined]
      if (hasMore && bodies.length > 0 && !this.#isLast) {
        this.#merge('change')
        this.#changesFrom = undefined
      }
      this.#next(then)
    })
  }

  #send(now: Now): void {
    this.#phase = 'sending'
    this.#isMoved = false
    this.#owner.send(now, this.#queue[0], this.#isLast, (then, sent) => {
      if (this.#phase === 'sending') this.#sent(then, sent)
    })
  }

  #sent(now: Now, sent: Sent): void {
    if (this.#isLast) this.#over(now, 'told')
    else if (sent === 'unreachable') this.#unreachable(now)
    else if (typeof sent === 'string' || FATAL.has(sent.status)) this.#lost(now, sent)
    else if (sent.status >= 300) this.#refused(now, sent)
    else {
      this.#failures = 0
      this.#queue.shift()
      this.#next(now)
    }
  }

  /** It is told when it comes back with a flow, or never. */
  #unreachable(now: Now): void {
    this.#phase = 'unreachable'
    if (this.#wanted === 'final') this.#over(now, 'told')
    else if (this.#isMoved) this.#next(now)
  }

  /** Silence where the subscriber was says nothing of where it is. */
  #lost(now: Now, sent: Sent): void {
    const isSilence = typeof sent === 'string' || sent.status === 408
    if (isSilence && this.#isMoved && ++this.#failures < FAILURES_MAX) this.#next(now)
    else this.#over(now, 'gone')
  }

  /** Without Retry-After it failed, and what it carried was not told (RFC 6665 4.2.2). */
  #refused(now: Now, response: SipResponse): void {
    if (++this.#failures >= FAILURES_MAX) return this.#over(now, 'gone')
    const text = value(response, 'retry-after')
    const seconds = text === undefined ? undefined : leniently(() => parseSeconds(text, 'Retry-After'))
    if (seconds !== undefined && this.#wanted !== 'final') {
      const waitS = Math.min(Math.max(seconds, RETRY_MIN_S), RETRY_MAX_S)
      return this.#wait(after(now, waitS * 1000), 'refresh')
    }
    this.#queue.shift()
    this.#next(now)
  }

  #over(now: Now, why: 'told' | 'gone'): void {
    this.stop()
    this.#owner.over(now, why)
  }
}
