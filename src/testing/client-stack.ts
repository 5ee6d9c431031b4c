import { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Endpoint, Flow } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { Instant, Now } from '../base/time.ts'
import { Timers } from '../base/timers.ts'
import type { Output } from '../engine-io.ts'
import { MsrpEndpoint, type MsrpListener } from '../msrp/endpoint.ts'
import { TransactionLayer } from '../sip/transaction/layer.ts'
import { type Listener, SipTransport } from '../sip/transport.ts'

/** Where a client is reached. */
export interface ClientPlace {
  /** The first one is what it calls itself by. */
  readonly sip: readonly Listener[]
  readonly msrp: Endpoint
  /** Where it takes MSRP over TLS, and its certificate; absent: it refuses offers of that. */
  readonly secureMsrp?: { readonly endpoint: Endpoint; readonly fingerprint: string }
}

export type ClientOutput = Extract<Output, { kind: 'transmit' | 'connect' | 'close' | 'hold' }>

/** SIP and MSRP of somebody whom the box talks to, made of its own layers. Driven like the engine: inputs in, then drain. */
export class ClientStack {
  readonly timers = new Timers()
  readonly counters = new Counters()
  readonly transport: SipTransport
  readonly layer: TransactionLayer
  readonly msrp: MsrpEndpoint
  #outputs: ClientOutput[] = []

  constructor({ sip, msrp, secureMsrp }: ClientPlace, entropy: Entropy, log: Log) {
    const { timers, counters } = this
    const hostname = sip[0]!.endpoint.address
    const outputs = {
      transmit: (flow: Flow, bytes: Buffer) => this.put({ kind: 'transmit', flow, bytes }),
      connect: (flow: Flow) => this.put({ kind: 'connect', flow }),
      close: (flow: Flow) => this.put({ kind: 'close', flow }),
      hold: (flow: Flow, isHeld: boolean) => this.put({ kind: 'hold', flow, isHeld }),
    }
    this.transport = new SipTransport({ listeners: sip, hostname, outputs, timers, counters, log })
    this.layer = new TransactionLayer({ timers, entropy, transport: this.transport, counters, log })
    this.transport.receiver = this.layer
    const listeners: MsrpListener[] = [{ transport: 'tcp', endpoint: msrp }]
    if (secureMsrp) listeners.push({ transport: 'tls', endpoint: secureMsrp.endpoint })
    this.msrp = new MsrpEndpoint({ hostname, listeners, timers, entropy, outputs, counters, log })
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

  timeout(now: Now): void {
    this.timers.fire(now)
  }

  nextTimeout(): Instant | undefined {
    return this.timers.next()
  }

  drain(): ClientOutput[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  /** On its way out. */
  protected put(output: ClientOutput): void {
    this.#outputs.push(output)
  }
}
