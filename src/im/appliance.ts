import { parseCidr } from '../base/address.ts'
import type { Config } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import { type Endpoint, type Flow, hostPort, type Transport } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { RELEASE } from '../base/product.ts'
import type { Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import { MsrpEndpoint } from '../msrp/endpoint.ts'
import { Digest } from '../sip/digest.ts'
import { Forwarder } from '../sip/forward.ts'
import { TrustedPeers } from '../sip/identity.ts'
import { nextHops, type Resolver } from '../sip/next-hop.ts'
import { Registrar, type Registration } from '../sip/registrar.ts'
import { Sessions } from '../sip/session.ts'
import { TransactionLayer } from '../sip/transaction/layer.ts'
import { SipTransport } from '../sip/transport.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import type { StoreClient } from '../store/verbs.ts'
import { Admissions } from './admission.ts'
import { CustodyDesk } from './custody.ts'
import { Delivery } from './delivery.ts'
import { Domain } from './domain.ts'
import { Housekeeping } from './housekeeping.ts'
import { Messages } from './messages.ts'
import { PageMode } from './page-mode.ts'
import { PushStarter } from './push-starter.ts'
import type { Routing } from './reach.ts'
import { Registrations, storedBindings } from './registrations.ts'
import type { DeliveryProfile } from './rungs.ts'
import { Service } from './service.ts'

export interface ApplianceParts {
  readonly config: Config
  readonly sip: readonly { readonly transport: Transport; readonly endpoint: Endpoint }[]
  readonly msrp: readonly { readonly transport: 'tcp' | 'tls'; readonly endpoint: Endpoint }[]
  /** Unique to this run of the process. */
  readonly run: string
  readonly entropy: Entropy
  readonly log: Log
  readonly counters: Counters
  readonly timers: Timers
  readonly outputs: { transmit(flow: Flow, bytes: Buffer): void; connect(flow: Flow): void; close(flow: Flow): void }
  readonly store: StoreClient
  readonly resolver: Resolver
}

/** Puts the parts together: SIP and MSRP below, the deferred messaging function on top; no decision is made here. */
export class Appliance {
  readonly #transport: SipTransport
  readonly #layer: TransactionLayer
  readonly #msrp: MsrpEndpoint
  readonly #sessions: Sessions
  readonly #forwarder: Forwarder
  readonly #digest: Digest
  readonly #delivery: Delivery
  readonly #housekeeping: Housekeeping
  readonly #service: Service

  constructor(parts: ApplianceParts) {
    const { config, entropy, log, counters, timers, store } = parts
    const { hostname } = config
    const common = { entropy, log, counters, timers, store }
    const addresses = [...parts.sip, ...parts.msrp].map(({ endpoint }) => endpoint.address)
    const domain = new Domain(config.domain, [hostname, ...addresses])
    const core = config.core.route
    const coreRoute = core === '' ? undefined : routeValue(core)
    const peers = new TrustedPeers(config.auth.trusted_peers.flatMap(text => parseCidr(text) ?? []))

    this.#transport = new SipTransport({
      ...common,
      listeners: parts.sip,
      hostname,
      outputs: parts.outputs,
      run: parts.run,
    })
    this.#layer = new TransactionLayer({ ...common, transport: this.#transport })
    this.#transport.receiver = this.#layer
    this.#msrp = new MsrpEndpoint({ ...common, hostname, listeners: parts.msrp, outputs: parts.outputs })
    const hopParts = { resolver: parts.resolver, entropy, listeners: parts.sip }
    const routing: Routing = {
      isAlive: flow => this.#transport.isAlive(flow),
      nextHops: (now, uri, done) => nextHops(now, uri, hopParts, done),
    }
    this.#sessions = new Sessions({
      ...common,
      layer: this.#layer,
      userAgent: RELEASE,
      locate: (now, text, done) => nextHops(now, parseUri(text), hopParts, (then, hops) => done(then, hops[0])),
    })
    this.#forwarder = new Forwarder({ ...common, layer: this.#layer })
    this.#digest = new Digest({ realm: config.domain, entropy, counters })
    const starter = new PushStarter({
      ...common,
      sessions: this.#sessions,
      msrp: this.#msrp,
      layer: this.#layer,
      routing,
      resolver: parts.resolver,
      endpoint: msrpEndpoint(hostname, parts.msrp),
      storeUri: `sip:store@${config.domain}`,
      coreRoute,
      contactUri: transport => contactOf(hostname, parts.sip, transport),
    })
    this.#delivery = new Delivery({
      ...common,
      policy: {
        isActive: config.delivery.active_default,
        profile: config.delivery.profile as DeliveryProfile,
        retryMinMs: config.delivery.retry_min_s * 1000,
        retryMaxMs: config.delivery.retry_max_s * 1000,
      },
      startPush: (now, rung, reader, done) => starter.start(now, rung, reader, done),
    })
    this.#housekeeping = new Housekeeping({ ...common, delivery: this.#delivery })
    const pageMode = new PageMode({
      ...common,
      desk: new CustodyDesk(store, custodyPolicy(config), log),
      delivery: this.#delivery,
      forwarder: this.#forwarder,
      routing,
      hostname,
      isPushActive: config.delivery.active_default,
    })
    const registrar = new Registrar({
      ...common,
      bindings: storedBindings(store),
      onRegistered: (now, registration) => this.#registered(now, registration),
    })
    this.#service = new Service({
      ...common,
      domain,
      admissions: new Admissions({
        ...common,
        domain,
        digest: this.#digest,
        isOn: config.auth.digest,
        algorithms: config.auth.algorithms,
        isTrusted: flow => peers.has(flow.remote.address),
      }),
      registrations: new Registrations({ ...common, registrar, domain, hasCore: coreRoute !== undefined }),
      messages: new Messages({ ...common, domain, pageMode, forwarder: this.#forwarder, routing, coreRoute }),
      sessions: this.#sessions,
      isOwnVia: ownVia(hostname, parts.sip),
    })
    this.#layer.user = this.#service
  }

  start(now: Now): void {
    this.#housekeeping.start(now)
  }

  stop(now: Now): void {
    this.#service.stop()
    this.#delivery.stop(now)
  }

  flowOpened(now: Now, flow: Flow): void {
    if (flow.protocol === 'msrp') this.#msrp.flowOpened(now, flow)
    else this.#transport.flowOpened(now, flow)
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    if (flow.protocol === 'msrp') this.#msrp.received(now, flow, bytes)
    else this.#transport.received(now, flow, bytes)
  }

  flowClosed(now: Now, flow: Flow, reason: string): void {
    if (flow.protocol === 'msrp') this.#msrp.flowClosed(now, flow, reason)
    else this.#transport.flowClosed(now, flow)
  }

  describe(): Record<string, object> {
    return {
      flows: this.#transport.describe(),
      transactions: this.#layer.described(),
      sessions: this.#sessions.describe(),
      msrp: this.#msrp.describe(),
      forwards: this.#forwarder.describe(),
      digest: this.#digest.describe(),
      delivery: this.#delivery.describe(),
    }
  }

  #registered(now: Now, { aor, binding, event }: Registration): void {
    if (event === 'removed') return
    const { flow } = binding
    this.#transport.keep(now, { ...flow, protocol: 'sip' }, Math.max(0, binding.expiresAt - now.wall))
    this.#delivery.registered(aor, binding)
  }
}

