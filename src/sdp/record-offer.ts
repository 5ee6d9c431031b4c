import type { Endpoint } from '../base/flow.ts'
import { encodeOwnSdp, type SdpAttribute } from './sdp.ts'

interface RecordOffer {
  /** Where we take MSRP connections; the address also names us in o= and c=. */
  readonly endpoint: Endpoint
  /** Our MSRP URI. */
  readonly path: string
  /** Decimal digits, unique to this session from this address. */
  readonly sessionId: string
  /** RFC 8122 of our certificate: the stream is MSRP over TLS. */
  readonly fingerprint?: string
}

/**
 * HIS-INV-05: the offer to hear what is said in a conference, whatever it is, version 1. `recvonly` (RFC 3264 5.1): a recorder says
 * nothing, and everybody may see that. Either side may connect (RFC 6135).
 */
export function recordOffer({ endpoint, path, sessionId, fingerprint }: RecordOffer): Buffer {
  const attributes: SdpAttribute[] = [
    { name: 'recvonly' },
    { name: 'accept-types', value: '*' },
    { name: 'path', value: path },
    { name: 'setup', value: 'actpass' },
  ]
  if (fingerprint !== undefined) attributes.push({ name: 'fingerprint', value: fingerprint })
  const protocol = fingerprint === undefined ? 'TCP/MSRP' : 'TCP/TLS/MSRP'
  return encodeOwnSdp(endpoint, sessionId, [
    { media: 'message', port: endpoint.port, protocol, formats: ['*'], attributes },
  ])
}
