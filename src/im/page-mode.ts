import type { Counters } from '../base/counters.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import { currentBindings } from '../sip/binding.ts'
import type { Forwarder, ForwardTarget } from '../sip/forward.ts'
import type { SipResponse } from '../sip-parser-lite/message.ts'
import { callId } from '../sip-parser-lite/typed.ts'
import { SELF_TEST_AOR } from '../store/story.ts'
import type { StoreClient, Verbs } from '../store/verbs.ts'
import { type Answer, unavailable, warning } from './answers.ts'
import type { CustodyDesk } from './custody.ts'
import type { Delivery } from './delivery/delivery.ts'
import { Turns } from './delivery/turns.ts'
import type { HistoryDesk } from './history/history-desk.ts'
import { type Incoming, messageIdentity } from './incoming.ts'
import type { Routing } from './reach.ts'
import { targetsOf } from './targets.ts'

/** What the sender gets: our own answer, or that of the receiver's client. */
type PageModeAnswer = Answer | SipResponse

type Done = (now: Now, answer: PageModeAnswer) => void

/**
 * A client that has not answered by now is treated as away and the message is kept. Long enough for four tries over UDP (Timer E:
 * 0, 0.5, 1.5, 3.5, 7.5 s), well before the sender's own Timer F at 32 s.
 */
const FORWARD_LIMIT_MS = 10_000

/** Messages that may wait for the one before them to the same receiver; more is a flood, told to come back. */
const WAITING_TURNS_MAX = 64

/** docs/protocol.md: the receiver's client is out of reach or busy rather than unwilling. */
const KEPT_AFTER = new Set([408, 430, 480, 486, 487, 500, 503, 504])

export const isKeptAfter = (status: number): boolean => KEPT_AFTER.has(status)

/** A MESSAGE to a user of this domain: to their contacts when they are there, into custody when they are not (docs/protocol.md). */
export class PageMode {
  readonly #store: StoreClient
  readonly #desk: CustodyDesk
  readonly #history: HistoryDesk
  readonly #delivery: Delivery
  readonly #forwarder: Forwarder
  readonly #routing: Routing
  readonly #counters: Counters
  readonly #log: Log
  readonly #hostname: string
  /** For users who never decided it. */
  readonly #isPushActive: boolean
  readonly #turns = new Turns(WAITING_TURNS_MAX)

  constructor(options: {
    store: StoreClient
    desk: CustodyDesk
    historyDesk: HistoryDesk
    delivery: Delivery
    forwarder: Forwarder
    routing: Routing
    counters: Counters
    log: Log
    hostname: string
    isPushActive: boolean
  }) {
    this.#store = options.store
    this.#desk = options.desk
    this.#history = options.historyDesk
    this.#delivery = options.delivery
    this.#forwarder = options.forwarder
    this.#routing = options.routing
    this.#counters = options.counters
    this.#log = options.log
    this.#hostname = options.hostname
    this.#isPushActive = options.isPushActive
  }

  handle(now: Now, incoming: Incoming, done: Done): void {
    const { recipient } = incoming
    const again = (then: Now): void => this.handle(then, incoming, done)
    if (this.#turns.isBusy(recipient)) return this.#wait(now, recipient, again, done)
    const sender = incoming.said?.sender
    this.#store.ask('locate', { aor: recipient, ...(sender !== undefined && { sender }) }, (then, result) => {
      if ('failure' in result) return done(then, unavailable(5))
      // Another may have begun while this was read.
      if (this.#turns.isBusy(recipient)) return this.#wait(then, recipient, again, done)
      const history = this.#history.wanted(incoming.said, result.value)
      this.#located(then, history ? { ...incoming, history } : incoming, result.value, done)
    })
  }

