import type { Now } from '../base/time.ts'
import type { Forwarder, ForwardOutcome } from '../sip/forward.ts'
import { isRefusal, orRefusal } from '../sip/refusal.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { cloneRequest, remove } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { fromAddress } from '../sip-parser-lite/typed.ts'
import type { StoreClient } from '../store/verbs.ts'
import { ensureAccount } from './accounts.ts'
import type { Admission } from './admission.ts'
import type { Answer } from './answers.ts'
import { arrivalOf, senderOf } from './arrival.ts'
import type { Domain } from './domain.ts'
import type { HistoryDesk, Said } from './history/history-desk.ts'
import { messageIdentity } from './incoming.ts'
import type { Outward } from './outward.ts'
import type { PageMode } from './page-mode.ts'
import type { Reach } from './reach.ts'
import { readTerms } from './terms.ts'

type Done = (now: Now, answer: Answer | SipResponse) => void

/** Somebody else's server: as long as its own client waits (Timer F, 32 s) less what the way back takes. */
const RELAY_LIMIT_MS = 30_000

/** Where a MESSAGE goes: a mailbox or contact of ours, or, for proven users of ours only, out into the world. */
export class Messages {
  readonly #store: StoreClient
  readonly #domain: Domain
  readonly #pageMode: PageMode
  readonly #forwarder: Forwarder
  readonly #outward: Outward
  readonly #history: HistoryDesk
  readonly #hasCore: boolean
  readonly #storeUri: string

  constructor(options: {
    store: StoreClient
    domain: Domain
    pageMode: PageMode
    forwarder: Forwarder
    outward: Outward
    historyDesk: HistoryDesk
    hasCore: boolean
    /** `sip:store@domain`: as whom the box itself writes. */
    storeUri: string
  }) {
    this.#store = options.store
    this.#domain = options.domain
    this.#pageMode = options.pageMode
    this.#forwarder = options.forwarder
    this.#outward = options.outward
    this.#history = options.historyDesk
    this.#hasCore = options.hasCore
    this.#storeUri = options.storeUri
  }

  /** A MESSAGE of the box itself, to its Request-URI. A user of ours whom only the core knows is looked for there. */
  sendOwn(now: Now, request: SipRequest, done: Done): void {
    const admission: Admission = { kind: 'user', aor: this.#storeUri, isProven: true }
    const refused = orRefusal(() => {
      const recipient = this.#domain.userOf(request.uri)
      if (recipient === undefined) {
        this.#relay(now, withoutVia(request), admission, done)
        return SENT
      }
      const sender = { name: this.#storeUri, isProven: true }
      const incoming = {
        request,
        recipient,
        sender,
        terms: readTerms(request),
        isFromCore: false,
        isOwn: true as const,
      }
      this.#pageMode.handle(now, incoming, (then, answer) => {
        if (answer.status === 404 && this.#hasCore) this.#relay(then, withoutVia(request), admission, done)
        else done(then, answer)
      })
      return SENT
    })
    if (isRefusal(refused)) done(now, refused)
  }

  handle(now: Now, transaction: ServerTransaction, received: SipRequest, admission: Admission, done: Done): void {
    const arrival = arrivalOf(received, transaction.flow, admission, this.#domain)
    if ('refusal' in arrival) return done(now, arrival.refusal)
    const { request, sender, recipient } = arrival
    const terms = readTerms(request)
    const said = this.#history.said(now, received, arrival, admission, transaction.flow)
    if (recipient === undefined) return this.#relay(now, request, admission, this.#noting(said, done))
    const isFromCore = admission.kind === 'peer' && this.#hasCore
    const incoming = { request, recipient, sender, terms, isFromCore, ...(said && { said }) }
    if (!isFromCore) return this.#pageMode.handle(now, incoming, done)
    ensureAccount(this.#store, recipient, (then, refusal) => {
      if (refusal) return done(then, refusal)
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

  /** What its receiver elsewhere took stands in histories. */
  #noting(said: Said | undefined, done: Done): Done {
    if (!said) return done
    return (now, answer) => {
      done(now, answer)
      if (answer.status >= 200 && answer.status < 300) this.#history.keepIfWanted(said)
    }
  }

  #relay(now: Now, request: SipRequest, admission: Admission, done: Done): void {
    this.#outward.leave(now, request, admission, (then, leaving) => {
      if ('refusal' in leaving) return done(then, leaving.refusal)
      this.#relayTo(then, request, leaving.reach, (later, answer) => {
        leaving.over()
        done(later, answer)
      })
    })
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

const SENT = {}

/** The transaction layer puts the one that the answer follows. */
function withoutVia(request: SipRequest): SipRequest {
  const copy = cloneRequest(request)
  remove(copy, 'via')
  return copy
}

const isDead = (outcome: ForwardOutcome): boolean =>
  outcome.kind === 'unreachable' || (outcome.kind === 'answered' && outcome.response.status === 503)
