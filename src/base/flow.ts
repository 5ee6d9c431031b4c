export type Transport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

export interface Endpoint {
  /** Numeric; IPv6 without brackets or zone. */
  readonly address: string
  readonly port: number
}

/**
 * RFC 5626: a transport with both its addresses. A value, not a socket: bytes come in with it and go out with it.
 * A stream's id is unique within a run of the process; a datagram flow's id is made of its addresses and outlives a restart.
 */
export interface Flow {
  readonly id: string
  readonly protocol: 'sip' | 'msrp'
  readonly transport: Transport
  readonly local: Endpoint
  readonly remote: Endpoint
  /** Of the certificate that the peer showed over TLS, RFC 8122 5: `sha-256 AA:BB:...`, upper-case hex; one per hash function. */
  readonly peerFingerprints?: readonly string[]
  /** RFC 5922 7.2: the domain or numeric address that the certificate of a TLS peer we connect to has to name. */
  readonly peerName?: string
}

export const isReliable = (transport: Transport): boolean => transport !== 'udp'

export const udpFlow = (local: Endpoint, remote: Endpoint): Flow => ({
  id: `udp/${local.address}/${local.port}/${remote.address}/${remote.port}`,
  protocol: 'sip',
  transport: 'udp',
  local,
  remote,
})

/** RFC 3986 host:port, IPv6 in brackets. */
export const hostPort = (endpoint: Endpoint): string =>
  endpoint.address.includes(':') ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`
