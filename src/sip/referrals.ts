import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { ownText } from '../base/own-text.ts'
import type { Now } from '../base/time.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { Header } from './dialog.ts'
import { type AskedReferral, readRefer } from './referral-ask.ts'
import type { Referral, ReferralTaker } from './referral-types.ts'
import { isRefusal, type Refusal, respondWith } from './refusal.ts'
import { RequestRate } from './request-rate.ts'
import type { Subscription } from './subscription.ts'
import type { EventPackage, NotifyBody, NotifyReason, SubscriptionView } from './subscription-types.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'

/** Name of the package (RFC 3515 2.4). */
const REFER = 'refer'
const SIPFRAG = 'message/sipfrag'
/** Seconds: longer than any request of ours waits for its final answer. It may be refreshed up to twice that. */
const EXPIRES_S = 300
/** A phone that rings on and on is not worth more than one NOTIFY in this time. */
const PROGRESS_INTERVAL_MS = 1000
/** A person refers a few times a day; a program that loops is told to wait. */
const BURST = 10
const INTERVAL_MS = 1000
/** Seconds until there may be room again. */
const FULL_RETRY_S = 60
const REASON_LENGTH_MAX = 120

const TRYING = 'SIP/2.0 100 Trying'
/** RFC 3515 2.4.5: what became of it is not known. */
const UNKNOWN = 'SIP/2.0 503 Service Unavailable'

type ReferTransaction = Pick<ServerTransaction, 'flow' | 'respond'>

interface ReferralsParts {
  readonly subscriptions: Subscriptions
  readonly entropy: Entropy
  readonly counters: Counters
  readonly log: Log
  /** Value of Allow (HIS-REF-05). */
  readonly allow: string
  /** Our Contact URI towards the other end of that flow. */
  contactUri(flow: Flow): string
}

/** RFC 3515, RFC 4488: the server of REFER. Each REFER makes a dialog of its own, in which its sender is told of progress. */
export class Referrals {
  readonly #parts: ReferralsParts
  readonly #rate = new RequestRate(BURST, INTERVAL_MS)

  constructor(parts: ReferralsParts) {
    this.#parts = parts
    parts.subscriptions.register(new ReferPackage(parts.subscriptions))
  }

