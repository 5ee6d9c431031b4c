import { type Entropy, token } from '../base/entropy.ts'
import type { Flow } from '../base/flow.ts'
import type { SelfTestView } from '../base/self-test-view.ts'
import { after, type Instant, type Now } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import type { MsrpOutputs } from '../msrp/host.ts'
import type { Listener } from '../sip/transport.ts'
import { cloneRequest, value } from '../sip-parser-lite/access.ts'
import { encodeMessage } from '../sip-parser-lite/encode.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { parseMessage } from '../sip-parser-lite/parse.ts'
import { responseTo } from '../sip-parser-lite/respond.ts'
import { callId } from '../sip-parser-lite/typed.ts'
import { SELF_TEST_AOR } from '../store/story.ts'
import type { StoreClient, StoreResult, Verb, Verbs } from '../store/verbs.ts'
import type { Answer } from './answers.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { PageMode } from './page-mode.ts'
import { innerFlow, testBinding, testMessage } from './self-test-wire.ts'
import type { Stack } from './stack.ts'
import { readTerms } from './terms.ts'

/** So often where nobody else's message goes through: two commits each. */
const PERIOD_MS = 900_000
/** After one that did not pass. */
const AGAIN_MS = 60_000
/** The store says after 30 s that the medium does not answer; it shall have its say first. */
const LIMIT_MS = 40_000
/** Messages of tests that broke off: one of each, and they are deleted before the next. */
const LEFT_MAX = 16

interface SelfTestParts {
  readonly timers: Timers
  readonly entropy: Entropy
  readonly run: string
  readonly listener: Listener | undefined
  /** `deferral.enabled`. */
  readonly isKeeping: boolean
}

interface Attached {
  readonly stack: Pick<Stack, 'flowOpened' | 'received' | 'flowClosed'>
  readonly pageMode: PageMode
  readonly delivery: Delivery
  readonly storeUri: string
}

/** What is under way, as far as it has come. */
interface Running {
  readonly flow: Flow
  readonly callId: string
  readonly begunAt: Instant
  readonly limit: Timer
  stage: 'not answered' | 'not handed over' | 'not deleted from the store'
}

/**
 * A message of the box's own goes the way of everybody's: over a flow whose other end is here, as bytes, through the transactions, onto
 * flash, answered 202, pushed to a receiver who is back, and deleted. Its mailbox is nobody's, and no list or total has it. Only
 * where nobody's message took that way since the last look, as it wears flash.
 */
export class SelfTest {
  readonly #parts: SelfTestParts
  readonly #numbers = { passed: 0, failed: 0, spared: 0 }
  #attached: Attached | undefined
  #store: StoreClient | undefined
  #running: Running | undefined
  #timer: Timer | undefined
  #count = 0
  /** What messages of others did since the last look. */
  #seen = { isStored: false, isDelivered: false }
  #view: SelfTestView = { result: 'none yet', detail: '', failures: 0, isRefused: false, at: undefined }

  constructor(parts: SelfTestParts) {
    this.#parts = parts
  }

  get view(): SelfTestView {
    return this.#view
  }

  describe(): Record<string, number> {
    return { ...this.#numbers, failures: this.#view.failures }
  }

  isInner(flow: Flow): boolean {
    return this.#running !== undefined && flow.id === this.#running.flow.id
  }

  /** What the stack sends to the other end of the flow comes here, as an input of its own. */
  outputs(outer: MsrpOutputs): MsrpOutputs {
    const isOurs = (flow: Flow): boolean => flow.id.startsWith('self-test/')
    return {
      transmit: (flow, bytes) => {
        if (!isOurs(flow)) outer.transmit(flow, bytes)
        else if (this.isInner(flow)) this.#soon(now => this.#receive(now, flow, bytes))
      },
      connect: flow => outer.connect(flow),
      close: flow => {
        if (!isOurs(flow)) outer.close(flow)
        else if (this.isInner(flow)) this.#soon(now => this.#end(now, 'failed', 'the connection was closed'))
      },
      hold: (flow, isHeld) => {
        if (!isOurs(flow)) outer.hold(flow, isHeld)
      },
    }
  }

  /** `store` as everybody else asks it, `direct` without those who watch what becomes of users' mailboxes. */
  watching(store: StoreClient, direct: StoreClient): StoreClient {
    this.#store = direct
    return {
      ask: (verb, request, done) => {
        if (aorOf(request) !== SELF_TEST_AOR)
          return store.ask(verb, request, (now, result) => {
            this.#progress(verb, result)
            done(now, result)
          })
        direct.ask(verb, request, (now, result) => {
          done(now, verb === 'locate' ? this.#located(now, result) : result)
          if (verb === 'confirm' && 'value' in result) this.#deleted()
        })
      },
    }
  }

  attach(attached: Attached): void {
    this.#attached = attached
  }

  start(now: Now): void {
    this.#timer = this.#parts.timers.set('self-test', now.at, then => this.#begin(then))
  }

  stop(): void {
    this.#parts.timers.cancel(this.#timer)
    this.#parts.timers.cancel(this.#running?.limit)
    this.#running = undefined
  }

  /** The service's end of the flow. */
  handle(now: Now, received: SipRequest, done: (now: Now, answer: Answer | SipResponse) => void): void {
    const { pageMode, storeUri } = this.#attached!
    const request = cloneRequest(received)
    const sender = { name: storeUri, isProven: true }
    const terms = readTerms(request)
    pageMode.handle(now, { request, recipient: SELF_TEST_AOR, sender, terms, isFromCore: false, isOwn: true }, done)
  }

  #begin(now: Now): void {
    const { listener } = this.#parts
    if (!listener) return this.#tell(now, 'passed over', 'no SIP listener is configured')
    const { isStored, isDelivered } = this.#seen
    this.#seen = { isStored: false, isDelivered: false }
    if (isStored && isDelivered) {
      this.#numbers.spared++
      return this.#tell(now, 'passed', 'messages of users went through store and delivery')
    }
    const { run, entropy, timers } = this.#parts
    const flow = innerFlow(run, ++this.#count, listener)
    const limit = timers.set('self-test', after(now, LIMIT_MS), then =>
      this.#end(then, 'failed', `the message was ${this.#running?.stage} within ${LIMIT_MS / 1000} s`),
    )
    const running: Running = { flow, callId: token(entropy, 80), begunAt: now.at, limit, stage: 'not answered' }
    this.#running = running
    this.#clear(now, then => {
      if (this.#running !== running) return
      this.#attached!.stack.flowOpened(then, flow)
      this.#attached!.stack.received(then, flow, testMessage(running.callId, token(entropy, 60)))
    })
  }

  /** The mailbox is there, and nothing of a test that broke off is in it. */
  #clear(now: Now, done: (now: Now) => void): void {
    const store = this.#store!
    const aor = SELF_TEST_AOR
    const asked = { aor, afterSeq: 0, limit: LEFT_MAX, bytes: LEFT_MAX * 4096, at: now.wall, isWallTrusted: false }
    const failed = (then: Now, detail: string): void => this.#end(then, 'failed', `the store: ${detail}`, true)
    store.ask('account.get', { aor }, (then, known) => {
      if ('failure' in known) return failed(then, known.detail)
      if (known.value === undefined) {
        store.ask('account.put', { account: { aor, origin: 'store' } }, (later, put) =>
          'failure' in put ? failed(later, put.detail) : done(later),
        )
        return
      }
      store.ask('page', asked, (later, page) => {
        if ('failure' in page) return failed(later, page.detail)
        for (const { seq } of page.value)
          store.ask('delete', { aor, seq, at: later.wall, detail: 'left by a self-test' }, () => {})
        done(later)
      })
    })
  }

