import type { Config } from '../base/config.ts'
import type { Flow } from '../base/flow.ts'
import type { SelfTestView } from '../base/self-test-view.ts'
import type { Now } from '../base/time.ts'
import { Digest } from '../sip/digest.ts'
import { InviteRelay } from '../sip/invite-relay.ts'
import { Publications } from '../sip/publications.ts'
import { Registrar, type Registration } from '../sip/registrar.ts'
import type { StoreClient, StoreRequest, StoreResult, Verb } from '../store/verbs.ts'
import { Admissions } from './admission.ts'
import { CustodyDesk } from './custody.ts'
import { CustodyWatch } from './custody-watch.ts'
import { Delivery } from './delivery/delivery.ts'
import { PushStarter } from './delivery/push-starter.ts'
import { Domain } from './domain.ts'
import { Fetch } from './fetch/fetch.ts'
import { Histories } from './histories.ts'
import { HistoryFetch } from './history/history-fetch.ts'
import { Housekeeping } from './housekeeping.ts'
import { Invitations } from './invitations.ts'
import { LargeMessages } from './large/large-messages.ts'
import { Messages } from './messages.ts'
import { Notices } from './notices.ts'
import { Outward } from './outward.ts'
import { PageMode } from './page-mode.ts'
import { custodyPolicy, deliveryPolicy, recordingPolicy, routeValue, trustOf } from './policies.ts'
import { Recordings } from './recording/recordings.ts'
import { Referring } from './referring.ts'
import { Registrations, storedBindings } from './registrations.ts'
import { SelfTest } from './self-test.ts'
import { Service } from './service.ts'
import { Publishing } from './settings/publishing.ts'
import { Settings } from './settings/settings.ts'
import { Stack, type StackParts } from './stack.ts'
import { StoreChanges } from './store-changes.ts'
import { Notifier } from './waiting/notifier.ts'

interface ApplianceParts extends Omit<StackParts, 'hostname'> {
  readonly config: Config
  readonly store: StoreClient
  readonly onMailboxChanged?: (aor: string) => void
  /** A message of the box's own goes through store and delivery now and then. */
  readonly isSelfTesting?: boolean
  /** Mailboxes handed over at once, where not as many as usual. */
  readonly pushes?: number
}

/** Puts the deferred messaging function on top of the protocol stack; no decision is made here. */
export class Appliance {
  readonly #stack: Stack
  readonly #digest: Digest
  readonly #delivery: Delivery
  readonly #housekeeping: Housekeeping
  readonly #histories: Histories
  readonly #notices: Notices
  readonly #large: LargeMessages
  readonly #relay: InviteRelay
  readonly #messages: Messages
  readonly #settings: Settings
  readonly #historyFetch: HistoryFetch
  readonly #changes: StoreChanges
  readonly #publications: Publications
  readonly #notifier: Notifier
  readonly #recordings: Recordings
  readonly #service: Service
  readonly #selfTest: SelfTest | undefined

