import type { Counters } from '../base/counters.ts'
import { Tally } from '../base/tally.ts'
import type { Now } from '../base/time.ts'
import { has, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { Admission } from './admission.ts'
import { type Answer, unavailable } from './answers.ts'
import { type Reach, type Routing, reachByRoute, reachUri } from './reach.ts'

/** One user's relayed requests that wait for an answer: the transactions are everybody's. */
const RELAYS_OF_ONE_MAX = 64

type Leaving =
  /** `over` is called once, when the request has its answer. */
  { readonly reach: Reach; over(): void } | { readonly refusal: Answer }

const NO_WAY = { refusal: { status: 480, reason: 'No Way to That Domain' } }

/** The way of a request to somewhere else, for those who may use this box for it. */
export class Outward {
  readonly #routing: Routing
  readonly #counters: Counters
  readonly #relays = new Tally()
  /** Route value of the core; undefined when there is none. */
  readonly #coreRoute: string | undefined

  constructor(options: { routing: Routing; counters: Counters; coreRoute: string | undefined }) {
    this.#routing = options.routing
    this.#counters = options.counters
    this.#coreRoute = options.coreRoute
  }

  /**
   * Nobody but a user who proved who they are sends through this box to somewhere else; and the core, by the way that it says, where the
   * box stands in the way of a message as its application server.
   */
  leave(now: Now, request: SipRequest, admission: Admission, done: (now: Now, leaving: Leaving) => void): void {
    if (admission.kind === 'peer' && this.#coreRoute !== undefined && has(request, 'route'))
      return this.#way(now, request, (then, reach) => done(then, reach ? { reach, over() {} } : NO_WAY))
    if (admission.kind !== 'user' || !admission.isProven) {
      this.#counters.count('relay_refused')
      return done(now, { refusal: { status: 403, reason: 'Relaying Denied' } })
    }
    const { aor } = admission
    if (this.#relays.of(aor) >= RELAYS_OF_ONE_MAX) return done(now, { refusal: unavailable(5) })
    this.#relays.add(aor)
    this.#way(now, request, (then, reach) => {
      if (reach) return done(then, { reach, over: () => this.#relays.remove(aor) })
      this.#relays.remove(aor)
      done(then, NO_WAY)
    })
  }

  #way(now: Now, request: SipRequest, done: (now: Now, reach: Reach | undefined) => void): void {
    const routes = values(request, 'route')
    const way = routes.length > 0 ? routes : this.#coreRoute !== undefined ? [this.#coreRoute] : undefined
    if (way) reachByRoute(now, this.#routing, request.uri, way, done)
    else reachUri(now, this.#routing, request.uri, done)
  }
}