  /** The other end of the flow: who sent the message, and then who receives it. */
  #receive(now: Now, flow: Flow, bytes: Buffer): void {
    const running = this.#running
    if (running?.flow.id !== flow.id) return
    const message = parseMessage(bytes)
    if (message.kind === 'response') return this.#answered(now, running, message)
    this.#attached!.stack.received(now, flow, encodeMessage(responseTo(message, 200)))
    if (callId(message) === running.callId) running.stage = 'not deleted from the store'
  }

  #answered(now: Now, running: Running, response: SipResponse): void {
    const { status } = response
    if (status < 200) return
    if (status === 202) {
      running.stage = 'not handed over'
      this.#attached!.delivery.registered(now, SELF_TEST_AOR, testBinding(running.flow, now.wall))
    } else if (!this.#parts.isKeeping && status === 603) {
      this.#end(now, 'passed over', 'deferral.enabled is off: SIP answers, store and delivery were not tested')
    } else {
      const why = /"(.*)"$/.exec(value(response, 'warning') ?? '')?.[1] ?? response.reason
      this.#end(now, 'failed', `the message was answered ${status}: ${why}`, true)
    }
  }

  #deleted(): void {
    if (this.#running?.stage === 'not deleted from the store') this.#soon(now => this.#end(now, 'passed', ''))
  }

  /** Its receiver is back once the message was answered. */
  #located(now: Now, result: StoreResult<Verb>): StoreResult<never> {
    const running = this.#running
    const isBack = running !== undefined && running.stage !== 'not answered'
    if ('failure' in result || !isBack) return result as StoreResult<never>
    const located = result.value as Verbs['locate']['reply']
    const bindings = [testBinding(running.flow, now.wall)]
    return { value: { ...located, bindings, offlineDelivery: true } as never }
  }

  #progress(verb: Verb, result: StoreResult<Verb>): void {
    if (!('value' in result)) return
    if (verb === 'confirm') this.#seen.isDelivered = true
    if (TAKING.has(verb)) this.#seen.isStored ||= (result.value as { outcome?: string }).outcome === 'stored'
  }

  #end(now: Now, result: SelfTestView['result'], detail: string, isRefused = false): void {
    const running = this.#running
    if (!running) return
    const { timers } = this.#parts
    timers.cancel(running.limit)
    this.#running = undefined
    this.#attached!.stack.flowClosed(now, running.flow, 'self-test over')
    if (result === 'passed') this.#numbers.passed++
    else if (result === 'failed') this.#numbers.failed++
    this.#tell(now, result, detail, isRefused)
  }

  #tell(now: Now, result: SelfTestView['result'], detail: string, isRefused = false): void {
    const isFailed = result === 'failed'
    const failures = isFailed ? this.#view.failures + 1 : 0
    this.#view = { result, detail, failures, isRefused, at: now.at }
    this.#timer = this.#parts.timers.set('self-test', after(now, isFailed ? AGAIN_MS : PERIOD_MS), then =>
      this.#begin(then),
    )
  }

  /** In an input of its own: whoever called is in the middle of theirs. Due at once, and not so long ago that timers seem to be forgotten. */
  #soon(run: (now: Now) => void): void {
    this.#parts.timers.set('self-test', this.#running!.begunAt, run)
  }
}

/** By these a message of a user is taken into custody. */
const TAKING: ReadonlySet<Verb> = new Set(['custody', 'upload.finish', 'upload.whole'])

function aorOf(request: object): string | undefined {
  if ('aor' in request) return request.aor as string
  return 'message' in request ? (request.message as { recipient: string }).recipient : undefined
}