  constructor(parts: ApplianceParts) {
    const { config, counters, entropy } = parts
    this.#changes = new StoreChanges(parts.timers)
    const { selfTest, stack, store } = groundOf(parts, this.#changes)
    this.#selfTest = selfTest
    this.#stack = stack
    const { own, sessions, layer, forwarder } = stack
    if (parts.onMailboxChanged) this.#changes.onMailboxChanged((_now, aor) => parts.onMailboxChanged?.(aor))
    const coreRoute = config.core.route === '' ? undefined : routeValue(config.core.route)
    const domain = new Domain(config.domain, own.hosts)
    const storeUri = `sip:store@${config.domain}`
    const site = { hostname: config.hostname, domain, storeUri, coreRoute, hasCore: coreRoute !== undefined }
    const basics = { ...parts, ...this.#stack, ...site, store }
    this.#digest = new Digest({ realm: config.domain, entropy, counters })
    const starter = new PushStarter(basics)
    this.#delivery = new Delivery({
      ...basics,
      policy: deliveryPolicy(config),
      startPush: (now, rung, reader, done) => starter.start(now, rung, reader, done),
    })
    const trust = trustOf(config, own)
    const common = { ...basics, ...trust, delivery: this.#delivery }
    this.#notices = new Notices({
      ...common,
      send: (now, request, done) => this.#messages.sendOwn(now, request, done),
    })
    this.#housekeeping = new Housekeeping({ ...common, notices: this.#notices })
    this.#histories = new Histories(common)
    const { historyDesk, recorder, joined, notes } = this.#histories
    const keeping = { ...common, historyDesk, recorder, notes }
    const policy = custodyPolicy(config, { storeUri, isOurs: uri => domain.userOf(uri) !== undefined })
    const watch = new CustodyWatch({
      ...keeping,
      onNotice: now => this.#notices.look(now),
      onNearlyFull: (aor, seq, percent) => this.#notifier.nearlyFull(aor, seq, percent),
    })
    const pageMode = new PageMode({
      ...keeping,
      desk: new CustodyDesk({ ...common, policy, watch }),
      isPushActive: config.delivery.active_default,
    })
    const outward = new Outward(common)
    const registrar = new Registrar({
      ...common,
      bindings: storedBindings(store),
      onRegistered: (now, registration) => this.#registered(now, registration),
    })
    const { digest, algorithms } = config.auth
    const admissions = new Admissions({ ...common, digest: this.#digest, isOn: digest, algorithms })
    this.#large = new LargeMessages({ ...common, policy, watch, historyDesk, recorder })
    this.#relay = new InviteRelay({
      ...this.#stack.sessionContext,
      ...trust,
      contactUri: to => own.contactUri(to),
      realm: config.domain,
    })
    this.#historyFetch = new HistoryFetch(common)
    const fetches = [new Fetch(common), this.#historyFetch]
    const inviting = { ...keeping, joined, fetches, inviteRelay: this.#relay, outward, large: this.#large }
    this.#messages = new Messages({ ...keeping, pageMode, forwarder, outward })
    this.#publications = new Publications(common)
    const deciding = { ...common, publications: this.#publications, changes: this.#changes }
    this.#settings = new Settings({ ...deciding, isPushActive: config.delivery.active_default })
    this.#notifier = new Notifier({ ...common, changes: this.#changes })
    this.#recordings = new Recordings({ ...keeping, recording: recordingPolicy(config, site.hasCore) })
    const { taker } = this.#recordings
    this.#service = new Service({
      ...{ ...common, admissions, sessions, selfTest },
      registrations: new Registrations({ ...common, registrar }),
      messages: this.#messages,
      invitations: new Invitations({ ...inviting, isLenient: config.deferral.lenient_large_messages }),
      publishing: new Publishing(deciding),
      subscribing: this.#notifier.subscribing,
      referring: new Referring({ ...common, subscriptions: this.#notifier.subscriptions, taker }),
      inviteRelay: this.#relay,
    })
    layer.user = this.#service
    selfTest?.attach({ stack: this.#stack, pageMode, delivery: this.#delivery, storeUri })
  }

  start(now: Now): void {
    this.#housekeeping.start(now)
    this.#histories.start(now)
    this.#settings.start(now)
    this.#notifier.start(now)
    this.#selfTest?.start(now)
  }

  stop(now: Now): void {
    this.#selfTest?.stop()
    this.#service.stop()
    this.#notices.stop()
    this.#large.stop(now)
    this.#recordings.stop(now)
    this.#histories.stop(now)
    this.#historyFetch.stop(now)
    this.#delivery.stop(now)
  }

  /** What a command or the API did to the store. */
  storeChanged(now: Now, request: StoreRequest, result: StoreResult<Verb>): void {
    this.#changes.outside(now, request, result)
  }

  /** Somebody who looks after the box asks for it. */
  deliver(aor: string): void {
    this.#delivery.pushAskedFor(aor)
  }

  flowOpened(now: Now, flow: Flow): void {
    this.#stack.flowOpened(now, flow)
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    this.#stack.received(now, flow, bytes)
  }

  flowClosed(now: Now, flow: Flow, reason: string): void {
    this.#stack.flowClosed(now, flow, reason)
  }

  flowFull(now: Now, flow: Flow, isFull: boolean): void {
    this.#stack.flowFull(now, flow, isFull)
  }

  /** Undefined: none is made. */
  get selfTest(): SelfTestView | undefined {
    return this.#selfTest?.view
  }

  get isBusy(): boolean {
    return this.#delivery.describe().running > 0 || this.#stack.forwarder.describe().open > 0
  }

  describe(): Record<string, object> {
    const relay = this.#relay.describe()
    const large = this.#large.describe()
    return {
      ...this.#stack.describe(),
      relay,
      large,
      recordings: this.#recordings.describe(),
      histories: this.#histories.describe(),
      notices: this.#notices.describe(),
      publications: this.#publications.describe(),
      subscriptions: this.#notifier.describe(),
      digest: this.#digest.describe(),
      delivery: this.#delivery.describe(),
      history_fetch: this.#historyFetch.describe(),
      ...(this.#selfTest && { self_test: this.#selfTest.describe() }),
    }
  }

  /** DM-DLV-01: a stream over which somebody is registered stays open, and what waits for them goes out. */
  #registered(now: Now, { aor, binding, event }: Registration): void {
    if (event === 'removed') return
    this.#stack.transport.keep(now, { ...binding.flow, protocol: 'sip' }, Math.max(0, binding.expiresAt - now.wall))
    this.#delivery.registered(now, aor, binding)
    this.#notifier.registered(now, aor, binding)
  }
}

/** What everything else stands on: both protocols, and the store as it is watched. */
function groundOf(parts: ApplianceParts, changes: StoreChanges) {
  const { config, outputs, isSelfTesting } = parts
  const { hostname } = config
  const watched = changes.watching(parts.store)
  if (!isSelfTesting) return { stack: new Stack({ ...parts, hostname }), store: watched, selfTest: undefined }
  const selfTest = new SelfTest({ ...parts, listener: parts.sip[0], isKeeping: config.deferral.enabled })
  const stack = new Stack({ ...parts, outputs: selfTest.outputs(outputs), hostname })
  return { stack, store: selfTest.watching(watched, parts.store), selfTest }
}
