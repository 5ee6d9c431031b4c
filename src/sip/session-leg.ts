import type { Now } from '../base/time.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import type { Dialog } from './dialog.ts'
import { dialogTarget } from './dialog-hop.ts'
import { ownHeaders } from './session-headers.ts'
import type { RequestEvents, SessionContext, Target } from './session-types.ts'

/** A 2xx comes again for 32 s, a re-INVITE every 45 s at most: two are in play, and some more if the peer is odd. */
const ACKS_MAX = 8

const IGNORED: RequestEvents = { onResponse() {}, onTimeout() {}, onTransportError() {} }

/** A dialog that an INVITE made, and the way to its other end. */
export class Leg {
  readonly dialog: Dialog
  readonly #context: SessionContext
  readonly #target: Target
  readonly #acks = new Map<number, SipRequest>()

  constructor(context: SessionContext, dialog: Dialog, target: Target) {
    this.#context = context
    this.dialog = dialog
    this.#target = target
  }

  request(now: Now, request: SipRequest, events: RequestEvents): void {
    this.#reach(now, (then, target) => this.#context.layer.request(then, request, target, events))
  }

  bye(now: Now, events: RequestEvents = IGNORED): SipRequest {
    const request = this.dialog.request('BYE', ownHeaders(this.#context))
    this.request(now, request, events)
    return request
  }

  /** RFC 3261 13.2.2.4: for the 2xx to an INVITE of ours, each time that it comes. */
  acknowledge(now: Now, seq: number): void {
    if (!this.#acks.has(seq)) this.#acks.set(seq, this.dialog.ack(seq))
    if (this.#acks.size > ACKS_MAX) this.#acks.delete(this.#acks.keys().next().value!)
    this.acknowledgeAgain(now, seq)
  }

  /** Nothing if no INVITE of this number was acknowledged. */
  acknowledgeAgain(now: Now, seq: number): void {
    const ack = this.#acks.get(seq)
    if (ack) this.#reach(now, (then, target) => this.#context.layer.send(then, ack, target))
  }

  #reach(now: Now, send: (now: Now, target: Target) => void): void {
    dialogTarget(now, this.#context, this.dialog, this.#target, send)
  }
}

export const isFinal = (response: SipResponse): boolean => response.status >= 200
export const isSuccess = (response: SipResponse): boolean => response.status >= 200 && response.status < 300
