import type { Counters } from '../base/counters.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import { type Binding, currentBindings } from '../sip/binding.ts'
import type { ForwardTarget } from '../sip/forward.ts'
import type { InviteRelay } from '../sip/invite-relay.ts'
import { isRefusal, orRefusal } from '../sip/refusal.ts'
import type { RelayEvents, RelayedMedia } from '../sip/relay-types.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { callId } from '../sip-parser-lite/typed.ts'
import type { StoreClient } from '../store/verbs.ts'
import { ensureAccount } from './accounts.ts'
import type { Admission } from './admission.ts'
import { type Answer, unavailable } from './answers.ts'
import { type Arrival, arrivalOf } from './arrival.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { Domain } from './domain.ts'
import type { Fetching } from './fetch/fetching.ts'
import type { HistoryDesk, Located, Said } from './history/history-desk.ts'
import { type InviteKind, inviteKind, type MessageOffer } from './invite-kind.ts'
import type { JoinedSessions } from './joined/joined-sessions.ts'
import type { LargeMessages } from './large/large-messages.ts'
import type { Outward } from './outward.ts'
import { isKeptAfter } from './page-mode.ts'
import type { Reach, Routing } from './reach.ts'
import { targetsOf } from './targets.ts'
import { readTerms, type Terms } from './terms.ts'

/** A client may ask its user, who may be slow to look; after it a large message is kept and comes again later. */
const RING_LIMIT_MS = 30_000

/** A conversation may ring as long as a phone does: Timer C (RFC 3261 16.6 step 11). */
const CALL_LIMIT_MS = 180_000

/** A phone that knows no MSRP says so; where there is no other, the message goes another way (RFC 3261 21.4, 21.5). */
const UNABLE = new Set([405, 415, 420, 488, 501])

const isInstantMessaging = (binding: Binding): boolean => binding.isInstantMessaging

type Done = (now: Now, answer: Answer | SipResponse) => void

/** One INVITE while it is decided what becomes of it. */
interface Invited extends Arrival {
  readonly transaction: ServerTransaction
  readonly received: SipRequest
  readonly recipient: string
  readonly wants: InviteKind
  readonly terms: Terms
  readonly isFromCore: boolean
  /** For histories, and what of them is wanted. */
  readonly said?: Said
  readonly located: Located
  readonly done: Done
}

/** What histories may want of an INVITE. */
interface Recorded {
  readonly said: Said | undefined
  readonly wants: InviteKind['kind']
}

/** An INVITE on its way out. */
interface Relayed {
  readonly transaction: ServerTransaction
  readonly request: SipRequest
  readonly targets: readonly ForwardTarget[]
  readonly limitMs: number
  readonly media: RelayedMedia | undefined
  readonly done: Done
}

/**
 * INVITEs from outside a dialog: to the contacts of a user who is there, into custody for one who is not if it carries large messages,
 * out into the world for users of ours (docs/protocol.md). A conversation is never answered in place of somebody (DM-DEC-06).
 */
export class Invitations {
  readonly #store: StoreClient
  readonly #domain: Domain
  readonly #large: LargeMessages
  readonly #fetches: readonly Fetching[]
  readonly #relay: InviteRelay
  readonly #outward: Outward
  readonly #routing: Routing
  readonly #delivery: Delivery
  readonly #history: HistoryDesk
  readonly #joined: JoinedSessions
  readonly #counters: Counters
  readonly #log: Log
  readonly #storeUri: string
  readonly #hasCore: boolean
  readonly #isLenient: boolean

  constructor(options: {
    store: StoreClient
    domain: Domain
    large: LargeMessages
    fetches: readonly Fetching[]
    inviteRelay: InviteRelay
    outward: Outward
    routing: Routing
    delivery: Delivery
    historyDesk: HistoryDesk
    joined: JoinedSessions
    counters: Counters
    log: Log
    storeUri: string
    hasCore: boolean
    isLenient: boolean
  }) {
    this.#store = options.store
    this.#domain = options.domain
    this.#large = options.large
    this.#fetches = options.fetches
    this.#relay = options.inviteRelay
    this.#outward = options.outward
    this.#routing = options.routing
    this.#delivery = options.delivery
    this.#history = options.historyDesk
    this.#joined = options.joined
    this.#counters = options.counters
    this.#log = options.log
    this.#storeUri = options.storeUri
    this.#hasCore = options.hasCore
    this.#isLenient = options.isLenient
  }

