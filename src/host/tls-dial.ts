import { isIP } from 'node:net'
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { Config } from '../base/config.ts'
import type { Flow } from '../base/flow.ts'
import { type Certificates, readAuthorities } from './certificates.ts'
import { PlainError } from './plain-error.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

export interface DialPolicy {
  /** Whether SIP peers that we connect to have to prove who they are. */
  readonly verifiesPeers: boolean
  /** Certificate authorities beside those of the system, PEM; empty for none. */
  readonly ca: string
}

/** Throws a PlainError where `tls.ca` is no file of certificates. */
export function dialPolicy({ ca, verify_peers }: Config['tls']): DialPolicy {
  const authorities = ca === '' ? '' : readAuthorities(ca)
  if (typeof authorities === 'string') return { verifiesPeers: verify_peers, ca: authorities }
  throw new PlainError(`tls.ca: ${ca} ${authorities.wrong}, allowed: ${authorities.allowed}.`)
}

/** Opens TLS connections, and shows the box's own certificate to whoever asks for it. */
export class TlsDialler {
  readonly #certificates: Certificates
  readonly #policy: DialPolicy
  #context: SecureContext | undefined

  constructor(certificates: Certificates, policy: DialPolicy) {
    this.#certificates = certificates
    this.#policy = policy
    certificates.onChange(() => {
      this.#context = undefined
    })
  }

  /** A SIP peer that is not who it should be ends with an error. With MSRP the fingerprint in SDP decides (RFC 4975 14). */
  dial({ protocol, remote, peerName = remote.address }: Flow): TLSSocket {
    this.#context ??= this.#newContext()
    const isVerified = protocol === 'sip' && this.#policy.verifiesPeers
    return connect({
      host: remote.address,
      port: remote.port,
      secureContext: this.#context,
      ...(isIP(peerName) === 0 && { servername: peerName }),
      rejectUnauthorized: isVerified,
      checkServerIdentity: (_host, certificate) => wrongIdentity(peerName, certificate),
    })
  }

  /** Reading the system's authorities takes some tenths of a second: only where they are needed, and once. */
  #newContext(): SecureContext {
    const { certificate, key } = this.#certificates.pair
    const { ca, verifiesPeers } = this.#policy
    const shown = { ...TLS_SETTINGS, cert: certificate, key }
    if (!verifiesPeers) return createSecureContext(shown)
    return createSecureContext({ ...shown, ca: authorities(ca) })
  }
}

/** Those of the system, and beside them `ca` in PEM; empty for none. */
export function authorities(ca: string): string[] {
  const system = getCACertificates('system')
  const known = system.length > 0 ? system : getCACertificates('bundled')
  return ca === '' ? known : [...known, ca]
}

/**
 * RFC 5922 7.1, 7.2: the domain stands as `sip:` URI or, where there is none, as DNS name in subjectAltName, without wildcards.
 * Undefined when it does.
 */
function wrongIdentity(name: string, certificate: PeerCertificate): Error | undefined {
  if (isIP(name)) return checkServerIdentity(name, certificate)
  const names = alternativeNames(certificate.subjectaltname ?? '')
  const uris = names.flatMap(([kind, value]) => (kind === 'URI' ? sipDomain(value) : []))
  const dns = names.flatMap(([kind, value]) => (kind === 'DNS' ? [value] : []))
  const wanted = name.toLowerCase().replace(/\.$/, '')
  const all = uris.length > 0 ? uris : dns.length > 0 ? dns : [certificate.subject.CN].flat()
  if (all.some(each => each?.toLowerCase() === wanted)) return undefined
  return new Error(`the peer's certificate is for ${all.slice(0, 5).join(', ') || 'nobody'}, not for ${wanted}`)
}

/** `DNS:a, URI:"b, c"` as Node.js writes it, where quotes keep a value together that could be taken for several. */
function alternativeNames(text: string): [kind: string, value: string][] {
  const parts = text.match(/[^,\s][^:]*:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? []
  return parts.map(part => {
    const colon = part.indexOf(':')
    const value = part.slice(colon + 1)
    return [part.slice(0, colon), value.startsWith('"') ? String(JSON.parse(value)) : value]
  })
}

/** RFC 5922 7.1: a `sip:` URI with a user part names a person, not a domain. */
const sipDomain = (uri: string): string[] => {
  const match = /^sip:([^@:;?]+)$/i.exec(uri)
  return match ? [match[1]!] : []
}