  #located(now: Now, incoming: Incoming, located: Verbs['locate']['reply'], done: Done): void {
    const { isKnown, bindings, waiting, offlineDelivery } = located
    if (!isKnown && !incoming.isFromCore) return done(now, { status: 404 })
    const present = currentBindings(bindings, now)
    if (present.length === 0) return this.#keep(now, incoming, 'absent', done)
    if (incoming.isFromCore) return this.#keep(now, incoming, 'out of reach', done)
    // Older messages go first: one that finds others on their way out joins the tail, even while its receiver is there. Where they
    // wait for their owner to fetch them it does not wait for that (docs/protocol.md).
    if (waiting > 0 && (offlineDelivery ?? this.#isPushActive)) return this.#keep(now, incoming, 'behind others', done)
    this.#inTurn(now, incoming, present, done)
  }

  #wait(now: Now, recipient: string, run: (now: Now) => void, done: Done): void {
    if (!this.#turns.wait(recipient, run)) done(now, unavailable(5))
  }

  #inTurn(now: Now, incoming: Incoming, present: readonly Binding[], done: Done): void {
    const { recipient } = incoming
    this.#turns.begin(recipient)
    const finish: Done = (then, answer) => {
      done(then, answer)
      this.#turns.end(then, recipient)
    }
    targetsOf(now, this.#routing, present, (then, targets) => {
      if (targets.length === 0) this.#keep(then, incoming, 'absent', finish)
      else this.#forwardOnce(incoming, targets, finish)
    })
  }

  /** A message kept and handed over before, whose sender never heard the 202, is not handed over again. */
  #forwardOnce(incoming: Incoming, targets: ForwardTarget[], done: Done): void {
    this.#store.ask('seen', messageIdentity(incoming), (now, result) => {
      if ('failure' in result) return done(now, unavailable(5))
      if (result.value) return done(now, { status: 202 })
      this.#forward(now, incoming, targets, done)
    })
  }

  #forward(now: Now, incoming: Incoming, targets: ForwardTarget[], done: Done): void {
    const { request } = incoming
    let isLateSuccess = false
    /** There once custody has answered; without `seq` it was refused. */
    let kept: { readonly seq: number | undefined } | undefined
    this.#forwarder.forward(now, request, targets, FORWARD_LIMIT_MS, {
      onAnswer: (then, answer) => {
        const status = answer === 'no answer' ? 408 : answer.status
        if (answer !== 'no answer' && !isKeptAfter(status)) {
          this.#counters.count('messages_forwarded', status < 300 ? 'delivered' : 'refused')
          done(then, answer)
          if (status < 300) this.#history.keep(incoming.history?.())
          return
        }
        this.#log.info('receiver out of reach', { call_id: callId(request), status })
        this.#keep(then, incoming, 'out of reach', (later, told, seq) => {
          kept = { seq }
          done(later, told)
          if (isLateSuccess) this.#deliveredAfterAll(later, incoming, kept)
        })
      },
      onLate2xx: then => {
        isLateSuccess = true
        this.#deliveredAfterAll(then, incoming, kept)
      },
    })
  }

  /** The client did get it, only its answer came late: not once more. */
  #deliveredAfterAll(now: Now, incoming: Incoming, kept: { readonly seq: number | undefined } | undefined): void {
    if (!kept) return
    const { seq } = kept
    // In histories it is since it was taken into custody, or else from now on.
    if (seq === undefined) return this.#history.keep(incoming.history?.())
    this.#counters.count('messages_delivered', 'late answer')
    const detail = 'late 2xx to the forwarded MESSAGE'
    this.#store.ask('confirm', { aor: incoming.recipient, seq, at: now.wall, detail }, () => {})
  }

  #keep(
    now: Now,
    incoming: Incoming,
    why: 'absent' | 'out of reach' | 'behind others',
    done: (now: Now, answer: PageModeAnswer, seq?: number) => void,
  ): void {
    this.#desk.take(now, incoming, (then, outcome) => {
      if (outcome.kind === 'refused') {
        this.#count(incoming, 'messages_refused', String(outcome.status))
        const told = warning(this.#hostname, outcome.why)
        const headers = outcome.status === 503 ? [told, ...unavailable(5).headers!] : [told]
        return done(then, { status: outcome.status, headers })
      }
      this.#count(incoming, 'messages_stored', outcome.isNew ? 'new' : 'duplicate')
      done(then, { status: 202 }, outcome.seq)
      if (why === 'behind others') this.#delivery.pushNow(incoming.recipient)
      else if (why === 'out of reach') this.#delivery.pushLater(then, incoming.recipient)
    })
  }

  /** A self-test is nobody's message. */
  #count({ recipient }: Incoming, name: string, label: string): void {
    if (recipient !== SELF_TEST_AOR) this.#counters.count(name, label)
  }
}
