import type { Now } from '../../base/time.ts'
import { after } from '../../base/time.ts'
import type { Timer } from '../../base/timers.ts'
import type { SipResponse } from '../../sip-parser-lite/message.ts'
import type { ClientMachine, ClientOwner } from './client-machine.ts'
import { T1, T2, T4, TRANSACTION_MS } from './timer-values.ts'

type Input = 'E' | 'F' | 'K' | 'response'

/** RFC 3261 17.1.2. */
export class NonInviteClient implements ClientMachine {
  state: 'trying' | 'proceeding' | 'completed' | 'terminated' = 'trying'
  readonly #owner: ClientOwner
  #intervalMs = T1
  /** Timer E. */
  #retransmit: Timer | undefined
  /** Timer F, then K. */
  #end: Timer | undefined

  constructor(owner: ClientOwner) {
    this.#owner = owner
  }

  start(now: Now): void {
    this.#end = this.#set(now, 'F', TRANSACTION_MS)
    if (!this.#owner.isReliable) this.#retransmit = this.#set(now, 'E', T1)
    this.#owner.sendRequest(now)
  }

  receive(now: Now, response: SipResponse): void {
    this.#step(now, 'response', response)
  }

  stop(now: Now): void {
    if (this.state !== 'terminated') this.#terminate(now)
  }

  #step(now: Now, input: Input, response?: SipResponse): void {
    if (this.state === 'trying') this.#trying(now, input, response)
    else if (this.state === 'proceeding') this.#proceeding(now, input, response)
    else if (this.state === 'completed') this.#completed(now, input)
  }

  #trying(now: Now, input: Input, response?: SipResponse): void {
    if (input === 'E') {
      this.#intervalMs = Math.min(this.#intervalMs * 2, T2)
      this.#resend(now)
    } else if (input === 'F') this.#timeOut(now)
    else if (response) this.#answered(now, response)
  }

  #proceeding(now: Now, input: Input, response?: SipResponse): void {
    if (input === 'E') {
      this.#intervalMs = T2
      this.#resend(now)
    } else if (input === 'F') this.#timeOut(now)
    else if (response) this.#answered(now, response)
  }

  /** Only absorbs retransmitted responses until Timer K. */
  #completed(now: Now, input: Input): void {
    if (input === 'K') this.#terminate(now)
  }

  #answered(now: Now, response: SipResponse): void {
    if (response.status < 200) this.state = 'proceeding'
    else if (this.#owner.isReliable) this.#terminate(now)
    else {
      this.state = 'completed'
      this.#cancelTimers()
      this.#end = this.#set(now, 'K', T4)
    }
    this.#owner.deliver(now, response)
  }

  #resend(now: Now): void {
    this.#retransmit = this.#set(now, 'E', this.#intervalMs)
    this.#owner.sendRequest(now)
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

  #set(now: Now, letter: 'E' | 'F' | 'K', delayMs: number): Timer {
    return this.#owner.timers.set(letter, after(now, delayMs), fired => this.#step(fired, letter))
  }

  #cancelTimers(): void {
    this.#owner.timers.cancel(this.#retransmit)
    this.#owner.timers.cancel(this.#end)
  }
}
