import type { Counters } from '../base/counters.ts'
import type { Flow } from '../base/flow.ts'
import { after, type Now } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { bestResponse } from './best-response.ts'
import { copyFor, passedBack } from './forward-copy.ts'
import type { Hop } from './transport.ts'

export interface ForwardTarget {
  /** Contact; becomes the Request-URI. */
  readonly uri: string
  /** Route values, first hop first: the Path of the binding (RFC 3327 5.4). */
  readonly routes: readonly string[]
  readonly to: Flow | Hop
}

export type ForwardOutcome =
  | { readonly kind: 'waiting' }
  /** The final response, ready to go to where the request came from. */
  | { readonly kind: 'answered'; readonly response: SipResponse }
  /** Timer F, which RFC 3261 16.8 takes for 408. */
  | { readonly kind: 'timeout' }
  /** RFC 3261 16.9: as good as 503. */
  | { readonly kind: 'unreachable'; readonly reason: string }

interface ForwardEvents {
  /**
   * Once, possibly before `forward` returns: the first 2xx; the best response when all have answered or a 6xx is there
   * at the limit; `no answer` when somebody kept silent or could not be reached and nobody accepted or globally
   * declined. `outcomes` is in the order of the targets.
   */
  onAnswer(now: Now, answer: SipResponse | 'no answer', outcomes: readonly ForwardOutcome[]): void
  /** The first 2xx that comes after another answer than 2xx was reported. */
  onLate2xx?(now: Now, response: SipResponse, target: ForwardTarget): void
}

/** What forwarding needs of the transaction layer. */
export interface ForwardLayer {
  request(
    now: Now,
    request: SipRequest,
    to: Flow | Hop,
    events: {
      onResponse(now: Now, response: SipResponse): void
      onTimeout(now: Now): void
      onTransportError(now: Now, reason: string): void
    },
  ): { abandon(): void }
}

/** Stateful forwarding of non-INVITE requests to several contacts at once (RFC 3261 16.6, 16.7). */
export class Forwarder {
  readonly #layer: ForwardLayer
  readonly #timers: Timers
  readonly #counters: Counters
  #open = 0

  constructor(options: { layer: ForwardLayer; timers: Timers; counters: Counters }) {
    this.#layer = options.layer
    this.#timers = options.timers
    this.#counters = options.counters
  }

  /** `limitMs` bounds the wait for an answer, not the tries: a device that answers later is reported by `onLate2xx`. */
  forward(
    now: Now,
    request: SipRequest,
    targets: readonly ForwardTarget[],
    limitMs: number,
    events: ForwardEvents,
  ): void {
    this.#open++
    const fork = new Fork(request, targets, {
      onAnswer: (then, answer, outcomes) => {
        this.#open--
        this.#counters.count('forwards', answer === 'no answer' ? 'no answer' : `${Math.floor(answer.status / 100)}xx`)
        events.onAnswer(then, answer, outcomes)
      },
      onLate2xx: (then, response, target) => {
        this.#counters.count('forwards', 'late 2xx')
        events.onLate2xx?.(then, response, target)
      },
    })
    fork.start(now, this.#layer, this.#timers, limitMs)
  }

  describe(): { open: number } {
    return { open: this.#open }
  }
}

/** RFC 3261 16.7: the response context of one request. */
class Fork {
  readonly #request: SipRequest
  readonly #targets: readonly ForwardTarget[]
  readonly #outcomes: ForwardOutcome[]
  readonly #events: Required<ForwardEvents>
  #timers: Timers | undefined
  #timer: Timer | undefined
  #isReported = false
  #hasSucceeded = false

  constructor(request: SipRequest, targets: readonly ForwardTarget[], events: Required<ForwardEvents>) {
    this.#request = request
    this.#targets = targets
    this.#outcomes = targets.map(() => ({ kind: 'waiting' }))
    this.#events = events
  }

  start(now: Now, layer: ForwardLayer, timers: Timers, limitMs: number): void {
    this.#timers = timers
    this.#timer = timers.set('forward', after(now, limitMs), then => this.#limit(then))
    for (const [index, target] of this.#targets.entries()) {
      layer.request(now, copyFor(this.#request, target.uri, target.routes), target.to, {
        onResponse: (then, response) => this.#response(then, index, response),
        onTimeout: then => this.#settle(then, index, { kind: 'timeout' }),
        onTransportError: (then, reason) => this.#settle(then, index, { kind: 'unreachable', reason }),
      })
    }
    if (this.#targets.length === 0) this.#report(now)
  }

  /** RFC 4320: provisional responses to non-INVITE requests are not passed on. */
  #response(now: Now, index: number, received: SipResponse): void {
    if (received.status < 200) return
    this.#settle(now, index, { kind: 'answered', response: passedBack(this.#request, received) })
  }

  #settle(now: Now, index: number, outcome: ForwardOutcome): void {
    if (this.#outcomes[index]?.kind !== 'waiting') return
    this.#outcomes[index] = outcome
    const isSuccess = outcome.kind === 'answered' && outcome.response.status < 300
    if (!this.#isReported) {
      if (isSuccess || this.#outcomes.every(({ kind }) => kind !== 'waiting')) this.#report(now)
    } else if (isSuccess && !this.#hasSucceeded) {
      this.#hasSucceeded = true
      this.#events.onLate2xx(now, outcome.response, this.#targets[index]!)
    }
  }

  #limit(now: Now): void {
    if (!this.#isReported) this.#report(now)
  }

  #report(now: Now): void {
    this.#isReported = true
    this.#timers?.cancel(this.#timer)
    const answer = this.#answer()
    this.#hasSucceeded = answer !== 'no answer' && answer.status < 300
    this.#events.onAnswer(now, answer, [...this.#outcomes])
  }

  /** A device that said nothing has not refused, so its silence outweighs what others refuse for themselves alone. */
  #answer(): SipResponse | 'no answer' {
    const responses = this.#outcomes.flatMap(outcome => (outcome.kind === 'answered' ? [outcome.response] : []))
    const best = bestResponse(responses)
    if (!best) return 'no answer'
    const decidesForAll = best.status < 300 || best.status >= 600
    return decidesForAll || responses.length === this.#targets.length ? best : 'no answer'
  }
}
