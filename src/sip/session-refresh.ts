import { randomBelow } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { cseq } from '../sip-parser-lite/typed.ts'
import type { Header } from './dialog.ts'
import { ALLOW, ownHeaders, timerHeaders, tolerantly } from './session-headers.ts'
import type { Leg } from './session-leg.ts'
import { isFinal, isSuccess } from './session-leg.ts'
import type { Agreement } from './session-timer.ts'
import { agreedByAnswer, MIN_SE_S, readMinSe, SessionTimer } from './session-timer.ts'
import type { SessionContext } from './session-types.ts'

/** What a refresh needs of its session. */
export interface RefreshOwner {
  readonly leg: Leg
  readonly contact: string
  readonly localSdp: Buffer
  readonly contentType: string
  readonly remoteAllow: readonly string[]
  /** Allow and Contact of a 2xx. */
  noteRemote(response: SipResponse): void
  /** `timer`: the interval is about to end; `gone`, `transport`: the refresh failed for good. */
  failed(now: Now, why: 'timer' | 'gone' | 'transport'): void
}

/** A peer that keeps asking for more has no interval in mind. */
const MIN_SE_RETRIES_MAX = 3

/**
 * RFC 4028: keeps a confirmed session alive, by UPDATE where the
 * peer takes it, else by re-INVITE with the SDP that stands.
 */
export class SessionRefresh {
  readonly #context: SessionContext
  readonly #owner: RefreshOwner
  readonly #timer: SessionTimer
  #pending: 'INVITE' | 'UPDATE' | undefined
  #glare: Timer | undefined
  #minSe = MIN_SE_S
  #minSeRetries = 0
  #isUpdateRefused = false
  #isStopped = false

  constructor(context: SessionContext, owner: RefreshOwner) {
    this.#context = context
    this.#owner = owner
    this.#timer = new SessionTimer(
      context.timers,
      now => this.#refresh(now),
      now => this.#owner.failed(now, 'timer'),
    )
  }

  get agreement(): Agreement | undefined {
    return this.#timer.agreement
  }

  /** An offer of ours waits for its answer (RFC 3261 14.2, RFC 3311 5.2). */
  get isOfferPending(): boolean {
    return this.#pending === 'INVITE'
  }

  arm(now: Now, agreement: Agreement | undefined): void {
    if (!this.#isStopped) this.#timer.arm(now, agreement)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer.stop()
    this.#context.timers.cancel(this.#glare)
  }

  #refresh(now: Now): void {
    const agreement = this.#timer.agreement
    if (this.#isStopped || this.#pending || !agreement) return
    const method = this.#owner.remoteAllow.includes('UPDATE') && !this.#isUpdateRefused ? 'UPDATE' : 'INVITE'
    const { leg, localSdp } = this.#owner
    const headers = this.#headers(Math.max(agreement.seconds, this.#minSe))
    if (method === 'INVITE') headers.push(['Content-Type', this.#owner.contentType])
    const request = leg.dialog.request(method, headers, method === 'INVITE' ? localSdp : undefined)
    this.#pending = method
    this.#context.counters.count('session_refreshes', method)
    leg.request(now, request, {
      onResponse: (then, response) => tolerantly(this.#context, () => this.#onResponse(then, method, response)),
      onTimeout: then => this.#fail(then, 'gone'),
      onTransportError: then => this.#fail(then, 'transport'),
    })
  }

  #headers(seconds: number): Header[] {
    const minSe = this.#minSe > MIN_SE_S ? this.#minSe : undefined
    return [
      ['Contact', this.#owner.contact],
      ['Allow', ALLOW],
      ['Supported', 'timer'],
      ...ownHeaders(this.#context),
      ...timerHeaders(seconds, minSe),
    ]
  }

  #onResponse(now: Now, method: 'INVITE' | 'UPDATE', response: SipResponse): void {
    if (isSuccess(response)) this.#onSuccess(now, method, response)
    else if (isFinal(response)) {
      this.#pending = undefined
      if (!this.#isStopped) this.#onRefused(now, method, response)
    }
  }

  #onRefused(now: Now, method: 'INVITE' | 'UPDATE', response: SipResponse): void {
    const { status } = response
    if (status === 408 || status === 481) this.#fail(now, 'gone')
    else if (status === 491) this.#afterGlare(now)
    else if (status === 422) this.#withMinSe(now, response)
    else if (method === 'UPDATE' && (status === 405 || status === 501)) {
      this.#isUpdateRefused = true
      this.#refresh(now)
    } else this.#context.counters.count('session_refreshes_refused', method)
  }

  #onSuccess(now: Now, method: 'INVITE' | 'UPDATE', response: SipResponse): void {
    if (method === 'INVITE') this.#owner.leg.acknowledge(now, cseq(response).seq)
    if (!this.#pending) return
    this.#pending = undefined
    this.#minSeRetries = 0
    if (this.#isStopped) return
    this.#owner.noteRemote(response)
    this.#timer.arm(now, agreedByAnswer(response))
  }

  /** RFC 3261 14.1: whoever made the Call-ID waits longer, so that the two do not meet again. */
  #afterGlare(now: Now): void {
    const steps = this.#owner.leg.dialog.isCaller
      ? 210 + randomBelow(this.#context.entropy, 191)
      : randomBelow(this.#context.entropy, 201)
    this.#glare = this.#context.timers.set('session glare', after(now, steps * 10), then => this.#refresh(then))
  }

  #withMinSe(now: Now, response: SipResponse): void {
    if (++this.#minSeRetries > MIN_SE_RETRIES_MAX) return
    this.#minSe = readMinSe(response)
    this.#refresh(now)
  }

  #fail(now: Now, why: 'gone' | 'transport'): void {
    this.#pending = undefined
    if (!this.#isStopped) this.#owner.failed(now, why)
  }
}
