import { type Endpoint, type Flow, hostPort, type Transport } from '../base/flow.ts'
import { IM_FEATURE_TAG } from '../base/product.ts'
import type { Hop, Listener } from '../sip/transport.ts'
import { OwnHost } from '../sip/via-host.ts'

/** How this box names itself to a peer: by its hostname, or by an address of the peer's own family where the name is a number. */
export class OwnAddresses {
  readonly #host: OwnHost
  readonly #sip: readonly Listener[]
  readonly #msrp: readonly Listener[]

  /** `addresses`: the machine's own, for listeners on every address. */
  constructor(
    hostname: string,
    sip: readonly Listener[],
    msrp: readonly Listener[],
    addresses: readonly string[] = [],
  ) {
    const bound = [...sip, ...msrp].map(({ endpoint }) => endpoint.address)
    this.#host = new OwnHost(hostname, bound, addresses)
    this.#sip = sip
    this.#msrp = msrp
  }

  /** Names and addresses that mean this box. */
  get hosts(): readonly string[] {
    return this.#host.hosts
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
    return this.#host.wrote(host) && this.#sip.some(({ endpoint }) => endpoint.port === (port ?? 5060))
  }

  /** Whether what is sent there would come to this box itself, as far as it knows its addresses. */
  isOwn({ transport, address, port }: Hop): boolean {
    const isHere = isThisHost(address) || this.hosts.includes(address)
    return this.#sip.some(
      ({ transport: own, endpoint }) =>
        own === transport &&
        endpoint.port === port &&
        (endpoint.address === address || (isHere && isWildcard(endpoint.address))),
    )
  }

  #nameFor(own: Endpoint | undefined, to: Flow | Hop): string {
    return this.#host.towards(remoteOf(to), own?.address, 'local' in to ? to.local.address : undefined)
  }
}

/** DM-INV-06, DM-DLV-09, 10: our Contact value, which says that nobody sits there (RFC 3840). */
export const contactOf = (contactUri: string): string => `<${contactUri}>;${IM_FEATURE_TAG};automata`

const remoteOf = (to: Flow | Hop): string => ('remote' in to ? to.remote.address : to.address)
const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'
/** RFC 1122 3.2.1.3, RFC 4291 2.5.2, 2.5.3. */
const isThisHost = (address: string): boolean => /^(::ffff:)?(127\.|0\.0\.0\.0$)|^::1?$/.test(address)
const isIpv6 = (address: string): boolean => address.includes(':')

/** `::` takes IPv4 as well, so a listener of the other family is better than none. */
function nearest(listeners: readonly Listener[], transport: Transport, to: Flow | Hop): Listener | undefined {
  const able = listeners.filter(listener => listener.transport === transport)
  return able.find(({ endpoint }) => isIpv6(endpoint.address) === isIpv6(remoteOf(to))) ?? able[0]
}
