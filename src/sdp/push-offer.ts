import type { Endpoint } from '../base/flow.ts'
import type { SdpAttribute } from './sdp.ts'
import { encodeOwnSdp } from './sdp.ts'

interface PushOffer {
  /** Where we take MSRP connections; the address also names us in o= and c=. */
  readonly endpoint: Endpoint
  /** Our MSRP URI. */
  readonly path: string
  /** Decimal digits, unique to this session from this address. */
  readonly sessionId: string
  readonly isSecure?: boolean
  /** RFC 8122, e.g. `SHA-256 12:DF:...`; needed with `isSecure`. */
  readonly fingerprint?: string
}

/** What we could take ourselves: with sendonly still mandatory (RFC 4975 8.6). */
export const SENDER_TYPES: readonly SdpAttribute[] = [
  { name: 'accept-types', value: 'multipart/mixed' },
  { name: 'accept-wrapped-types', value: 'message/sip message/sipfrag message/msrpfrag *' },
]

/** DM-DLV-12: the offer to push stored messages, version 1. Either side may connect (RFC 6135). */
export function pushOffer({ endpoint, path, sessionId, isSecure, fingerprint }: PushOffer): Buffer {
  const attributes: SdpAttribute[] = [
    { name: 'sendonly' },
    ...SENDER_TYPES,
    { name: 'path', value: path },
    { name: 'setup', value: 'actpass' },
  ]
  if (fingerprint) attributes.push({ name: 'fingerprint', value: fingerprint })
  const protocol = isSecure ? 'TCP/TLS/MSRP' : 'TCP/MSRP'
  return encodeOwnSdp(endpoint, sessionId, [
    { media: 'message', port: endpoint.port, protocol, formats: ['*'], attributes },
  ])
}
