import type { Counters } from '../base/counters.ts'
import { type Entropy, token } from '../base/entropy.ts'
import type { Now } from '../base/time.ts'
import { currentBindings } from '../sip/binding.ts'
import { type InspectRules, inspect, optionsAnswer } from '../sip/inspect.ts'
import type { InviteRelay } from '../sip/invite-relay.ts'
import { respondWith } from '../sip/refusal.ts'
import type { Sessions } from '../sip/session.ts'
import type { Subscribers } from '../sip/subscribers.ts'
import type { TransactionUser } from '../sip/transaction/layer.ts'
import type { ServerTransaction } from '../sip/transaction/server-transaction.ts'
import { addLast, has } from '../sip-parser-lite/access.ts'
import { type SipRequest, type SipResponse, SipSyntaxError } from '../sip-parser-lite/message.ts'
import { toTag } from '../sip-parser-lite/typed.ts'
import type { StoreClient } from '../store/verbs.ts'
import type { Admission, Admissions } from './admission.ts'
import { type Answer, unavailable } from './answers.ts'
import type { Domain } from './domain.ts'
import type { Invitations } from './invitations.ts'
import type { Messages } from './messages.ts'
import { METHODS } from './methods.ts'
import type { Referring } from './referring.ts'
import type { Registrations } from './registrations.ts'
import type { SelfTest } from './self-test.ts'
import type { Publishing } from './settings/publishing.ts'
import type { Subscribing } from './waiting/subscribing.ts'

const SUPPORTED = new Set(['path', 'outbound', 'timer', 'norefersub'])

type NotAdmitted = Extract<Admission, { kind: 'answer' }>

/** RFC 3261 15.1.2, RFC 3311 5.2, RFC 6665 4.1.3: of no use outside a dialog. */
const IN_DIALOG = new Set(['BYE', 'UPDATE', 'NOTIFY'])
/** Whose To tag is looked at further on: a refresh of a subscription is admitted as the first one was. */
const WITH_TAG = new Set(['REGISTER', 'SUBSCRIBE'])

/** `answer` is called at most once: some answers are given by whoever takes the request further on. */
interface RequestFunction {
  handle(
    now: Now,
    transaction: ServerTransaction,
    request: SipRequest,
    admission: Admission,
    answer: (now: Now, answer: Answer | SipResponse) => void,
  ): void
}

/** Which function serves a request (RFC 3261 8.2): inspected, admitted, then handed to the one it is for. One answer each. */
export class Service implements TransactionUser {
  readonly #store: StoreClient
  readonly #domain: Domain
  readonly #admissions: Admissions
  readonly #messages: Messages
  readonly #isFunction: (aor: string) => boolean
  /** By method; the rest is about a user. */
  readonly #functions: ReadonlyMap<string, RequestFunction>
  readonly #relay: InviteRelay
  readonly #sessions: Sessions
  readonly #subscriber: Subscribers
  readonly #selfTest: SelfTest | undefined
  readonly #entropy: Entropy
  readonly #counters: Counters
  readonly #asRegistrar: InspectRules
  readonly #asProxy: InspectRules
  /** What an INVITE requires is for whoever takes it. */
  readonly #asRelay: InspectRules
  #isStopping = false