const custodyPolicy = ({ deferral }: Config) => ({
  isEnabled: deferral.enabled,
  expiry: { defaultS: deferral.default_expiry_s, maxS: deferral.max_expiry_s },
  limits: {
    quotaMessages: deferral.quota_messages,
    quotaBytes: deferral.quota_bytes,
    reserveBytes: deferral.reserve_bytes,
  },
  bodyBytesMax: deferral.max_message_bytes,
})

/** Loose routing, whether the administrator wrote `;lr` or not. */
function routeValue(uri: string): string {
  const bare = uri.replace(/^<|>$/g, '')
  return /;lr\b/i.test(bare) ? `<${bare}>` : `<${bare};lr>`
}

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

function contactOf(
  hostname: string,
  listeners: readonly { readonly transport: Transport; readonly endpoint: Endpoint }[],
  transport: Transport,
): string {
  const listener = listeners.find(candidate => candidate.transport === transport)
  const at = hostPort({ address: hostname, port: listener?.endpoint.port ?? 5060 })
  return transport === 'udp' ? `sip:im@${at}` : `sip:im@${at};transport=${transport}`
}

/** Where peers reach our MSRP: a listener on every address is named by the hostname. */
function msrpEndpoint(
  hostname: string,
  listeners: readonly { readonly transport: 'tcp' | 'tls'; readonly endpoint: Endpoint }[],
): Endpoint | undefined {
  const listener = listeners.find(candidate => candidate.transport === 'tcp')
  if (!listener) return undefined
  const { address, port } = listener.endpoint
  return { address: isWildcard(address) ? hostname : address, port }
}

function ownVia(
  hostname: string,
  listeners: readonly { readonly endpoint: Endpoint }[],
): (host: string, port: number | undefined) => boolean {
  const ports = new Set(listeners.map(({ endpoint }) => endpoint.port))
  return (host, port) => host === hostname && ports.has(port ?? 5060)
}
