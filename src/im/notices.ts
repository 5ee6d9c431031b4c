import type { Counters } from '../base/counters.ts'
import type { Log } from '../base/log.ts'
import { Tally } from '../base/tally.ts'
import { after, type Now } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import type { Notice, StoreClient } from '../store/verbs.ts'
import type { Answer } from './answers.ts'
import { noticeRequest } from './notice-request.ts'

/** At most a hundred a second: the end of a hundred thousand messages at once is half an hour of small requests, not a storm. */
const TICK_MS = 100
const PER_TICK = 10

/** What is written without our asking for it, as by a command, is seen within this time. */
const LOOK_EVERY_MS = 10_000

/** Unanswered at once; each may take as long as a SIP transaction. */
const OPEN_MAX = 64

/** Waiting for another try; with so many nothing new is begun. */
const RETRYING_MAX = 1000

/** For one sender, so that a mailbox that is full of notices does not keep the others from being told. */
const RETRYING_OF_ONE_MAX = 32

/** Doubled each time, up to half an hour: eight tries within about an hour and a half. */
const RETRY_MIN_MS = 30_000
const RETRY_MAX_MS = 1_800_000
const TRIES_MAX = 8

const DONE_AGAIN_MS = 5000

/** Whoever answers so may answer otherwise later; 603 is our own mailbox that is full. */
const RETRIED = new Set([408, 480, 486, 487, 500, 502, 503, 504])
const RETRIED_OF_OURS = new Set([...RETRIED, 603])

interface NoticeParts {
  readonly store: StoreClient
  readonly timers: Timers
  readonly counters: Counters
  readonly log: Log
  readonly storeUri: string
  readonly hostname: string
  /** Once, with our own answer or somebody else's. */
  send(now: Now, request: SipRequest, done: (now: Now, answer: Answer | SipResponse) => void): void
}

/**
 * Tells senders what they asked to be told (RFC 5438). A notice is written with what it tells and stays in the store until it was
 * told or given up, so each is sent at least once, and one that is sent again after a power cut is the same request.
 */
export class Notices {
  readonly #parts: NoticeParts
  /** The last one taken from the store. */
  #last = 0
  #open = 0
  #retrying = 0
  readonly #retryingOf = new Tally()
  #timer: Timer | undefined
  #isReading = false
  /** There may be more behind the last one. */
  #isBehind = false
  #isStopped = false

  constructor(parts: NoticeParts) {
    this.#parts = parts
  }

  /** After a start, and whenever something was written. */
  look(now: Now): void {
    this.#isBehind = true
    if (this.#isReading || this.#isStopped) return
    const isPaced = this.#timer?.name === PACE
    if (!isPaced) this.#tick(now)
  }

  stop(): void {
    this.#isStopped = true
    this.#parts.timers.cancel(this.#timer)
  }

  describe(): { open: number; retrying: number } {
    return { open: this.#open, retrying: this.#retrying }
  }

  #tick(now: Now): void {
    this.#parts.timers.cancel(this.#timer)
    this.#timer = undefined
    if (this.#isStopped) return
    const limit = Math.min(PER_TICK, OPEN_MAX - this.#open)
    if (limit <= 0 || this.#retrying >= RETRYING_MAX) return this.#next(now, PACE)
    this.#isReading = true
    this.#isBehind = false
    this.#parts.store.ask('notices', { limit, afterId: this.#last }, (then, result) => {
      this.#isReading = false
      if ('failure' in result) return this.#next(then, LOOK)
      for (const notice of result.value) {
        this.#last = notice.id
        this.#send(then, notice, 1)
      }
      this.#next(then, result.value.length === limit || this.#isBehind ? PACE : LOOK)
    })
  }

  #next(now: Now, name: string): void {
    if (this.#isStopped) return
    const delayMs = name === PACE ? TICK_MS : LOOK_EVERY_MS
    this.#timer = this.#parts.timers.set(name, after(now, delayMs), then => this.#tick(then))
  }

  #send(now: Now, notice: Notice, tries: number): void {
    const { send, counters, log } = this.#parts
    this.#open++
    send(now, noticeRequest(now, notice, this.#parts), (then, answer) => {
      this.#open--
      const { status } = answer
      const isOurs = !('kind' in answer)
      if (status < 300) {
        counters.count('notices_sent', notice.kind)
        return this.#done(notice)
      }
      const mayChange = (isOurs ? RETRIED_OF_OURS : RETRIED).has(status)
      const isOneTooMany = this.#retryingOf.of(notice.sender) >= RETRYING_OF_ONE_MAX
      if (mayChange && tries < TRIES_MAX && !isOneTooMany) return this.#later(then, notice, tries)
      counters.count('notices_given_up', notice.kind)
      log.warn('a sender could not be told', { id: notice.storeId, about: notice.kind, status, tries })
      this.#done(notice)
    })
  }

  #later(now: Now, notice: Notice, tries: number): void {
    this.#retrying++
    this.#retryingOf.add(notice.sender)
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (tries - 1))
    this.#parts.timers.set('notice again', after(now, delayMs), then => this.#again(then, notice, tries + 1))
  }

  #again(now: Now, notice: Notice, tries: number): void {
    if (this.#isStopped) return
    if (this.#open >= OPEN_MAX) {
      this.#parts.timers.set('notice again', after(now, TICK_MS), then => this.#again(then, notice, tries))
      return
    }
    this.#retrying--
    this.#retryingOf.remove(notice.sender)
    this.#send(now, notice, tries)
  }

  /** Asked for until flash has it: what is not done is told again after the next start. */
  #done(notice: Notice): void {
    const { store, timers } = this.#parts
    store.ask('notice.done', { id: notice.id }, (now, result) => {
      if ('failure' in result) timers.set('notice done', after(now, DONE_AGAIN_MS), () => this.#done(notice))
    })
  }
}

/** Names of the timer: for the next few at once, or to look whether there is anything. */
const PACE = 'notices paced'
const LOOK = 'notices looked for'
