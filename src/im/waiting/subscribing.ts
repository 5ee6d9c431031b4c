import type { Log } from '../../base/log.ts'
import { after, type Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import type { SavedSubscription, SubscriptionKeeper } from '../../sip/subscription-types.ts'
import type { Subscriptions } from '../../sip/subscriptions.ts'
import type { ServerTransaction } from '../../sip/transaction/server-transaction.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { toTag } from '../../sip-parser-lite/typed.ts'
import type { KeptSubscription, StoreClient } from '../../store/verbs.ts'
import { ensureAccount } from '../accounts.ts'
import type { Admission } from '../admission.ts'
import type { Refuse } from '../answers.ts'
import type { Domain } from '../domain.ts'
import { servedUser } from '../served-user.ts'

/** More than the box has at a time, as one that has ended may still be on its way out. */
const KEPT_MAX = 25_000
const RESTORE_PAGE = 256
const RESTORE_AGAIN_MS = 5000

/** SUBSCRIBE (RFC 6665): who speaks, and whose state it is. What they may know of it the package of its event says. */
export class Subscribing {
  readonly #subscriptions: Subscriptions
  readonly #domain: Domain
  readonly #store: StoreClient
  readonly #timers: Timers
  readonly #log: Log
  readonly #hasCore: boolean

  constructor(options: {
    subscriptions: Subscriptions
    domain: Domain
    store: StoreClient
    timers: Timers
    log: Log
    hasCore: boolean
  }) {
    this.#subscriptions = options.subscriptions
    this.#domain = options.domain
    this.#store = options.store
    this.#timers = options.timers
    this.#log = options.log
    this.#hasCore = options.hasCore
  }

  /** Goes on with the subscriptions of the run before. */
  start(_now: Now): void {
    this.#restore(undefined)
  }

  /** `refuse` is called for what never comes to the subscriptions; they answer the rest themselves. */
  handle(now: Now, transaction: ServerTransaction, request: SipRequest, admission: Admission, refuse: Refuse): void {
    const { flow } = transaction
    const subscriber = servedUser(admission, request, this.#domain, flow)
    if (subscriber === undefined) return refuse(now, { status: 403 })
    if (toTag(request) !== undefined) {
      this.#subscriptions.onRequest(now, transaction, request, subscriber)
      return
    }
    const resource = this.#domain.userOf(request.uri, flow)
    if (resource === undefined) return refuse(now, { status: this.#domain.isBox(request.uri, flow) ? 404 : 403 })
    const subscribe = (then: Now): void =>
      this.#subscriptions.onSubscribe(then, transaction, request, { subscriber, resource })
    if (admission.kind !== 'peer' || !this.#hasCore || subscriber !== resource) return subscribe(now)
    ensureAccount(this.#store, resource, (then, refusal) => (refusal ? refuse(then, refusal) : subscribe(then)))
  }

  #restore(afterId: string | undefined): void {
    const request = afterId === undefined ? { limit: RESTORE_PAGE } : { after: afterId, limit: RESTORE_PAGE }
    this.#store.ask('subscription.list', request, (now, result) => {
      if ('failure' in result) {
        this.#timers.set('restore subscriptions', after(now, RESTORE_AGAIN_MS), () => this.#restore(afterId))
        return
      }
      for (const kept of result.value) this.#restoreOne(now, kept)
      if (result.value.length === RESTORE_PAGE) this.#restore(result.value.at(-1)!.id)
    })
  }

  #restoreOne(now: Now, { id, value }: KeptSubscription): void {
    const saved = readSaved(value)
    if (saved) return this.#subscriptions.restore(now, saved)
    this.#log.warn('a kept subscription cannot be read', { id })
    this.#store.ask('subscription.remove', { id }, () => {})
  }
}

/** Of this version, or of another with other fields. */
function readSaved(value: string): SavedSubscription | undefined {
  try {
    return JSON.parse(value) as SavedSubscription
  } catch {
    return undefined
  }
}

/** What the subscriptions need, said in verbs of the store. */
export const storedSubscriptions = (store: StoreClient): SubscriptionKeeper => ({
  put: (_now, saved, done) =>
    store.ask('subscription.put', { id: saved.id, value: JSON.stringify(saved), max: KEPT_MAX }, then => done(then)),
  remove: (_now, id) => store.ask('subscription.remove', { id }, () => {}),
})
