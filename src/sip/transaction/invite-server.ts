import type { Flow } from '../../base/flow.ts'
import { isReliable } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import { after } from '../../base/time.ts'
import type { Timer } from '../../base/timers.ts'
import type { SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import { toTag, type Via } from '../../sip-parser-lite/typed.ts'
import type { Arrival, ServerMachine, ServerOwner } from './server-transaction.ts'
import { T1, T2, T4, TRANSACTION_MS, TRYING_MS } from './timer-values.ts'

/** Our users are machines that answer within seconds, or proxy for three minutes (Timer C); one that takes longer is stuck. */
const UNANSWERED_MS = 300_000

type Letter = 'G' | 'H' | 'I' | 'L' | '100' | 'unanswered'
type Input = Letter | 'request' | 'ack' | 'response'

/** RFC 3261 17.2.1 with the Accepted state of RFC 6026 7.1. */
export class InviteServer implements ServerMachine {
  state: 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated' = 'proceeding'
  readonly isInvite = true
  readonly id: string
  readonly mergeKey: string | undefined
  readonly request: SipRequest
  readonly flow: Flow
  readonly via: Via
  onCancel: ((now: Now) => void) | undefined
  onTransportError: ((now: Now) => void) | undefined
  onAckTimeout: ((now: Now) => void) | undefined
  readonly #owner: ServerOwner
  /** Timer G, or what is due while proceeding. */
  #repeat: Timer | undefined
  /** Timer H, then I, or L. */
  #end: Timer | undefined
  #intervalMs = T1
  #last: Buffer | undefined
  #toTag: string | undefined

  constructor(owner: ServerOwner, arrival: Arrival, mergeKey?: string) {
    this.#owner = owner
    this.id = arrival.key
    this.mergeKey = mergeKey
    this.request = arrival.request
    this.flow = arrival.flow
    this.via = arrival.via
  }

  /** Of the last response: what an ACK without a branch is known by (RFC 3261 17.2.3). */
  get toTag(): string | undefined {
    return this.#toTag
  }

  start(now: Now): void {
    this.#repeat = this.#set(now, '100', TRYING_MS)
    this.#end = this.#set(now, 'unanswered', UNANSWERED_MS)
  }

  stop(now: Now): void {
    if (this.state !== 'terminated') this.#terminate(now)
  }

  retransmitted(now: Now): void {
    this.#step(now, 'request')
  }

  /** An ACK with this transaction's branch. True if it is the user's to see (RFC 6026 7.1). */
  acknowledged(now: Now): boolean {
    if (this.state === 'accepted') return true
    this.#step(now, 'ack')
    return false
  }

  respond(now: Now, response: SipResponse): void {
    this.#step(now, 'response', response)
  }

  #step(now: Now, input: Input, response?: SipResponse): void {
    if (this.state === 'proceeding') this.#proceeding(now, input, response)
    else if (this.state === 'completed') this.#completed(now, input)
    else if (this.state === 'confirmed') this.#confirmed(now, input)
    else if (this.state === 'accepted') this.#accepted(now, input, response)
  }

  #proceeding(now: Now, input: Input, response?: SipResponse): void {
    if (response) this.#answer(now, response)
    else if (input === 'request') this.#sendLast(now)
    else if (input === '100') this.#owner.sendTrying(now, this)
    else if (input === 'unanswered') {
      this.#owner.suppressed(this, 'unanswered')
      this.#terminate(now)
    }
  }

  #completed(now: Now, input: Input): void {
    if (input === 'request') this.#sendLast(now)
    else if (input === 'G') {
      this.#intervalMs = Math.min(this.#intervalMs * 2, T2)
      this.#repeat = this.#set(now, 'G', this.#intervalMs)
      this.#sendLast(now)
    } else if (input === 'ack') this.#confirm(now)
    else if (input === 'H') {
      this.#terminate(now)
      this.onAckTimeout?.(now)
    }
  }

  /** Only absorbs retransmitted ACKs until Timer I. */
  #confirmed(now: Now, input: Input): void {
    if (input === 'I') this.#terminate(now)
  }

  /** RFC 6026 7.1: retransmitted INVITEs are absorbed, the user repeats its 2xx, nothing else goes out. */
  #accepted(now: Now, input: Input, response?: SipResponse): void {
    if (input === 'L') this.#terminate(now)
    else if (response && response.status >= 200 && response.status < 300) this.#send(now, this.#owner.encode(response))
  }

  #answer(now: Now, response: SipResponse): void {
    this.#owner.timers.cancel(this.#repeat)
    this.#last = this.#owner.encode(response)
    this.#toTag = toTag(response)
    if (response.status >= 200) this.#owner.answered(this, response.status)
    if (response.status >= 200 && response.status < 300) this.#accept(now)
    else if (response.status >= 300) this.#refuse(now)
    this.#sendLast(now)
  }

  #accept(now: Now): void {
    this.state = 'accepted'
    this.#endAfter(now, 'L', TRANSACTION_MS)
    this.#owner.accepted(now, this)
  }

  #refuse(now: Now): void {
    this.state = 'completed'
    this.#endAfter(now, 'H', TRANSACTION_MS)
    if (!isReliable(this.flow.transport)) this.#repeat = this.#set(now, 'G', T1)
    this.#owner.refused(now, this)
  }

  #confirm(now: Now): void {
    this.state = 'confirmed'
    this.#owner.timers.cancel(this.#repeat)
    this.#last = undefined
    if (isReliable(this.flow.transport)) this.#terminate(now)
    else this.#endAfter(now, 'I', T4)
  }

  #terminate(now: Now): void {
    this.state = 'terminated'
    this.#owner.timers.cancel(this.#repeat)
    this.#owner.timers.cancel(this.#end)
    this.#last = undefined
    this.#owner.terminated(now, this)
  }

  #sendLast(now: Now): void {
    if (this.#last) this.#send(now, this.#last)
  }

  #send(now: Now, bytes: Buffer): void {
    if (!this.#owner.send(now, this, bytes)) this.onTransportError?.(now)
  }

  #endAfter(now: Now, letter: 'H' | 'I' | 'L', delayMs: number): void {
    this.#owner.timers.cancel(this.#end)
    this.#end = this.#set(now, letter, delayMs)
  }

  #set(now: Now, letter: Letter, delayMs: number): Timer {
    return this.#owner.timers.set(letter, after(now, delayMs), fired => this.#step(fired, letter))
  }
}
