import { type Endpoint, type Flow, hostPort, type Transport } from '../base/flow.ts'
import type { Hop, Listener } from '../sip/transport.ts'

/** How this box names itself to a peer: by its hostname, or by an address of the peer's own family where the name is a number. */
export class OwnAddresses {
  readonly #hostname: string
  readonly #sip: readonly Listener[]
  readonly #msrp: readonly Listener[]
  readonly #addresses: readonly string[]

  /** `addresses`: the machine's own, for listeners on every address. */
  constructor(
    hostname: string,
    sip: readonly Listener[],
    msrp: readonly Listener[],
    addresses: readonly string[] = [],
  ) {
    this.#hostname = hostname
    this.#sip = sip
    this.#msrp = msrp
    this.#addresses = addresses
  }

  /** Names and addresses that mean this box. */
  get hosts(): readonly string[] {
    const bound = [...this.#sip, ...this.#msrp].map(({ endpoint }) => endpoint.address)
    const isEverywhere = bound.some(isWildcard)
    return [this.#hostname, ...bound.filter(address => !isWildcard(address)), ...(isEverywhere ? this.#addresses : [])]
  }

  /** Our Contact URI over that flow or hop. */
  contactUri(to: Flow | Hop): string {
    const { transport } = to
    const listener = nearest(this.#sip, transport, to)
    const at = hostPort({ address: this.#nameFor(listener?.endpoint, to), port: listener?.endpoint.port ?? 5060 })
    // RFC 7118 5.2: a URI knows `ws` alone, whether TLS is below it or not.
    const param = transport === 'wss' ? 'ws' : transport
    return transport === 'udp' ? `sip:im@${at}` : `sip:im@${at};transport=${param}`
  }

  /** RFC 4975 14.2: who signals over TLS is offered MSRP over TLS where we have it; others only where we have nothing else. */
  msrpTransport(to: Flow | Hop): 'tcp' | 'tls' {
    const has = (transport: Transport): boolean => this.#msrp.some(listener => listener.transport === transport)
    const isSecure = to.transport === 'tls' || to.transport === 'wss'
    return has('tls') && (isSecure || !has('tcp')) ? 'tls' : 'tcp'
  }

  /** Where that peer reaches our MSRP over that transport; undefined without a listener for it. */
  msrpEndpoint(to: Flow | Hop, transport: 'tcp' | 'tls' = 'tcp'): Endpoint | undefined {
    const listener = nearest(this.#msrp, transport, to)
    return listener && { address: this.#nameFor(listener.endpoint, to), port: listener.endpoint.port }
  }

  /** Whether a Via of ours says this (RFC 3261 16.3 step 4). */
  isOwnVia(host: string, port: number | undefined): boolean {
    return host === this.#hostname && this.#sip.some(({ endpoint }) => endpoint.port === (port ?? 5060))
  }

  #nameFor(own: Endpoint | undefined, to: Flow | Hop): string {
    if (!isNumeric(this.#hostname) || isIpv6(this.#hostname) === isIpv6(remoteOf(to))) return this.#hostname
    if (own && !isWildcard(own.address)) return own.address
    return 'local' in to && !isWildcard(to.local.address) ? to.local.address : this.#hostname
  }
}

const remoteOf = (to: Flow | Hop): string => ('remote' in to ? to.remote.address : to.address)
const isIpv6 = (address: string): boolean => address.includes(':')
const isNumeric = (host: string): boolean => isIpv6(host) || /^\d+(\.\d+){3}$/.test(host)
const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

/** `::` takes IPv4 as well, so a listener of the other family is better than none. */
function nearest(listeners: readonly Listener[], transport: Transport, to: Flow | Hop): Listener | undefined {
  const able = listeners.filter(listener => listener.transport === transport)
  return able.find(({ endpoint }) => isIpv6(endpoint.address) === isIpv6(remoteOf(to))) ?? able[0]
}
