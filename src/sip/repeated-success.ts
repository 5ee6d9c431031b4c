import type { Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import type { ReceivedRequest } from './session-types.ts'
import { T1, T2, TRANSACTION_MS } from './transaction/timer-values.ts'

/** RFC 3261 13.3.1.4: a 2xx to an INVITE, sent again until its ACK arrives, on every transport. */
export class RepeatedSuccess {
  /** CSeq number of the INVITE and of its ACK. */
  readonly seq: number
  readonly #timers: Timers
  readonly #transaction: ReceivedRequest
  readonly #response: SipResponse
  #next: Timer | undefined
  #limit: Timer | undefined
  #intervalMs = T1

  constructor(timers: Timers, transaction: ReceivedRequest, seq: number, response: SipResponse) {
    this.#timers = timers
    this.#transaction = transaction
    this.seq = seq
    this.#response = response
  }

  /** `unacknowledged` comes after 64 times T1, unless `stop` was first. */
  start(now: Now, unacknowledged: (now: Now) => void): void {
    this.#limit = this.#timers.set('session 2xx', after(now, TRANSACTION_MS), then => {
      this.stop()
      unacknowledged(then)
    })
    this.#send(now)
  }

  stop(): void {
    this.#timers.cancel(this.#next)
    this.#timers.cancel(this.#limit)
  }

  #send(now: Now): void {
    this.#next = this.#timers.set('session 2xx', after(now, this.#intervalMs), then => this.#send(then))
    this.#intervalMs = Math.min(2 * this.#intervalMs, T2)
    this.#transaction.respond(now, this.#response)
  }
}
