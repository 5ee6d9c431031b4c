import type { Now } from '../../base/time.ts'
import { after } from '../../base/time.ts'
import type { Timer } from '../../base/timers.ts'
import type { SipResponse } from '../../sip-parser-lite/message.ts'
import type { ClientMachine, ClientOwner } from './client-machine.ts'
import { T1, TIMER_C_MS, TIMER_D_MS, TRANSACTION_MS } from './timer-values.ts'

type Letter = 'A' | 'B' | 'C' | 'D' | 'M'
type Input = Letter | 'response'

/** What the INVITE machine needs beyond the others. */
interface InviteClientOwner extends ClientOwner {
  /** Timer C ran out: nobody says any more that the phone still rings. */
  sendCancel(now: Now): void
}

/** RFC 3261 17.1.1 with the Accepted state of RFC 6026 7.2 and Timer C of RFC 3261 16.6, so that none rings for ever. */
export class InviteClient implements ClientMachine {
  state: 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated' = 'calling'
  readonly #owner: InviteClientOwner
  #intervalMs = T1
  #isCancelled = false
  /** Timer A. */
  #retransmit: Timer | undefined
  /** Timer B, then C, then D or M. */
  #end: Timer | undefined

  constructor(owner: InviteClientOwner) {
    this.#owner = owner
  }

  start(now: Now): void {
    this.#end = this.#set(now, 'B', TRANSACTION_MS)
    if (!this.#owner.isReliable) this.#retransmit = this.#set(now, 'A', T1)
    this.#owner.sendRequest(now)
  }

  receive(now: Now, response: SipResponse): void {
    this.#step(now, 'response', response)
  }

  stop(now: Now): void {
    if (this.state !== 'terminated') this.#terminate(now)
  }

  /** RFC 3261 9.1: a CANCEL went out; without a final response within 64*T1 the INVITE is over. */
  cancelled(now: Now): void {
    this.#isCancelled = true
    this.#endAfter(now, 'C', TRANSACTION_MS)
  }

  #step(now: Now, input: Input, response?: SipResponse): void {
    if (this.state === 'calling') this.#calling(now, input, response)
    else if (this.state === 'proceeding') this.#proceeding(now, input, response)
    else if (this.state === 'completed') this.#completed(now, input, response)
    else if (this.state === 'accepted') this.#accepted(now, input, response)
  }

  #calling(now: Now, input: Input, response?: SipResponse): void {
    if (input === 'A') {
      this.#intervalMs *= 2
      this.#retransmit = this.#set(now, 'A', this.#intervalMs)
      this.#owner.sendRequest(now)
    } else if (input === 'B') this.#timeOut(now)
    else if (response) this.#answered(now, response)
  }

  #proceeding(now: Now, input: Input, response?: SipResponse): void {
    if (input === 'C' && this.#isCancelled) this.#timeOut(now)
    else if (input === 'C') this.#owner.sendCancel(now)
    else if (response) this.#answered(now, response)
  }

  #completed(now: Now, input: Input, response?: SipResponse): void {
    if (input === 'D') this.#terminate(now)
    else if (response && response.status >= 300) this.#owner.sendAck(now, response)
  }

  /** RFC 6026 7.2: every 2xx goes up, from whichever fork; other finals are dropped. */
  #accepted(now: Now, input: Input, response?: SipResponse): void {
    if (input === 'M') this.#terminate(now)
    else if (response && response.status >= 200 && response.status < 300) this.#owner.deliver(now, response)
  }

  #answered(now: Now, response: SipResponse): void {
    if (response.status < 200) this.#provisional(now, response)
    else if (response.status < 300) {
      this.state = 'accepted'
      this.#endAfter(now, 'M', TRANSACTION_MS)
    } else this.#refused(now, response)
    this.#owner.deliver(now, response)
  }

  #provisional(now: Now, response: SipResponse): void {
    const isFirst = this.state === 'calling'
    this.state = 'proceeding'
    if (!this.#isCancelled && (isFirst || response.status > 100)) this.#endAfter(now, 'C', TIMER_C_MS)
  }

  #refused(now: Now, response: SipResponse): void {
    this.state = 'completed'
    this.#owner.sendAck(now, response)
    if (this.#owner.isReliable) this.#terminate(now)
    else this.#endAfter(now, 'D', TIMER_D_MS)
  }

  #timeOut(now: Now): void {
    this.#terminate(now)
    this.#owner.timedOut(now)
  }

  #terminate(now: Now): void {
    this.state = 'terminated'
    this.#cancelTimers()
    this.#owner.terminated(now)
  }

  #endAfter(now: Now, letter: 'C' | 'D' | 'M', delayMs: number): void {
    this.#cancelTimers()
    this.#end = this.#set(now, letter, delayMs)
  }

  #set(now: Now, letter: Letter, delayMs: number): Timer {
    return this.#owner.timers.set(letter, after(now, delayMs), fired => this.#step(fired, letter))
  }

  #cancelTimers(): void {
    this.#owner.timers.cancel(this.#retransmit)
    this.#owner.timers.cancel(this.#end)
  }
}
