import type { Counters } from '../../base/counters.ts'
import type { Flow } from '../../base/flow.ts'
import type { Now } from '../../base/time.ts'
import { MESSAGE_SUMMARY, summaryCounts } from '../../content/message-summary.ts'
import { type Binding, currentBindings } from '../../sip/binding.ts'
import type { SessionContext } from '../../sip/session-types.ts'
import { notifyUnsolicited } from '../../sip/subscription-unsolicited.ts'
import type { Subscriptions } from '../../sip/subscriptions.ts'
import type { Hop } from '../../sip/transport.ts'
import type { StoreClient } from '../../store/verbs.ts'
import type { OwnAddresses } from '../own-addresses.ts'
import { type Reach, type Routing, reachBinding, reachByRoute } from '../reach.ts'
import { MESSAGE_SUMMARY_EVENT } from './waiting.ts'

/** Users being told at a time; those beyond are told with the next change or registration. */
const RUNNING_MAX = 1000

interface UnsolicitedParts {
  readonly store: StoreClient
  readonly subscriptions: Subscriptions
  readonly context: SessionContext
  readonly routing: Routing
  readonly own: OwnAddresses
  readonly counters: Counters
  readonly coreRoute: string | undefined
  readonly storeUri: string
}

/** `mwi.unsolicited`: NOTIFY with the counts to phones that show what waits though they never subscribe. */
export class Unsolicited {
  readonly #parts: UnsolicitedParts
  /** Whether something changed while the user is told. */
  readonly #running = new Map<string, boolean>()

  constructor(parts: UnsolicitedParts) {
    this.#parts = parts
  }

  /** Every contact of the user; with `binding` that one alone. Whoever subscribed is told by that. */
  tell(now: Now, aor: string, binding?: Binding): void {
    const { subscriptions, counters } = this.#parts
    if (subscriptions.isWatched(MESSAGE_SUMMARY_EVENT, aor)) return
    if (this.#running.has(aor)) {
      this.#running.set(aor, true)
      return
    }
    if (this.#running.size >= RUNNING_MAX) return counters.count('notifies_unsolicited', 'too many')
    this.#running.set(aor, false)
    this.#read(now, aor, binding)
  }

  #read(_now: Now, aor: string, binding: Binding | undefined): void {
    const { store } = this.#parts
    store.ask('summary', { aor }, (now, counts) => {
      if ('failure' in counts) return this.#over(now, aor)
      const body = summaryCounts(aor, counts.value)
      if (binding) return this.#toAll(now, aor, [binding], body)
      store.ask('bindings.get', { aor }, (then, result) => {
        const bindings = 'failure' in result ? [] : currentBindings(result.value.bindings, then)
        this.#toAll(then, aor, bindings, body)
      })
    })
  }

  #toAll(now: Now, aor: string, bindings: readonly Binding[], body: Buffer): void {
    let left = bindings.length
    if (left === 0) return this.#over(now, aor)
    for (const binding of bindings)
      this.#toOne(now, aor, binding, body, then => {
        if (--left === 0) this.#over(then, aor)
      })
  }

  #toOne(now: Now, aor: string, binding: Binding, body: Buffer, done: (now: Now) => void): void {
    const { routing, coreRoute, own, context, storeUri } = this.#parts
    const begin = (then: Now, reach: Reach | undefined): void => {
      if (!reach) return done(then)
      const notify = {
        ...reach,
        event: MESSAGE_SUMMARY_EVENT,
        recipient: `<${aor}>`,
        sender: `<${storeUri}>`,
        contact: own.contactUri(reach.to as Flow | Hop),
        body: { contentType: MESSAGE_SUMMARY, body },
      }
      notifyUnsolicited(then, context, notify, done)
    }
    if (coreRoute === undefined) reachBinding(now, routing, binding, begin)
    else reachByRoute(now, routing, aor, [coreRoute], begin)
  }

  #over(now: Now, aor: string): void {
    const isChanged = this.#running.get(aor)
    this.#running.delete(aor)
    if (isChanged) this.tell(now, aor)
  }
}
