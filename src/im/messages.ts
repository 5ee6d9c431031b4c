import type { Counters } from '../base/counters.ts'
import type { Now } from '../base/time.ts'
import type { Forwarder, ForwardOutcome } from '../sip/forward.ts'
import {
  dropNetworkHeaders,
  dropOwnCredentials,
  dropOwnRoutes,
  type Origin,
  privacyRefusal,
  settleIdentity,
} from '../sip/identity.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { cloneRequest, value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { fromAddress } from '../sip-parser-lite/typed.ts'
import type { StoreClient } from '../store/verbs.ts'
import type { Admission } from './admission.ts'
import { type Answer, unavailable } from './answers.ts'
import type { Domain } from './domain.ts'
import { messageIdentity, type Sender } from './incoming.ts'
import type { PageMode } from './page-mode.ts'
import { type Reach, type Routing, reachByRoute, reachUri } from './reach.ts'
import { ensureAccount } from './registrations.ts'
import { readTerms } from './terms.ts'

type Done = (now: Now, answer: Answer | SipResponse) => void

/** Somebody else's server: as long as its own client waits (Timer F, 32 s) less what the way back takes. */
const RELAY_LIMIT_MS = 30_000

/** One user's relayed messages that wait for an answer: the transactions are everybody's. */
const RELAYS_OF_ONE_MAX = 64

/** Where a MESSAGE goes: a mailbox or contact of ours, or, for proven users of ours only, out into the world. */
export class Messages {
  readonly #store: StoreClient
  readonly #domain: Domain
  readonly #pageMode: PageMode
  readonly #forwarder: Forwarder
  readonly #routing: Routing
  readonly #counters: Counters
  readonly #relays = new Map<string, number>()
  /** Route value of the core; undefined when there is none. */
  readonly #coreRoute: string | undefined

  constructor(options: {
    store: StoreClient
    domain: Domain
    pageMode: PageMode
    forwarder: Forwarder
    routing: Routing
    counters: Counters
    coreRoute: string | undefined
  }) {
    this.#store = options.store
    this.#domain = options.domain
    this.#pageMode = options.pageMode
    this.#forwarder = options.forwarder
    this.#routing = options.routing
    this.#counters = options.counters
    this.#coreRoute = options.coreRoute
  }

  handle(now: Now, transaction: ServerTransaction, received: SipRequest, admission: Admission, done: Done): void {
    const { flow } = transaction
    const request = cloneRequest(received)
    dropOwnRoutes(request, uri => this.#domain.isOwnHost(uri.host, flow))
    dropOwnCredentials(request, this.#domain.name)
    dropNetworkHeaders(request)
    const refusal = privacyRefusal(request)
    if (refusal) return done(now, refusal)
    const sender = senderOf(request, originOf(admission))
    const terms = readTerms(request)
    const recipient = this.#domain.userOf(request.uri, flow)
    const isRoutedOn = value(request, 'route') !== undefined
    if (recipient === undefined || isRoutedOn) return this.#relay(now, request, admission, done)
    const isFromCore = admission.kind === 'peer' && this.#coreRoute !== undefined
    const incoming = { request, recipient, sender, terms, isFromCore }
    if (!isFromCore) return this.#pageMode.handle(now, incoming, done)
    ensureAccount(this.#store, recipient, (then, isThere) => {
      if (!isThere) return done(then, unavailable(5))
      this.#pageMode.handle(then, incoming, done)
    })
  }

  /** Whether exactly this message to a user of ours was taken into custody before. */
  wasKept(now: Now, { flow }: ServerTransaction, request: SipRequest, done: (now: Now, isKept: boolean) => void): void {
    const recipient = this.#domain.userOf(request.uri, flow)
    const aor = this.#domain.userOf(fromAddress(request).uri, flow)
    if (recipient === undefined || aor === undefined) return done(now, false)
    const sender = senderOf(cloneRequest(request), { kind: 'user', aor })
    this.#store.ask('seen', messageIdentity({ request, recipient, sender }), (then, result) =>
      done(then, 'value' in result && result.value),
    )
  }

  /** Nobody but a user who proved who they are sends through this box to somewhere else. */
  #relay(now: Now, request: SipRequest, admission: Admission, done: Done): void {
    if (admission.kind !== 'user' || !admission.isProven) {
      this.#counters.count('relay_refused')
      return done(now, { status: 403, reason: 'Relaying Denied' })
    }
    const underWay = this.#relays.get(admission.aor) ?? 0
    if (underWay >= RELAYS_OF_ONE_MAX) return done(now, unavailable(5))
    this.#relays.set(admission.aor, underWay + 1)
    const finish: Done = (then, answer) => {
      const left = (this.#relays.get(admission.aor) ?? 1) - 1
      if (left > 0) this.#relays.set(admission.aor, left)
      else this.#relays.delete(admission.aor)
      done(then, answer)
    }
    this.#relayOn(now, request, finish)
  }

  #relayOn(now: Now, request: SipRequest, done: Done): void {
    const routes = values(request, 'route')
    const way = routes.length > 0 ? routes : this.#coreRoute !== undefined ? [this.#coreRoute] : undefined
    const reached = (then: Now, reach: Reach | undefined): void => {
      if (reach) this.#relayTo(then, request, reach, done)
      else done(then, { status: 480, reason: 'No Way to That Domain' })
    }
    if (way) reachByRoute(now, this.#routing, request.uri, way, reached)
    else reachUri(now, this.#routing, request.uri, reached)
  }

  /** RFC 3263 4.3: a server that is not there or says 503 is passed over for the next. */
  #relayTo(now: Now, request: SipRequest, reach: Reach, done: Done): void {
    this.#forwarder.forward(now, request, [reach], RELAY_LIMIT_MS, {
      onAnswer: (then, answer, [outcome]) => {
        const [to, ...others] = reach.others ?? []
        if (to && outcome && isDead(outcome)) return this.#relayTo(then, request, { ...reach, to, others }, done)
        done(then, answer === 'no answer' ? { status: 504 } : answer)
      },
    })
  }
}

const isDead = (outcome: ForwardOutcome): boolean =>
  outcome.kind === 'unreachable' || (outcome.kind === 'answered' && outcome.response.status === 503)

const senderOf = (request: SipRequest, origin: Origin): Sender => ({
  name: settleIdentity(request, origin).name,
  isProven: origin.kind !== 'stranger',
})

/** Where digest is off a local identity is claimed, not proven, and nothing is asserted for it. */
const originOf = (admission: Admission): Origin =>
  admission.kind === 'peer'
    ? { kind: 'peer' }
    : admission.kind === 'user' && admission.isProven
      ? { kind: 'user', aor: admission.aor }
      : { kind: 'stranger' }
