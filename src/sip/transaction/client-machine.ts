import type { Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import type { SipResponse } from '../../sip-parser-lite/message.ts'

/** What a client machine needs of the transaction that owns it. */
export interface ClientOwner {
  readonly timers: Timers
  readonly isReliable: boolean
  sendRequest(now: Now): void
  sendAck(now: Now, response: SipResponse): void
  /** Passes a response up. */
  deliver(now: Now, response: SipResponse): void
  /** Timer B, C or F: nobody will answer. */
  timedOut(now: Now): void
  /** The machine holds no timer any more and wants no further input. Comes before what is told upward last. */
  terminated(now: Now): void
}

export interface ClientMachine {
  readonly state: string
  start(now: Now): void
  receive(now: Now, response: SipResponse): void
  /** Ends the machine at once: the transport failed, or its user gave up. */
  stop(now: Now): void
}