  /** Whether a function of the box, and no user, is reached at that address. */
  isFunction(aor: string): boolean {
    return this.#fetchAt(aor) !== undefined
  }

  /** `done` gives our answer or that of somebody else; it is not called where the answer was given already. */
  handle(now: Now, transaction: ServerTransaction, received: SipRequest, admission: Admission, done: Done): void {
    const { flow } = transaction
    const arrival = arrivalOf(received, flow, admission, this.#domain)
    if ('refusal' in arrival) return done(now, arrival.refusal)
    const { request, recipient } = arrival
    const fetching = recipient !== undefined && this.#fetchAt(recipient)
    if (fetching) return fetching.handle(now, transaction, received, admission, done)
    const wants = inviteKind(request, this.#isLenient)
    const terms = readTerms(request)
    this.#counters.count('invites', wants.kind)
    const said = this.#history.said(now, received, arrival, admission, flow)
    if (recipient === undefined) {
      if (this.#domain.isBox(request.uri, flow)) return done(now, { status: 404 })
      return this.#leave(now, transaction, request, admission, { said, wants: wants.kind }, done)
    }
    const isFromCore = admission.kind === 'peer' && this.#hasCore
    const invited = {
      ...arrival,
      transaction,
      received,
      recipient,
      wants,
      terms,
      isFromCore,
      done,
      ...(said && { said }),
      located: {},
    }
    if (!isFromCore) return this.#locate(invited)
    ensureAccount(this.#store, recipient, (then, refusal) => {
      if (refusal) done(then, refusal)
      else this.#locate(invited)
    })
  }

  #fetchAt(aor: string): Fetching | undefined {
    return this.#fetches.find(each => each.isFor(aor))
  }

  #locate(invited: Invited): void {
    const { recipient, done } = invited
    const sender = invited.said?.sender
    this.#store.ask('locate', { aor: recipient, ...(sender !== undefined && { sender }) }, (now, result) => {
      if ('failure' in result) return done(now, unavailable(5))
      const { isKnown, bindings } = result.value
      if (!isKnown && !invited.isFromCore) return done(now, { status: 404 })
      const present = currentBindings(bindings, now)
      this.#located(now, { ...invited, located: result.value }, present)
    })
  }

  #located(now: Now, invited: Invited, present: readonly Binding[]): void {
    // The core came here because it found the user absent or out of reach.
    if (present.length === 0 || invited.isFromCore) return this.#absent(now, invited)
    targetsOf(now, this.#routing, present, (then, targets) => {
      if (targets.length === 0) this.#absent(then, invited)
      else this.#ring(then, invited, targets, present.some(isInstantMessaging))
    })
  }

  /** MSRP flows end to end, and only the signalling passes through here; but for those who want it in their history. */
  #ring(now: Now, invited: Invited, targets: readonly ForwardTarget[], hasMessenger: boolean): void {
    const { transaction, request, wants, done } = invited
    const limitMs = wants.kind === 'large message' ? RING_LIMIT_MS : CALL_LIMIT_MS
    const { said, located } = invited
    const media = this.#joined.join(said, located, wants.kind, transaction.flow)
    this.#send(
      now,
      { transaction, request, targets, limitMs, media, done },
      {
        onAnswered: () => this.#counters.count('invites_relayed', 'answered'),
        onCancelled: () => this.#counters.count('invites_relayed', 'cancelled'),
        onFailed: (then, answer) => {
          const status = answer === 'no answer' ? 408 : answer.status
          this.#counters.count('invites_relayed', 'failed')
          const cannot = !hasMessenger && UNABLE.has(status)
          if (wants.kind !== 'large message' || !(cannot || isKeptAfter(status)))
            return done(then, answer === 'no answer' ? { status } : answer)
          this.#log.info('receiver out of reach', { call_id: callId(request), status })
          this.#keep(then, invited, wants.offer, cannot ? 'absent' : 'out of reach')
        },
      },
    )
  }

  /** DM-DEC-06: what is no message is not kept, and nobody is answered for. */
  #absent(now: Now, invited: Invited): void {
    const { wants, done } = invited
    if (wants.kind === 'large message') return this.#keep(now, invited, wants.offer, 'absent')
    if (wants.kind === 'unusable large message') return done(now, this.#asStore(this.#large.unusable(wants.why)))
    done(now, { status: 480 })
  }

  #keep(now: Now, invited: Invited, offer: MessageOffer, why: 'absent' | 'out of reach'): void {
    const { transaction, recipient } = invited
    const refuse = (then: Now, answer: Answer): void => invited.done(then, this.#asStore(answer))
    this.#large.take(now, transaction, { ...invited, offer }, refuse, then => {
      if (why === 'absent') this.#delivery.pushNow(recipient)
      else this.#delivery.pushLater(then, recipient)
    })
  }

  /** DM-INV-09: who refuses in place of the recipient is the store. */
  #asStore(answer: Answer): Answer {
    return { ...answer, headers: [...(answer.headers ?? []), ['P-Asserted-Identity', `<${this.#storeUri}>`]] }
  }

  #leave(
    now: Now,
    transaction: ServerTransaction,
    request: SipRequest,
    admission: Admission,
    recorded: Recorded,
    done: Done,
  ): void {
    this.#outward.leave(now, request, admission, (then, leaving) => {
      if ('refusal' in leaving) return done(then, leaving.refusal)
      const finish: Done = (later, answer) => {
        leaving.over()
        done(later, answer)
      }
      this.#joinLeaving(then, transaction, recorded, (later, media) => {
        this.#relayTo(later, { transaction, request, media, done: finish }, leaving.reach, leaving.over)
      })
    })
  }

  /** Whoever calls somebody elsewhere may have a history too; for nobody else it is looked up. */
  #joinLeaving(
    now: Now,
    { flow }: ServerTransaction,
    { said, wants }: Recorded,
    done: (now: Now, media: RelayedMedia | undefined) => void,
  ): void {
    const aor = said?.receiver ?? said?.sender
    if (!said || aor === undefined) return done(now, undefined)
    const { sender } = said
    this.#store.ask('locate', { aor, ...(sender !== undefined && { sender }) }, (then, result) => {
      if ('failure' in result) this.#counters.count('history_not_recorded', `store: ${result.failure}`)
      done(then, 'failure' in result ? undefined : this.#joined.join(said, result.value, wants, flow))
    })
  }

  /** RFC 3263 4.3: a server that is not there or says 503 is passed over for the next. */
  #relayTo(now: Now, relayed: Omit<Relayed, 'targets' | 'limitMs'>, reach: Reach, over: () => void): void {
    const { done } = relayed
    this.#send(
      now,
      { ...relayed, targets: [reach], limitMs: CALL_LIMIT_MS },
      {
        onAnswered: over,
        onCancelled: over,
        onFailed: (then, answer) => {
          const [to, ...others] = reach.others ?? []
          if (to && (answer === 'no answer' || answer.status === 503))
            return this.#relayTo(then, relayed, { ...reach, to, others }, over)
          done(then, answer === 'no answer' ? { status: 408 } : answer)
        },
      },
    )
  }

  /** RFC 3261 9.2: a caller who gave up while the way was looked for has its 487, and nobody rings. */
  #send(now: Now, relayed: Relayed, events: RelayEvents): void {
    const { transaction, request, targets, limitMs, media, done } = relayed
    if (transaction.state !== 'proceeding') return events.onCancelled(now)
    const refused = orRefusal(() => {
      this.#relay.relay(now, transaction, request, targets, limitMs, events, media)
      return SENT
    })
    if (isRefusal(refused)) done(now, refused)
  }
}

const SENT = {}