  constructor(options: {
    store: StoreClient
    domain: Domain
    admissions: Admissions
    registrations: Registrations
    messages: Messages
    invitations: Invitations
    publishing: Publishing
    subscribing: Subscribing
    referring: Referring
    inviteRelay: InviteRelay
    sessions: Sessions
    subscriber: Subscribers
    selfTest: SelfTest | undefined
    entropy: Entropy
    counters: Counters
    /** Whether a Via of ours says this (RFC 3261 16.3 step 4). */
    isOwnVia: (host: string, port: number | undefined) => boolean
  }) {
    this.#store = options.store
    this.#domain = options.domain
    this.#admissions = options.admissions
    this.#messages = options.messages
    this.#isFunction = aor => options.invitations.isFunction(aor)
    this.#functions = new Map<string, RequestFunction>([
      ['REGISTER', options.registrations],
      ['MESSAGE', options.messages],
      ['INVITE', options.invitations],
      ['PUBLISH', options.publishing],
      ['SUBSCRIBE', options.subscribing],
      ['REFER', options.referring],
    ])
    this.#relay = options.inviteRelay
    this.#sessions = options.sessions
    this.#subscriber = options.subscriber
    this.#selfTest = options.selfTest
    this.#entropy = options.entropy
    this.#counters = options.counters
    const rules = { methods: new Set(METHODS), supported: SUPPORTED, isOwnVia: options.isOwnVia }
    this.#asRegistrar = { ...rules, role: 'uas' }
    this.#asProxy = { ...rules, role: 'both' }
    this.#asRelay = { ...rules, role: 'proxy' }
  }

  /** From now on everything new is told to come back; what is under way ends as it will. */
  stop(): void {
    this.#isStopping = true
  }

  onRequest(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    this.#guard(now, transaction, () => this.#handle(now, transaction, request))
  }

  onAck(now: Now, request: SipRequest): void {
    if (!this.#relay.relayAck(now, request)) this.#sessions.onAck(now, request)
  }

  onStrayResponse(now: Now, response: SipResponse): void {
    this.#sessions.onStrayResponse(now, response)
  }

  #handle(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    if (toTag(request) !== undefined && this.#inDialog(now, transaction, request)) return
    if (this.#isStopping) return this.#answer(now, transaction, unavailable(30))
    const refusal = inspect(request, this.#rulesFor(request.method))
    if (refusal) return this.#answer(now, transaction, refusal)
    if ((toTag(request) !== undefined && !WITH_TAG.has(request.method)) || IN_DIALOG.has(request.method))
      return this.#answer(now, transaction, { status: 481 })
    if (request.method === 'OPTIONS' && this.#domain.isBox(request.uri, transaction.flow)) {
      return this.#answer(now, transaction, this.#capabilities(now, request))
    }
    if (this.#selfTest?.isInner(transaction.flow))
      return this.#selfTest.handle(now, request, (then, given) => this.#answer(then, transaction, given))
    this.#admissions.admit(now, request, transaction.flow, (then, admission) => {
      if (admission.kind === 'answer') return this.#notAdmitted(then, transaction, request, admission)
      this.#admitted(then, transaction, request, admission)
    })
  }

  /** Of a call that passes through here, or of a session or a subscription of our own. */
  #inDialog(now: Now, transaction: ServerTransaction, request: SipRequest): boolean {
    return (
      this.#relay.relayInDialog(now, transaction, request) ||
      this.#subscriber.onRequest(now, transaction, request) ||
      this.#sessions.onRequest(now, transaction, request)
    )
  }

  #rulesFor(method: string): InspectRules {
    if (method === 'REGISTER') return this.#asRegistrar
    return method === 'INVITE' ? this.#asRelay : this.#asProxy
  }

  /**
   * A message that was taken into custody just before a power cut comes again with a nonce of the time before. Challenged, its
   * sender would send it as a new one; it is the same, and the box answers for it already.
   */
  #notAdmitted(now: Now, transaction: ServerTransaction, request: SipRequest, admission: NotAdmitted): void {
    if (!admission.isStale || request.method !== 'MESSAGE') return this.#answer(now, transaction, admission.answer)
    this.#messages.wasKept(now, transaction, request, (then, isKept) =>
      this.#answer(then, transaction, isKept ? { status: 202 } : admission.answer),
    )
  }

  #admitted(now: Now, transaction: ServerTransaction, request: SipRequest, admission: Admission): void {
    const answer = (then: Now, given: Answer | SipResponse): void => this.#answer(then, transaction, given)
    this.#guard(now, transaction, () => {
      const serving = this.#functions.get(request.method)
      if (serving) return serving.handle(now, transaction, request, admission, answer)
      this.#aboutUser(now, transaction, request)
    })
  }

  /** OPTIONS to one of our users: answered in their place while they are there; to a function, as an INVITE would be (RFC 3261 11.2). */
  #aboutUser(now: Now, transaction: ServerTransaction, request: SipRequest): void {
    const aor = this.#domain.userOf(request.uri, transaction.flow)
    if (aor === undefined) return this.#answer(now, transaction, { status: 403, reason: 'Relaying Denied' })
    if (this.#isFunction(aor)) return this.#answer(now, transaction, this.#capabilities(now, request))
    this.#store.ask('locate', { aor }, (then, result) => {
      if ('failure' in result) return this.#answer(then, transaction, unavailable(5))
      if (!result.value.isKnown) return this.#answer(then, transaction, { status: 404 })
      if (currentBindings(result.value.bindings, then).length > 0)
        return this.#answer(then, transaction, this.#capabilities(then, request))
      this.#answer(then, transaction, { status: 480 })
    })
  }

  #capabilities(now: Now, request: SipRequest): SipResponse {
    return optionsAnswer(now, request, this.#asProxy, token(this.#entropy, 60))
  }

  #answer(now: Now, transaction: ServerTransaction, answer: Answer | SipResponse): void {
    const isOwn = !('kind' in answer)
    const { request } = transaction
    const response = isOwn ? respondWith(now, request, answer, token(this.#entropy, 60)) : answer
    // HIS-REF-05.
    if (request.method === 'REFER' && !has(response, 'allow')) addLast(response, 'Allow', METHODS.join(', '))
    transaction.respond(now, response)
  }

  /** A header that is read only now may be malformed: the peer gets 400 with its name, whoever reads it. */
  #guard(now: Now, transaction: ServerTransaction, run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!(error instanceof SipSyntaxError)) throw error
      this.#counters.count('sip_malformed', 'header')
      this.#answer(now, transaction, { status: error.status || 400, reason: error.message })
    }
  }
}
