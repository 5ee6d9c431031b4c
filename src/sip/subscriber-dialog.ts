import { ownText } from '../base/own-text.ts'
import { after, type Instant, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import { addLast, cloneRequest, set, value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { callId, cseq, fromTag, parseSeconds, toTag } from '../sip-parser-lite/typed.ts'
import { Dialog, type Header } from './dialog.ts'
import { dialogTarget } from './dialog-hop.ts'
import { readNotice, type ToldNotice } from './notify-ask.ts'
import { ownRequest } from './own-request.ts'
import { isRefusal, orRefusal, type Refusal } from './refusal.ts'
import { RequestRate } from './request-rate.ts'
import { leniently, notedContact, ownHeaders } from './session-headers.ts'
import { isFinal, isSuccess } from './session-leg.ts'
import type { SessionContext } from './session-types.ts'
import type { Notice, SubscribeOptions, SubscriptionEnd } from './subscriber-types.ts'
import { TRANSACTION_MS } from './transaction/timer-values.ts'

/** RFC 6665 4.1.2.2: after these the notifier has no such subscription, or is no notifier. */
const FATAL = new Set([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])
/** Seconds before the end at which it is refreshed, of longer ones: time for three tries, each up to 32 s. */
const REFRESH_LEAD_S = 120
/** Milliseconds between SUBSCRIBEs, whoever wants them. */
const INTERVAL_MS = 5000
/** Seconds: as nobody grants more than they were asked for, twice what a day has is a mistake of theirs. */
const EXPIRES_MAX_S = 172_800
/**
 * A conference of some people that all come at once is told of in so many NOTIFYs; then one a second: RFC 4575 3.9 has one in five, and a
 * long document costs milliseconds. One that is told to wait comes again, and says all of it.
 */
const NOTIFY_BURST = 30
const NOTIFY_INTERVAL_MS = 1000

interface DialogEvents {
  onNotify(now: Now, notice: Notice): void
  /** Once; nothing is sent or expected any more. */
  onOver(now: Now, end: SubscriptionEnd): void
}

/** RFC 6665 4.1.2 to 4.1.4: one subscription of ours in one dialog, which its first NOTIFY makes or a 2xx before that. */
export class SubscriberDialog {
  readonly callId: string
  readonly localTag: string
  readonly #context: SessionContext
  readonly #options: SubscribeOptions
  readonly #events: DialogEvents
  readonly #rate = new RequestRate(NOTIFY_BURST, NOTIFY_INTERVAL_MS)
  #first: SipRequest
  #phase: 'standing' | 'ending' | 'over' = 'standing'
  #dialog: Dialog | undefined
  #isTold = false
  /** Since the last SUBSCRIBE was sent: what a NOTIFY says of the time that is left counts more than its 2xx. */
  #isTimeTold = false
  #isAsking = false
  #isUnsubscribeSent = false
  #isRefreshWanted = false
  #expiresS: number
  #isMinExpiresTried = false
  #askedAt = 0 as Instant
  #expiresAt: Instant | undefined
  #refresh: Timer | undefined
  #expiry: Timer | undefined
  /** Ends what nobody answers: RFC 6665 4.1.2.4, Timer N, and an unsubscribe. */
  #patience: Timer | undefined

  constructor(context: SessionContext, options: SubscribeOptions, events: DialogEvents) {
    this.#context = context
    this.#options = options
    this.#events = events
    this.#expiresS = options.expiresS
    this.#first = this.#composed()
    this.callId = callId(this.#first)
    this.localTag = fromTag(this.#first) ?? ''
  }

  start(now: Now): void {
    this.#asking(now)
    this.#transmitFirst(now, this.#first)
  }

  /** Soon, as a SUBSCRIBE that the notifier answers with the whole state. */
  refresh(now: Now): void {
    if (this.#phase !== 'standing') return
    this.#isRefreshWanted = true
    if (!this.#isAsking && this.#dialog) this.#refreshAt(this.#soonest(now))
  }

  end(now: Now): void {
    if (this.#phase !== 'standing') return
    this.#phase = 'ending'
    this.#cancelAll()
    this.#waitFor(now, { why: 'local' })
    this.#unsubscribe(now)
  }

  /** A NOTIFY with our tag: what it says, to be given to `told` when it is answered 200; or what else it is answered. */
  heard(now: Now, request: SipRequest): ToldNotice | Refusal {
    return orRefusal((): ToldNotice | Refusal => {
      const notice = readNotice(request, this.#options)
      if (isRefusal(notice)) return notice
      const sender = fromTag(request) ?? ''
      if (this.#isTold && this.#dialog?.remoteTag !== sender) return { status: 481 }
      const waitS = this.#rate.take(now, '')
      if (waitS > 0 && notice.standing !== 'terminated')
        return { status: 500, headers: [['Retry-After', String(waitS)]] }
      if (this.#dialog?.remoteTag !== sender) this.#dialog = this.#dialogBy(request, sender)
      if (!this.#dialog.accept(request)) return { status: 500 }
      this.#move(request)
      return notice
    })
  }

  told(now: Now, notice: ToldNotice): void {
    if (this.#phase === 'over') return
    const isFirst = !this.#isTold
    this.#isTold = true
    if (this.#phase === 'ending') {
      if (notice.standing === 'terminated') this.#over(now, { why: 'local' })
      else this.#unsubscribe(now)
      return
    }
    this.#context.timers.cancel(this.#patience)
    if (notice.expiresS !== undefined) {
      this.#isTimeTold = true
      this.#arm(now, notice.expiresS)
    }
    const { contentType, body, standing } = notice
    const isLast = standing === 'terminated'
    // Whoever ends it while it is told of this has nothing left to unsubscribe from, and wants none in its place.
    if (isLast) this.#isUnsubscribeSent = true
    this.#events.onNotify(now, { contentType, body, isFirst, standing })
    if (isLast) this.#over(now, this.#isEnding ? { why: 'local' } : endOf(notice))
  }

  get #isEnding(): boolean {
    return this.#phase === 'ending'
  }

  // SUBSCRIBE

  /** RFC 6665 4.4.1: the first NOTIFY makes the dialog, whichever branch of a fork it is from. */
  #dialogBy(notify: SipRequest, remoteTag: string): Dialog {
    return new Dialog({
      callId: this.callId,
      local: value(this.#first, 'from') ?? '',
      remote: ownText(value(notify, 'from') ?? ''),
      localTag: this.localTag,
      remoteTag: ownText(remoteTag),
      routeSet: values(notify, 'record-route').map(ownText),
      remoteTarget: this.#options.requestUri,
      localSeq: this.#dialog?.state.localSeq ?? cseq(this.#first).seq,
      isCaller: true,
    })
  }

  #dialogOf(response: SipResponse): Dialog | undefined {
    const dialog = leniently(() => Dialog.ofClient(this.#first, response))
    if (dialog && !isSip(dialog.remoteTarget)) dialog.retarget(this.#options.requestUri)
    return dialog
  }

  /** RFC 6665 4.4.1: SUBSCRIBE and NOTIFY are target refresh requests. */
  #move(message: SipRequest | SipResponse): void {
    const contact = notedContact(message)
    if (contact !== undefined && isSip(contact)) this.#dialog?.retarget(ownText(contact))
  }

  #composed(): SipRequest {
    const request = ownRequest('SUBSCRIBE', this.#options, NOTHING, this.#context.entropy)
    const { headers = [] } = this.#options
    for (const [name, text] of [...this.#headers(this.#expiresS), ...headers]) addLast(request, name, text)
    return request
  }

  #headers(expiresS: number): Header[] {
    const { event, contact, accept } = this.#options
    return [
      ['Event', event],
      ['Expires', String(expiresS)],
      ['Contact', contact],
      ['Accept', accept.join(', ')],
      ...ownHeaders(this.#context),
    ]
  }

  #transmitFirst(now: Now, request: SipRequest): void {
    this.#context.layer.request(now, request, this.#options.target, {
      onResponse: (then, response) => {
        if (isFinal(response)) this.#answeredFirst(then, response)
      },
      onTimeout: then => this.#refusedFirst(then, 408, undefined),
      onTransportError: then => this.#refusedFirst(then, 503, undefined),
    })
  }

  #answeredFirst(now: Now, response: SipResponse): void {
    if (!isSuccess(response)) {
      const expiresS = this.#dialog ? undefined : this.#longer(response)
      if (expiresS === undefined) return this.#refusedFirst(now, response.status, response)
      return this.#restart(now, expiresS)
    }
    this.#isAsking = false
    if (this.#phase === 'over') return
    this.#dialog ??= this.#dialogOf(response)
    if (!this.#dialog) return this.#over(now, { why: 'refused', status: 502 })
    if (this.#phase === 'ending') return this.#unsubscribe(now)
    if (!this.#isTold) this.#waitFor(now, { why: 'silent' })
    this.#granted(now, response)
  }

  /** A notifier that has told us something knows of us, whatever the way back made of its answer. */
  #refusedFirst(now: Now, status: number, response: SipResponse | undefined): void {
    this.#isAsking = false
    if (this.#phase === 'over') return
    if (this.#phase === 'standing' && this.#isTold) return this.#settled(now)
    if (this.#phase === 'ending') return this.#isTold ? this.#unsubscribe(now) : this.#over(now, { why: 'local' })
    this.#over(now, { why: 'refused', status, ...retryAfter(response) })
  }

  /** RFC 6665 4.1.2.1, 423: once more, for as long as it must be. */
  #restart(now: Now, expiresS: number): void {
    if (this.#phase === 'over') return
    const request = cloneRequest(this.#first)
    set(request, 'CSeq', `${cseq(request).seq + 1} SUBSCRIBE`)
    set(request, 'Expires', String(expiresS))
    this.#first = request
    this.#asking(now)
    this.#transmitFirst(now, request)
  }

  #longer(response: SipResponse): number | undefined {
    if (response.status !== 423 || this.#isMinExpiresTried) return undefined
    const seconds = secondsOf(response, 'min-expires')
    if (seconds === undefined || seconds > EXPIRES_MAX_S) return undefined
    this.#isMinExpiresTried = true
    this.#expiresS = Math.max(seconds, this.#expiresS)
    return this.#expiresS
  }

  #asking(now: Now): void {
    this.#isAsking = true
    this.#isTimeTold = false
    this.#isRefreshWanted = false
    this.#askedAt = now.at
  }

  /** RFC 6665 4.1.2.2. */
  #again(now: Now): void {
    this.#asking(now)
    this.#within(now, this.#expiresS, {
      onFailed: (then, status, response) => {
        this.#isAsking = false
        if (this.#phase === 'ending') return this.#unsubscribe(then)
        if (FATAL.has(status)) return this.#over(then, { why: 'refused', status, ...retryAfter(response) })
        if (response && this.#longer(response) !== undefined) return this.#again(then)
        this.#retry(then, retryAfter(response).retryAfterS)
      },
      onGranted: (then, response) => {
        this.#isAsking = false
        if (this.#phase === 'ending') return this.#unsubscribe(then)
        this.#granted(then, response)
      },
    })
  }

  #unsubscribe(now: Now): void {
    if (!this.#dialog || this.#isAsking || this.#isUnsubscribeSent) return
    this.#isUnsubscribeSent = true
    this.#within(now, 0, { onFailed: then => this.#over(then, { why: 'local' }), onGranted() {} })
  }

  #within(now: Now, expiresS: number, outcome: Outcome): void {
    const dialog = this.#dialog!
    const request = dialog.request('SUBSCRIBE', this.#headers(expiresS))
    const failed = (status: number) => (then: Now) => {
      if (this.#phase !== 'over') outcome.onFailed(then, status, undefined)
    }
    dialogTarget(now, this.#context, dialog, this.#options.target, (then, target) =>
      this.#context.layer.request(then, request, target, {
        onResponse: (later, response) => {
          if (!isFinal(response) || this.#phase === 'over') return
          if (isSuccess(response)) outcome.onGranted(later, response)
          else outcome.onFailed(later, response.status, response)
        },
        onTimeout: failed(408),
        onTransportError: failed(503),
      }),
    )
  }

  // time

  #granted(now: Now, response: SipResponse): void {
    if (toTag(response) === this.#dialog?.remoteTag) this.#move(response)
    if (!this.#isTimeTold) this.#arm(now, secondsOf(response, 'expires') ?? this.#expiresS)
    this.#settled(now)
  }

  /** Nothing is under way any more. */
  #settled(now: Now): void {
    if (this.#expiresAt === undefined) this.#arm(now, this.#expiresS)
    if (this.#isRefreshWanted) this.refresh(now)
  }

  #arm(now: Now, seconds: number): void {
    const expiresS = Math.min(seconds, EXPIRES_MAX_S)
    const { timers } = this.#context
    timers.cancel(this.#expiry)
    this.#expiresAt = after(now, expiresS * 1000)
    this.#expiry = timers.set('own subscription', this.#expiresAt, then => this.#over(then, { why: 'expired' }))
    const leadS = Math.min(expiresS / 2, REFRESH_LEAD_S)
    const due = after(now, (expiresS - leadS) * 1000)
    this.#refreshAt(this.#isRefreshWanted ? this.#soonest(now) : (Math.max(this.#soonest(now), due) as Instant))
  }

  #soonest(now: Now): Instant {
    return Math.max(now.at, this.#askedAt + INTERVAL_MS) as Instant
  }

  #retry(now: Now, retryAfterS: number | undefined): void {
    const leftMs = (this.#expiresAt ?? now.at) - now.at
    const waitMs = Math.max(INTERVAL_MS, retryAfterS === undefined ? leftMs / 4 : retryAfterS * 1000)
    this.#refreshAt(after(now, waitMs))
  }

  #refreshAt(at: Instant): void {
    const { timers } = this.#context
    timers.cancel(this.#refresh)
    this.#refresh = timers.set('own subscription refresh', at, now => {
      if (!this.#isAsking && this.#dialog) this.#again(now)
    })
  }

  #waitFor(now: Now, end: SubscriptionEnd): void {
    const { timers } = this.#context
    timers.cancel(this.#patience)
    this.#patience = timers.set('own subscription silent', after(now, TRANSACTION_MS), then => this.#over(then, end))
  }

  #cancelAll(): void {
    for (const timer of [this.#refresh, this.#expiry, this.#patience]) this.#context.timers.cancel(timer)
  }

  #over(now: Now, end: SubscriptionEnd): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#cancelAll()
    this.#events.onOver(now, end)
  }
}

interface Outcome {
  /** `response` absent: silence, or no way there. */
  onFailed(now: Now, status: number, response: SipResponse | undefined): void
  onGranted(now: Now, response: SipResponse): void
}

const endOf = ({ reason, retryAfterS }: ToldNotice): SubscriptionEnd => ({
  why: 'terminated',
  reason,
  ...(retryAfterS !== undefined && { retryAfterS }),
})

const NOTHING = Buffer.alloc(0)

const isSip = (uri: string): boolean => /^sips?:/i.test(uri)

function secondsOf(response: SipResponse, key: string): number | undefined {
  const text = value(response, key)
  return text === undefined ? undefined : leniently(() => parseSeconds(text, key))
}

function retryAfter(response: SipResponse | undefined): { retryAfterS?: number } {
  const retryAfterS = response && secondsOf(response, 'retry-after')
  return retryAfterS === undefined ? {} : { retryAfterS }
}
