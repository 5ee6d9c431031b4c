import type { Flow } from '../base/flow.ts'

/** What a session asks of the connection that serves it. */
export interface BindingTerms {
  readonly transport: 'tcp' | 'tls'
  /** The peer's a=fingerprint values (RFC 8122 5), if it gave any. */
  readonly fingerprints: readonly string[] | undefined
}

/**
 * Why `flow` may not serve a session of those terms, or undefined. RFC 4975 14.4: what was agreed to be TLS comes over
 * TLS, and from who holds the certificate that the fingerprint is of.
 */
export const bindingDefect = ({ transport, fingerprints }: BindingTerms, flow: Flow): string | undefined => {
  if (transport !== 'tls') return undefined
  if (flow.transport !== 'tls') return 'connection without TLS'
  if (!fingerprints) return undefined
  const shown = (flow.peerFingerprints ?? []).map(canonical)
  return fingerprints.some(each => shown.includes(canonical(each))) ? undefined : 'certificate of somebody else'
}

/** RFC 8122 5: the name of the hash in any case, the octets in upper-case hex. */
const canonical = (fingerprint: string): string => {
  const [hash = '', octets = ''] = fingerprint.trim().split(/\s+/)
  return `${hash.toLowerCase()} ${octets.toUpperCase()}`
}
