import { token } from '../base/entropy.ts'
import { after, type Instant, type Now } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { callId, toTag } from '../sip-parser-lite/typed.ts'
import { isRefusal, respondWith } from './refusal.ts'
import type { ReceivedRequest, SessionContext } from './session-types.ts'
import { SubscriberDialog } from './subscriber-dialog.ts'
import type {
  OwnSubscription,
  SubscribeOptions,
  SubscriberEvents,
  SubscriberSide,
  SubscriptionEnd,
} from './subscriber-types.ts'

/** As many as there may be recordings; some 4 KB each. */
const SUBSCRIPTIONS_MAX = 10_000
/** Times in a row that a subscription is made anew, and how long one has to stand to be the first of a new row. */
const RENEWALS_MAX = 5
const STEADY_MS = 600_000
/** Seconds to wait where the notifier does not say, and the longest that its Retry-After is waited for. */
const WAITS: Readonly<Record<string, number>> = { deactivated: 1, timeout: 1, probation: 30, giveup: 60 }
const WAIT_S = 5
const WAIT_MAX_S = 300
/** RFC 6665 4.1.3: another subscription would end as this one. */
const FINAL = new Set(['rejected', 'noresource', 'invariant'])

/** RFC 6665 4.1: every subscription of ours. */
export class Subscribers implements SubscriberSide {
  readonly #context: SessionContext
  readonly #max: number
  readonly #dialogs = new Map<string, SubscriberDialog>()
  #open = 0

  constructor(context: SessionContext, max = SUBSCRIPTIONS_MAX) {
    this.#context = context
    this.#max = max
  }

  subscribe(now: Now, options: SubscribeOptions, events: SubscriberEvents): OwnSubscription {
    const { counters, timers } = this.#context
    if (this.#open >= this.#max) {
      counters.count('own_subscriptions_ended', 'full')
      timers.set('own subscription full', now.at, then => events.onEnded(then, { why: 'full' }))
      return NONE
    }
    this.#open++
    counters.count('own_subscriptions_made')
    const row = new Row(this.#context, options, this.#dialogs, {
      onNotify: (then, notice) => events.onNotify(then, notice),
      onEnded: (then, end) => {
        this.#open--
        counters.count('own_subscriptions_ended', end.why)
        events.onEnded(then, end)
      },
    })
    row.begin(now)
    return row
  }

  /** True if it was answered: a NOTIFY in a dialog of a subscription of ours. */
  onRequest(now: Now, transaction: ReceivedRequest, request: SipRequest): boolean {
    const found = request.method === 'NOTIFY' && this.#dialogs.get(nameOf(callId(request), toTag(request) ?? ''))
    if (!found) return false
    const heard = found.heard(now, request)
    const answer = isRefusal(heard) ? heard : { status: 200 }
    this.#context.counters.count('notifies_received', `${Math.floor(answer.status / 100)}xx`)
    transaction.respond(now, respondWith(now, request, answer, token(this.#context.entropy, 80)))
    if (!isRefusal(heard)) found.told(now, heard)
    return true
  }

  describe(): object {
    return { open: this.#open }
  }
}

const NONE: OwnSubscription = { refresh() {}, end() {} }

const nameOf = (id: string, localTag: string): string => `${id}\n${localTag}`

/** Subscriptions of ours to one thing, one after the other. */
class Row implements OwnSubscription {
  readonly #context: SessionContext
  readonly #options: SubscribeOptions
  readonly #dialogs: Map<string, SubscriberDialog>
  readonly #events: SubscriberEvents
  #dialog: SubscriberDialog | undefined
  #begunAt = 0 as Instant
  #renewals = 0
  #wait: Timer | undefined
  #isOver = false

  constructor(
    context: SessionContext,
    options: SubscribeOptions,
    dialogs: Map<string, SubscriberDialog>,
    events: SubscriberEvents,
  ) {
    this.#context = context
    this.#options = options
    this.#dialogs = dialogs
    this.#events = events
  }

  begin(now: Now): void {
    this.#wait = undefined
    this.#begunAt = now.at
    const dialog = new SubscriberDialog(this.#context, this.#options, {
      onNotify: (then, notice) => this.#events.onNotify(then, notice),
      onOver: (then, end) => {
        this.#dialogs.delete(name)
        this.#dialog = undefined
        this.#ended(then, end)
      },
    })
    const name = nameOf(dialog.callId, dialog.localTag)
    this.#dialogs.set(name, dialog)
    this.#dialog = dialog
    dialog.start(now)
  }

  refresh(now: Now): void {
    this.#dialog?.refresh(now)
  }

  end(now: Now): void {
    if (this.#isOver) return
    if (this.#dialog) return this.#dialog.end(now)
    this.#context.timers.cancel(this.#wait)
    this.#isOver = true
    this.#context.timers.set('own subscription ended', now.at, then => this.#events.onEnded(then, { why: 'local' }))
  }

  #ended(now: Now, end: SubscriptionEnd): void {
    const waitS = waitOf(end)
    if (now.at - this.#begunAt >= STEADY_MS) this.#renewals = 0
    if (waitS === undefined || waitS > WAIT_MAX_S || ++this.#renewals > RENEWALS_MAX) {
      this.#isOver = true
      this.#context.log.info('own subscription ended', { event: this.#options.event, ...end })
      return this.#events.onEnded(now, end)
    }
    this.#context.counters.count('own_subscriptions_renewed')
    this.#wait = this.#context.timers.set('own subscription renewal', after(now, waitS * 1000), then =>
      this.begin(then),
    )
  }
}

/** Seconds until another subscription may be made in place of one that ended so; undefined where it is the end. */
function waitOf(end: SubscriptionEnd): number | undefined {
  if (end.why === 'expired') return WAIT_S
  // A notifier that was restarted knows no subscription of the time before.
  if (end.why === 'refused') return end.status === 481 ? WAIT_S : undefined
  if (end.why !== 'terminated' || FINAL.has(end.reason)) return undefined
  return Math.max(end.retryAfterS ?? 0, WAITS[end.reason] ?? WAIT_S)
}
