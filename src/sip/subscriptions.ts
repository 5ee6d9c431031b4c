import { randomBelow, token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import { values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { callId, cseq, fromTag, toTag } from '../sip-parser-lite/typed.ts'
import type { DialogState, Header } from './dialog.ts'
import { allowEvents, comeBack } from './event-header.ts'
import { methodNotTaken } from './inspect.ts'
import { targetOfCaller } from './peer-side.ts'
import { isRefusal, type Refusal, respondWith } from './refusal.ts'
import { RequestRate } from './request-rate.ts'
import { leniently } from './session-headers.ts'
import { Subscription } from './subscription.ts'
import { type AskedSubscription, dialogOf, readSubscribe } from './subscription-ask.ts'
import { SubscriptionTable } from './subscription-table.ts'
import type {
  EventPackage,
  SavedSubscription,
  SubscriptionLimits,
  SubscriptionParts,
  TerminationReason,
} from './subscription-types.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'

/**
 * 10,000 users with one or two each, some 2 KB apiece. A person has up to 16 devices, and as many may watch one thing of somebody. A
 * device that starts anew subscribes to everything at once and then refreshes a few times an hour; one that loops gets an answer
 * each second, and a short refusal otherwise.
 */
export const SUBSCRIPTION_LIMITS: SubscriptionLimits = {
  total: 20_000,
  perResource: 16,
  perSubscriber: 32,
  burst: 40,
  intervalMs: 1000,
}

/** Seconds: until a place may be free, of those that nobody refreshes. */
const FULL_RETRY_S = 60
/** After a restart the NOTIFYs are spread over this time, so that a box just up has time for its users. */
const RESTORE_SPREAD_MS = 30_000
const TAG_BITS = 80
/** What a subscription has no use for, because there is no session (RFC 5057 5.1). */
const OF_OTHER_USAGES = new Set(['INVITE', 'BYE', 'UPDATE', 'INFO', 'PRACK', 'NOTIFY'])

type SubscribeTransaction = Pick<ServerTransaction, 'flow' | 'respond'>

/** Who asks, as admitted, and for what: an address-of-record, or any name that packages understand. */
interface Subscribing {
  readonly subscriber: string
  readonly resource: string
}

/** What a request other than SUBSCRIBE subscribes its sender to. */
interface Implied extends Subscribing {
  readonly event: string
  readonly expiresS: number
  readonly note: string
}

/** RFC 6665: the notifier of every event package that is registered with it. */
export class Subscriptions {
  readonly #parts: SubscriptionParts
  readonly #limits: SubscriptionLimits
  readonly #packages = new Map<string, EventPackage>()
  readonly #table = new SubscriptionTable()
  readonly #rate: RequestRate

  constructor(parts: SubscriptionParts) {
    this.#parts = parts
    this.#limits = parts.limits ?? SUBSCRIPTION_LIMITS
    this.#rate = new RequestRate(this.#limits.burst, this.#limits.intervalMs)
  }

  /** Before the first input. */
  register(eventPackage: EventPackage): void {
    this.#packages.set(eventPackage.event, eventPackage)
  }

  /** Value of Allow-Events. */
  get events(): string {
    return [...this.#packages.keys()].join(', ')
  }

  /** A SUBSCRIBE without To tag whose sender is admitted. Answered once, now or later. */
  onSubscribe(
    now: Now,
    transaction: SubscribeTransaction,
    request: SipRequest,
    { subscriber, resource }: Subscribing,
  ): void {
    const refuse = (then: Now, refusal: Refusal): void => this.#refuse(then, transaction, request, refusal)
    const waitS = this.#rate.take(now, subscriber)
    if (waitS > 0) return refuse(now, comeBack(waitS))
    const ask = readSubscribe(request, this.#packages)
    if (isRefusal(ask)) return refuse(now, ask)
    const dialog = dialogOf(request, token(this.#parts.entropy, TAG_BITS))
    if (isRefusal(dialog)) return refuse(now, dialog)
    const twin = this.#twin(ask, dialog, subscriber, resource)
    if (twin && cseq(request).seq <= (twin.dialog.state.remoteSeq ?? 0))
      return this.#repeat(now, transaction, request, twin)
    if (twin?.phase !== 'ending') twin?.drop(now)
    const full = this.#makeRoom(now, ask.package.event, dialog, { subscriber, resource })
    if (full) return refuse(now, full)
    const subscription = this.#add({ ...ask, note: '' }, dialog, transaction.flow, request, { subscriber, resource })
    const asked = {
      event: subscription.event,
      resource: subscription.resource,
      subscriber: subscription.subscriber,
      request,
    }
    ask.package.authorise(now, asked, (then, decision) => {
      if (subscription.phase === 'starting' && typeof decision === 'string')
        return this.#authorised(then, transaction, request, { subscription, ask, state: decision })
      subscription.drop(then)
      refuse(then, typeof decision === 'string' ? comeBack(1) : decision)
    })
  }

  /**
   * A subscription without a SUBSCRIBE (RFC 3515 2.4.4), in the dialog that `request` makes; active. `done` comes once: when it
   * survives a restart, to be answered with its id as To tag and then begun; or why there is none.
   */
  establish(
    now: Now,
    flow: Flow,
    request: SipRequest,
    { event, expiresS, note, ...who }: Implied,
    done: (now: Now, made: Subscription | Refusal) => void,
  ): void {
    const served = this.#packages.get(event)!
    const dialog = dialogOf(request, token(this.#parts.entropy, TAG_BITS))
    if (isRefusal(dialog)) return done(now, dialog)
    const full = this.#makeRoom(now, event, dialog, who)
    if (full) return done(now, full)
    const asked = { package: served, eventHeader: event, accept: served.accept, asked: '', note }
    const subscription = this.#add(asked, dialog, flow, request, who)
    subscription.grant(now, 'active', expiresS, then => {
      if (!subscription.isLive) return done(then, comeBack(1))
      this.#parts.counters.count('subscriptions_made')
      done(then, subscription)
    })
  }

  /**
   * A request with a To tag. True if it is answered: it belongs to a subscription, or is a SUBSCRIBE that belongs to none. With
   * `subscriber`, who sent it as admitted, nobody else refreshes a subscription.
   */
  onRequest(now: Now, transaction: SubscribeTransaction, request: SipRequest, subscriber?: string): boolean {
    const found = this.#table.find(callId(request), toTag(request) ?? '', fromTag(request) ?? '')
    const isSubscribe = request.method === 'SUBSCRIBE'
    if (!found && !isSubscribe) return false
    const answer = found ? this.#inDialog(now, transaction, request, found, subscriber) : { status: 481 }
    if (answer) this.#refuse(now, transaction, request, answer)
    return true
  }

  /** What is to be said of that resource is another than before. */
  changed(now: Now, event: string, resource: string): void {
    for (const subscription of this.#table.about(event, resource)) subscription.changed(now)
  }

  /** Whether anybody is told of it. */
  isWatched(event: string, resource: string): boolean {
    return this.#table.about(event, resource).length > 0
  }

  /** A decision was made for those that are pending. */
  approve(now: Now, event: string, resource: string, subscriber: string): void {
    for (const subscription of this.#table.about(event, resource))
      if (subscription.subscriber === subscriber) subscription.approve(now)
  }

  /** RFC 6665 4.1.3, e.g. `noresource` when the account is removed. `subscriber`: theirs only. */
  end(
    now: Now,
    event: string,
    resource: string,
    why: { readonly reason: TerminationReason; readonly retryAfterS?: number; readonly subscriber?: string },
  ): void {
    for (const subscription of this.#table.about(event, resource)) {
      if (why.subscriber !== undefined && why.subscriber !== subscription.subscriber) continue
      this.#parts.counters.count('subscriptions_ended', why.reason)
      subscription.end(now, why.reason, why.retryAfterS)
    }
  }

  /** Goes on with a subscription of the run before, if there is still something to go on with; else it is removed where it is kept. */
  restore(now: Now, saved: SavedSubscription): void {
    const served = this.#packages.get(saved.event)
    const leftMs = Math.min(saved.expiresAt - now.wall, (served?.maxExpiresS ?? 0) * 1000)
    const isWanted = served && leftMs > 0 && this.#table.size < this.#limits.total
    const subscription = isWanted ? leniently(() => this.#made({ ...saved, package: served })) : undefined
    this.#parts.counters.count('subscriptions_restored', subscription ? 'restored' : 'dropped')
    if (!subscription) return this.#parts.keeper.remove(now, saved.id)
    this.#table.add(subscription)
    subscription.resume(now, saved, leftMs, randomBelow(this.#parts.entropy, RESTORE_SPREAD_MS))
  }

  describe(): { total: number; events: Record<string, number> } {
    const events: Record<string, number> = {}
    for (const { event } of this.#table.values()) events[event] = (events[event] ?? 0) + 1
    return { total: this.#table.size, events }
  }

  // a new one

  #add(
    ask: Omit<AskedSubscription, 'expiresS'> & { readonly note: string },
    dialog: DialogState,
    flow: Flow,
    request: SipRequest,
    who: Subscribing,
  ): Subscription {
    const subscription = this.#made({
      ...ask,
      ...who,
      dialog,
      target: targetOfCaller(request, flow),
      contact: this.#parts.contactUri(flow),
    })
    this.#table.add(subscription)
    return subscription
  }

  #made(origin: ConstructorParameters<typeof Subscription>[1]): Subscription {
    const subscription: Subscription = new Subscription(this.#parts, origin, () => this.#table.remove(subscription))
    return subscription
  }

  /** The same SUBSCRIBE by another way, or a subscriber that never heard our answer and begins anew. */
  #twin(ask: AskedSubscription, dialog: DialogState, subscriber: string, resource: string): Subscription | undefined {
    return this.#table
      .of(subscriber)
      .findLast(
        one =>
          one.dialog.callId === dialog.callId &&
          one.dialog.remoteTag === dialog.remoteTag &&
          one.resource === resource &&
          one.eventHeader === ask.eventHeader,
      )
  }

  /** RFC 3261 8.2.2.2: the same dialog again, or 482 where there is none yet or any more. */
  #repeat(now: Now, transaction: SubscribeTransaction, request: SipRequest, twin: Subscription): void {
    const isSame = cseq(request).seq === twin.dialog.state.remoteSeq
    if (!isSame || !twin.isLive) return this.#refuse(now, transaction, request, { status: isSame ? 482 : 500 })
    this.#accept(now, transaction, request, twin, twin.leftS(now))
  }

  #makeRoom(
    now: Now,
    event: string,
    { remoteTarget }: DialogState,
    { subscriber, resource }: Subscribing,
  ): Refusal | undefined {
    const { total, perResource, perSubscriber } = this.#limits
    const isRoom = (pool: () => readonly Subscription[], max: number): boolean => {
      const found = pool()
      if (found.length < max) return true
      const isOwn = (one: Subscription): boolean =>
        one.subscriber === subscriber && one.resource === resource && one.event === event
      const left = found.find(one => isOwn(one) && one.dialog.remoteTarget === remoteTarget) ?? leftBehind(found)
      if (!left) return false
      this.#parts.counters.count('subscriptions_ended', 'displaced')
      left.drop(now)
      return true
    }
    const hasRoom =
      isRoom(() => this.#table.about(event, resource), perResource) &&
      isRoom(() => this.#table.of(subscriber), perSubscriber) &&
      this.#table.size < total
    return hasRoom ? undefined : comeBack(FULL_RETRY_S)
  }

  #authorised(
    now: Now,
    transaction: SubscribeTransaction,
    request: SipRequest,
    granted: {
      readonly subscription: Subscription
      readonly ask: AskedSubscription
      readonly state: 'active' | 'pending'
    },
  ): void {
    const { subscription, ask, state } = granted
    if (ask.expiresS === 0) {
      this.#parts.counters.count('subscriptions_fetched')
      this.#accept(now, transaction, request, subscription, 0)
      return subscription.fetch(now, state)
    }
    subscription.grant(now, state, ask.expiresS, then => {
      if (!subscription.isLive) return this.#refuse(then, transaction, request, comeBack(1))
      this.#parts.counters.count('subscriptions_made')
      this.#accept(then, transaction, request, subscription, ask.expiresS)
      subscription.begin(then)
    })
  }

  // within a dialog

  /** What stands against it; undefined when it was answered. */
  #inDialog(
    now: Now,
    transaction: SubscribeTransaction,
    request: SipRequest,
    subscription: Subscription,
    subscriber: string | undefined,
  ): Refusal | undefined {
    if (!subscription.isLive) return { status: 481 }
    if (!subscription.dialog.accept(request)) return { status: 500 }
    const { method } = request
    if (OF_OTHER_USAGES.has(method)) return { status: 481 }
    if (method !== 'SUBSCRIBE' && method !== 'OPTIONS') return methodNotTaken(method, ALLOW[1])
    const required = values(request, 'require')
    if (required.length > 0) return { status: 420, headers: [['Unsupported', required.join(', ')]] }
    if (method === 'OPTIONS') return { status: 200, headers: [ALLOW] }
    if (subscriber !== undefined && subscriber !== subscription.subscriber) return { status: 403 }
    return this.#again(now, transaction, request, subscription)
  }

  /** RFC 6665 4.2.1.2 and 4.2.1.4: a refresh, or its end. Another event has a dialog of its own (RFC 6665 4.5.2). */
  #again(
    now: Now,
    transaction: SubscribeTransaction,
    request: SipRequest,
    subscription: Subscription,
  ): Refusal | undefined {
    const ask = readSubscribe(request, this.#packages)
    if (isRefusal(ask)) return ask
    if (ask.eventHeader !== subscription.eventHeader) return { status: 481 }
    const waitS = ask.expiresS === 0 ? 0 : this.#rate.take(now, subscription.subscriber)
    if (waitS > 0) return comeBack(waitS)
    this.#accept(now, transaction, request, subscription, ask.expiresS)
    if (ask.expiresS > 0) {
      this.#parts.counters.count('subscriptions_refreshed')
      subscription.refresh(now, ask, request, transaction.flow)
    } else {
      this.#parts.counters.count('subscriptions_ended', 'unsubscribed')
      subscription.end(now, 'timeout')
    }
    return undefined
  }

  // answers

  #accept(
    now: Now,
    transaction: SubscribeTransaction,
    request: SipRequest,
    { id }: Subscription,
    expiresS: number,
  ): void {
    const headers: Header[] = [
      ['Expires', String(expiresS)],
      ['Contact', `<${this.#parts.contactUri(transaction.flow)}>`],
      allowEvents(this.#packages),
    ]
    const response = respondWith(now, request, { status: 200, headers }, id)
    response.headers.push(...request.headers.filter(({ key }) => key === 'record-route'))
    transaction.respond(now, response)
  }

  #refuse(now: Now, transaction: SubscribeTransaction, request: SipRequest, refusal: Refusal): void {
    if (request.method === 'SUBSCRIBE') this.#parts.counters.count('subscriptions_refused', String(refusal.status))
    transaction.respond(now, respondWith(now, request, refusal, token(this.#parts.entropy, TAG_BITS)))
  }
}

/**
 * A device that was restarted leaves a subscription behind that nobody refreshes. Where there is no room it is given up, known by
 * its connection that is gone, or by a later one of the same Contact.
 */
function leftBehind(pool: readonly Subscription[]): Subscription | undefined {
  const live = pool.filter(one => one.isLive)
  const isSucceeded = (one: Subscription, index: number): boolean =>
    live.some(
      (later, at) =>
        at > index &&
        later.subscriber === one.subscriber &&
        later.event === one.event &&
        later.resource === one.resource &&
        later.dialog.remoteTarget === one.dialog.remoteTarget,
    )
  return live.find(one => one.isCutOff) ?? live.find(isSucceeded)
}

const ALLOW: Header = ['Allow', 'SUBSCRIBE, OPTIONS']
