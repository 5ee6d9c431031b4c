import type { Flow } from '../base/flow.ts'
import { after, type Now } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { callId, cseq, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import { bestResponse } from './best-response.ts'
import type { ForwardOutcome, ForwardTarget } from './forward.ts'
import { passedBack } from './forward-copy.ts'
import type { BranchMedia } from './relay-types.ts'
import { leniently } from './session-headers.ts'
import type { RequestEvents, Target } from './session-types.ts'
import { T2 } from './transaction/timer-values.ts'

/** What relaying needs of the transaction layer. */
export interface RelayLayer {
  /** Events come later, never from within this call. */
  request(now: Now, request: SipRequest, to: Target, events: RequestEvents): SentInvite
  send(now: Now, request: SipRequest, to: Target): void
}

interface SentInvite {
  /** As sent, our Via on top. */
  readonly request: SipRequest
  readonly flow: Flow
  cancel(now: Now): void
  abandon(): void
}

/** One copy of the INVITE, and what became of it. */
export interface Branch {
  readonly copy: SipRequest
  readonly target: ForwardTarget
  readonly media?: BranchMedia
  sent?: SentInvite
  /** It has answered anything at all, so a CANCEL reaches it (RFC 3261 9.1). */
  hasAnswered: boolean
  outcome: ForwardOutcome
}

/** Responses come without our Via, ready to go to the caller. */
interface ForkEvents {
  /** 101 to 199, until the end. */
  onProgress(now: Now, response: SipResponse, branch: Branch): void
  /** Every 2xx, from whichever branch, also again. */
  onSuccess(now: Now, response: SipResponse, branch: Branch): void
  /** Once, if there was no 2xx. */
  onFailed(now: Now, answer: SipResponse | 'no answer', isCancelled: boolean): void
  /** A 2xx after onFailed, as it came. */
  onUnwanted(now: Now, response: SipResponse, branch: Branch): void
  /** A response that is not to this INVITE, whatever its Via says. */
  onForged(): void
}

/** The 487 of a phone that got our CANCEL: four tries over UDP. What comes after that is not waited for. */
const GRACE_MS = T2

/** RFC 3261 16.7 to 16.10: the response context of one INVITE. Timer C is the client transaction's. */
export class InviteFork {
  readonly #timers: Timers
  readonly #request: SipRequest
  readonly #branches: readonly Branch[]
  readonly #events: ForkEvents
  #timer: Timer | undefined
  #state: 'open' | 'given up' | 'answered' | 'failed' = 'open'
  #isCancelled = false

  constructor(timers: Timers, request: SipRequest, branches: readonly Branch[], events: ForkEvents) {
    this.#timers = timers
    this.#request = request
    this.#branches = branches
    this.#events = events
  }

  /** `limitMs`: how long the phones may ring; then they are cancelled. No event comes from within. */
  start(now: Now, layer: RelayLayer, limitMs: number): void {
    const delayMs = this.#branches.length > 0 ? limitMs : 0
    this.#timer = this.#timers.set('relay ring', after(now, delayMs), then => this.#giveUp(then))
    for (const branch of this.#branches) {
      branch.sent = layer.request(now, branch.copy, branch.target.to, {
        onResponse: (then, response) => this.#onResponse(then, branch, response),
        onTimeout: then => this.#settle(then, branch, { kind: 'timeout' }),
        onTransportError: (then, reason) => this.#settle(then, branch, { kind: 'unreachable', reason }),
      })
    }
  }

  /** RFC 3261 16.10: the caller gave up. A 2xx may still win. */
  cancel(now: Now): void {
    this.#isCancelled = true
    this.#giveUp(now)
  }

  /** The same without waiting for what the phones say to it. */
  stop(now: Now): void {
    this.#cancelOthers(now)
    this.#report(now)
  }

  #onResponse(now: Now, branch: Branch, received: SipResponse): void {
    if (!answers(received, this.#request)) {
      this.#events.onForged()
      if (received.status >= 200) this.#settle(now, branch, { kind: 'unreachable', reason: 'forged response' })
      return
    }
    branch.hasAnswered = true
    if (received.status >= 300) this.#refused(now, branch, passedBack(this.#request, received))
    else if (received.status >= 200) this.#succeed(now, branch, received)
    else if (received.status > 100 && (this.#state === 'open' || this.#state === 'given up'))
      this.#events.onProgress(now, passedBack(this.#request, received), branch)
  }

  /** RFC 3261 16.7 steps 5 and 10: the first 2xx ends the others, and one of those that answers all the same is passed on too. */
  #succeed(now: Now, branch: Branch, received: SipResponse): void {
    if (this.#state === 'failed') return this.#events.onUnwanted(now, received, branch)
    const isFirst = this.#state !== 'answered'
    this.#state = 'answered'
    this.#timers.cancel(this.#timer)
    const response = passedBack(this.#request, received)
    branch.outcome = { kind: 'answered', response }
    if (isFirst) this.#cancelOthers(now)
    this.#events.onSuccess(now, response, branch)
  }

  /** Nobody else's CANCEL makes a phone say 487; ours at the limit means that nobody answered it. */
  #refused(now: Now, branch: Branch, response: SipResponse): void {
    const isOurs = response.status === 487 && this.#state === 'given up'
    this.#settle(now, branch, isOurs ? { kind: 'timeout' } : { kind: 'answered', response })
  }

  #settle(now: Now, branch: Branch, outcome: ForwardOutcome): void {
    if (branch.outcome.kind !== 'waiting') return
    branch.outcome = outcome
    branch.media?.failed(now)
    if (this.#state === 'answered' || this.#state === 'failed') return
    if (this.#branches.every(({ outcome: { kind } }) => kind !== 'waiting')) this.#report(now)
    else if (outcome.kind === 'answered' && outcome.response.status >= 600) this.#giveUp(now)
  }

  #giveUp(now: Now): void {
    if (this.#state !== 'open') return
    this.#state = 'given up'
    this.#timers.cancel(this.#timer)
    this.#cancelOthers(now)
    const isWorthWaiting = this.#branches.some(({ outcome, hasAnswered }) => outcome.kind === 'waiting' && hasAnswered)
    const delayMs = isWorthWaiting ? GRACE_MS : 0
    this.#timer = this.#timers.set('relay cancel', after(now, delayMs), then => this.#report(then))
  }

  #cancelOthers(now: Now): void {
    for (const { outcome, sent } of this.#branches) if (outcome.kind === 'waiting') sent?.cancel(now)
  }

  #report(now: Now): void {
    if (this.#state === 'answered' || this.#state === 'failed') return
    this.#state = 'failed'
    this.#timers.cancel(this.#timer)
    for (const { outcome, media } of this.#branches) if (outcome.kind === 'waiting') media?.failed(now)
    this.#events.onFailed(now, this.#answer(), this.#isCancelled)
  }

  /** A device that said nothing has not refused, so its silence outweighs what others refuse for themselves alone. */
  #answer(): SipResponse | 'no answer' {
    const responses = this.#branches.flatMap(({ outcome }) => (outcome.kind === 'answered' ? [outcome.response] : []))
    const best = bestResponse(responses)
    return best && (best.status >= 600 || responses.length === this.#branches.length) ? best : 'no answer'
  }
}

/** The transaction was found by its branch; a peer that changes what names the call may not have it passed on. */
export function answers(response: SipResponse, request: SipRequest): boolean {
  return (
    leniently(() => {
      const [asked, answered] = [cseq(request), cseq(response)]
      if (asked.seq !== answered.seq || asked.method !== answered.method) return false
      if (callId(request) !== callId(response) || fromTag(request) !== fromTag(response)) return false
      const [ours, theirs] = [toTag(request), toTag(response)]
      return ours === undefined || ours === theirs
    }) ?? false
  )
}
