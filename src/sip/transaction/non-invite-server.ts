import type { Flow } from '../../base/flow.ts'
import { isReliable } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import { after } from '../../base/time.ts'
import type { Timer } from '../../base/timers.ts'
import type { SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import type { Via } from '../../sip-parser-lite/typed.ts'
import type { Arrival, ServerMachine, ServerOwner } from './server-transaction.ts'
import { TRANSACTION_MS, TRYING_NON_INVITE_MS } from './timer-values.ts'

/** The client stops waiting at 64*T1; a user that has not answered at twice that never will. */
const UNANSWERED_MS = 2 * TRANSACTION_MS

/**
 * RFC 3261 17.2.2 with RFC 4320. Its Completed state on an unreliable transport is a row of `CompletedTable`, which is all
 * that thousands of answered messages a second cost.
 */
export class NonInviteServer implements ServerMachine {
  state: 'trying' | 'proceeding' | 'completed' | 'terminated' = 'trying'
  readonly isInvite = false
  readonly id: string
  readonly mergeKey: string | undefined
  readonly request: SipRequest
  readonly flow: Flow
  readonly via: Via
  onCancel: ((now: Now) => void) | undefined
  onTransportError: ((now: Now) => void) | undefined
  onAckTimeout: ((now: Now) => void) | undefined
  readonly #owner: ServerOwner
  #timer: Timer | undefined
  #isProvisionalDue = false
  #provisional: Buffer | undefined

  constructor(owner: ServerOwner, arrival: Arrival, mergeKey?: string) {
    this.#owner = owner
    this.id = arrival.key
    this.mergeKey = mergeKey
    this.request = arrival.request
    this.flow = arrival.flow
    this.via = arrival.via
  }

  start(now: Now): void {
    this.#timer = this.#owner.timers.set('100', after(now, TRYING_NON_INVITE_MS), fired => this.#tryingDue(fired))
  }

  stop(now: Now): void {
    this.#owner.timers.cancel(this.#timer)
    if (this.state === 'trying' || this.state === 'proceeding') this.#terminate(now)
  }

  retransmitted(now: Now): void {
    if (this.state === 'proceeding' && this.#provisional) this.#send(now, this.#provisional)
  }

  respond(now: Now, response: SipResponse): void {
    if (this.state !== 'trying' && this.state !== 'proceeding') return
    if (response.status < 200) this.#provide(now, response)
    else if (response.status === 408) this.#keepSilent(now)
    else this.#complete(now, response)
  }

  /** RFC 4320 4.1: 100 alone, and on an unreliable transport not before Timer E of the client stands at T2. */
  #provide(now: Now, response: SipResponse): void {
    const isAllowed = response.status === 100 && (this.#isProvisionalDue || isReliable(this.flow.transport))
    if (isAllowed) {
      this.state = 'proceeding'
      this.#provisional = this.#owner.encode(response)
      this.#send(now, this.#provisional)
    } else this.#owner.suppressed(this, 'provisional')
  }

  /** RFC 4320 4.2: the client's own timer has said it. */
  #keepSilent(now: Now): void {
    this.#owner.suppressed(this, '408')
    this.#finish(now, undefined, 408)
  }

  #complete(now: Now, response: SipResponse): void {
    const bytes = this.#owner.encode(response)
    this.#owner.answered(this, response.status)
    this.#finish(now, bytes, response.status)
    this.#send(now, bytes)
  }

  #finish(now: Now, bytes: Buffer | undefined, status: number): void {
    this.#owner.timers.cancel(this.#timer)
    if (isReliable(this.flow.transport)) this.#terminate(now)
    else {
      this.state = 'completed'
      this.#owner.completed(now, this, bytes, status)
    }
  }

  #tryingDue(now: Now): void {
    this.#isProvisionalDue = true
    const leftMs = UNANSWERED_MS - TRYING_NON_INVITE_MS
    this.#timer = this.#owner.timers.set('unanswered', after(now, leftMs), fired => {
      this.#owner.suppressed(this, 'unanswered')
      this.#terminate(fired)
    })
    if (this.state === 'trying') this.#owner.sendTrying(now, this)
  }

  #terminate(now: Now): void {
    this.state = 'terminated'
    this.#owner.terminated(now, this)
  }

  #send(now: Now, bytes: Buffer): void {
    if (!this.#owner.send(now, this, bytes)) this.onTransportError?.(now)
  }
}