  /** A REFER without To tag, by somebody who is admitted. `refuse` is called for what is not taken; the rest is answered here. */
  onRefer(
    now: Now,
    transaction: ReferTransaction,
    request: SipRequest,
    initiator: string,
    { take, refuse }: { readonly take: ReferralTaker; readonly refuse: (now: Now, refusal: Refusal) => void },
  ): void {
    const refused = (then: Now, refusal: Refusal): void => {
      this.#parts.counters.count('referrals_refused', String(refusal.status))
      refuse(then, refusal)
    }
    const waitS = this.#rate.take(now, initiator)
    if (waitS > 0) return refused(now, busy(waitS))
    const ask = readRefer(request)
    if (isRefusal(ask)) return refused(now, ask)
    take(now, new OpenReferral(this.#parts, { ask, transaction, request, initiator, refuse: refused }))
  }
}

/** HIS-REF-01: out of resources for one sender; 503 would turn a proxy away from the whole box (RFC 3261 21.5.4). */
const busy = (seconds: number): Refusal => ({ status: 486, headers: [['Retry-After', String(seconds)]] })

interface Received {
  readonly ask: AskedReferral
  readonly transaction: ReferTransaction
  readonly request: SipRequest
  readonly initiator: string
  readonly refuse: (now: Now, refusal: Refusal) => void
}

class OpenReferral implements Referral {
  readonly id: string
  readonly request: SipRequest
  readonly initiator: string
  readonly referTo: string
  readonly method: Referral['method']
  readonly contact: string
  readonly allow: readonly string[]
  readonly isWatched: boolean
  readonly #parts: ReferralsParts
  readonly #received: Received
  #isDecided = false
  #subscription: Subscription | undefined

  constructor(parts: ReferralsParts, received: Received) {
    const { ask, request, initiator } = received
    this.#parts = parts
    this.#received = received
    this.id = token(parts.entropy, 80)
    this.request = request
    this.initiator = initiator
    this.referTo = ownText(ask.referTo)
    this.method = ask.method
    this.contact = ownText(ask.contact)
    this.allow = ask.allow
    this.isWatched = ask.isWatched
  }

  accept(now: Now, begin: (now: Now) => void): void {
    if (this.#isDecided) return
    this.#isDecided = true
    if (!this.isWatched) return this.#accepted(now, token(this.#parts.entropy, 80), begin)
    const { request, initiator: subscriber, transaction } = this.#received
    const wanted = { event: REFER, subscriber, resource: this.id, expiresS: EXPIRES_S, note: TRYING }
    this.#parts.subscriptions.establish(now, transaction.flow, request, wanted, (then, made) => {
      if (isRefusal(made)) return this.#received.refuse(then, made.status === 480 ? busy(FULL_RETRY_S) : made)
      this.#subscription = made
      this.#accepted(then, made.id, begin)
    })
  }

  refuse(now: Now, refusal: Refusal): void {
    if (this.#isDecided) return
    this.#isDecided = true
    this.#received.refuse(now, refusal)
  }

  progress(now: Now, status: number, reason: string): void {
    const subscription = this.#subscription
    if (!subscription?.isLive) return
    subscription.note = `SIP/2.0 ${status} ${plain(reason)}`
    if (status < 200) return subscription.changed(now)
    this.#parts.counters.count('referrals_ended', `${Math.floor(status / 100)}xx`)
    subscription.end(now, 'noresource')
  }

  /** RFC 3515 2.4.4: the answer, and then at once the first NOTIFY. */
  #accepted(now: Now, localTag: string, begin: (now: Now) => void): void {
    const { request, transaction, initiator } = this.#received
    const { counters, log, allow } = this.#parts
    const headers: Header[] = [
      ['Contact', `<${this.#parts.contactUri(transaction.flow)}>`],
      ['Allow', allow],
    ]
    if (!this.isWatched) headers.push(['Refer-Sub', 'false'])
    const response = respondWith(now, request, { status: 202, headers }, localTag)
    response.headers.push(...request.headers.filter(({ key }) => key === 'record-route'))
    transaction.respond(now, response)
    counters.count('referrals_accepted', this.method)
    log.info('REFER accepted', { initiator, refer_to: this.referTo, method: this.method })
    this.#subscription?.begin(now)
    begin(now)
  }
}

/** A peer's words in a status line of ours. */
const plain = (reason: string): string => reason.replace(/[^\x20-\x7e\x80-\xff]/g, ' ').slice(0, REASON_LENGTH_MAX)

/** RFC 3515 2.4.4 to 2.4.7: what is told in the subscriptions that REFER makes. What there is to tell is their note. */
class ReferPackage implements EventPackage {
  readonly event = REFER
  readonly accept = [SIPFRAG]
  readonly defaultExpiresS = EXPIRES_S
  readonly minExpiresS = 60
  readonly maxExpiresS = 2 * EXPIRES_S
  readonly changeIntervalMs = PROGRESS_INTERVAL_MS
  readonly isEndTold = true
  readonly #subscriptions: Subscriptions

  constructor(subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions
  }

  /** RFC 3515 2.4.4: SUBSCRIBE makes none of its own. */
  authorise(now: Now, _ask: unknown, done: (now: Now, decision: Refusal) => void): void {
    done(now, { status: 403 })
  }

  /** What was under way when the box was restarted is over. */
  state(
    now: Now,
    subscription: SubscriptionView,
    why: NotifyReason,
    done: (now: Now, bodies: readonly NotifyBody[]) => void,
  ): void {
    if (why !== 'restored') return done(now, [fragment(subscription.note)])
    subscription.note = UNKNOWN
    this.#subscriptions.end(now, REFER, subscription.resource, { reason: 'noresource' })
    done(now, [])
  }
}

const fragment = (statusLine: string): NotifyBody => ({
  contentType: `${SIPFRAG};version=2.0`,
  body: Buffer.from(`${statusLine}\r\n`, 'latin1'),
})
