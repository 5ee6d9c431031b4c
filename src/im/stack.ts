import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Endpoint, Flow, Transport } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import { RELEASE } from '../base/product.ts'
import type { Now } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import { MsrpEndpoint } from '../msrp/endpoint.ts'
import type { MsrpOutputs } from '../msrp/host.ts'
import { Forwarder } from '../sip/forward.ts'
import type { InviteRelayParts } from '../sip/invite-relay.ts'
import { nextHops, type Resolver } from '../sip/next-hop.ts'
import { Sessions } from '../sip/session.ts'
import type { SessionContext } from '../sip/session-types.ts'
import { Subscribers } from '../sip/subscribers.ts'
import { TransactionLayer, type TransactionLimits } from '../sip/transaction/layer.ts'
import { SipTransport } from '../sip/transport.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { OwnAddresses } from './own-addresses.ts'
import type { Routing } from './reach.ts'

export interface StackParts {
  readonly hostname: string
  /** Where the host listens: ports as bound. */
  readonly sip: readonly { readonly transport: Transport; readonly endpoint: Endpoint }[]
  readonly msrp: readonly { readonly transport: 'tcp' | 'tls'; readonly endpoint: Endpoint }[]
  /** The machine's own addresses, for listeners on every address. */
  readonly addresses?: readonly string[]
  /** `sha-256 AA:BB:...` of the certificate that MSRP listeners of TLS show now (RFC 4975 14); needed where there is one. */
  readonly localFingerprint?: () => string
  /** Unique to this run of the process. */
  readonly run: string
  /** Of transactions, where not as usual. */
  readonly transactionLimits?: TransactionLimits
  readonly entropy: Entropy
  readonly log: Log
  readonly counters: Counters
  readonly timers: Timers
  readonly outputs: MsrpOutputs
  readonly resolver: Resolver
}

/** SIP and MSRP side by side, from bytes to transactions and sessions; what is done with them is decided above. */
export class Stack {
  readonly own: OwnAddresses
  readonly transport: SipTransport
  readonly layer: TransactionLayer
  readonly msrp: MsrpEndpoint
  readonly sessionContext: SessionContext & Pick<InviteRelayParts, 'layer' | 'isAlive'>
  readonly sessions: Sessions
  readonly subscriber: Subscribers
  readonly forwarder: Forwarder
  readonly routing: Routing

  constructor(parts: StackParts) {
    const { sip, msrp, hostname, resolver, entropy } = parts
    this.own = new OwnAddresses(hostname, sip, msrp, parts.addresses)
    this.transport = new SipTransport({ ...parts, listeners: sip })
    const limits = parts.transactionLimits
    this.layer = new TransactionLayer({ ...parts, ...(limits && { limits }), transport: this.transport })
    this.transport.receiver = this.layer
    this.msrp = new MsrpEndpoint({ ...parts, listeners: msrp })
    const hops = { resolver, entropy, listeners: sip }
    this.routing = {
      isAlive: flow => this.transport.isAlive(flow),
      nextHops: (now, uri, done) => nextHops(now, uri, hops, done),
    }
    this.sessionContext = {
      ...parts,
      layer: this.layer,
      userAgent: RELEASE,
      isAlive: flow => this.transport.isAlive(flow),
      locate: (now, uri, done) => nextHops(now, parseUri(uri), hops, (then, found) => done(then, found[0])),
    }
    this.sessions = new Sessions(this.sessionContext)
    this.subscriber = new Subscribers(this.sessionContext)
    this.forwarder = new Forwarder({ ...parts, layer: this.layer })
  }

  flowOpened(now: Now, flow: Flow): void {
    if (flow.protocol === 'msrp') this.msrp.flowOpened(now, flow)
    else this.transport.flowOpened(now, flow)
  }

  received(now: Now, flow: Flow, bytes: Buffer): void {
    if (flow.protocol === 'msrp') this.msrp.received(now, flow, bytes)
    else this.transport.received(now, flow, bytes)
  }

  flowClosed(now: Now, flow: Flow, reason: string): void {
    if (flow.protocol === 'msrp') this.msrp.flowClosed(now, flow, reason)
    else this.transport.flowClosed(now, flow)
  }

  flowFull(now: Now, flow: Flow, isFull: boolean): void {
    if (flow.protocol === 'msrp') this.msrp.flowFull(now, flow, isFull)
  }

  describe(): Record<string, object> {
    return {
      flows: this.transport.describe(),
      transactions: this.layer.described(),
      sessions: this.sessions.describe(),
      own_subscriptions: this.subscriber.describe(),
      msrp: this.msrp.describe(),
      forwards: this.forwarder.describe(),
    }
  }
}
