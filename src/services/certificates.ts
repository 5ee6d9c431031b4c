import type { ConfigChanges } from './configuration.ts'

export type CertificateWarning =
  | { readonly kind: 'expired' | 'ends soon' | 'not yet valid'; readonly days: number }
  | { readonly kind: 'does not name'; readonly name: string }

export interface CertificateView {
  /** Path, for people. */
  readonly file: string
  /** Made by the box at its first start, and used as long as the configuration names no other. */
  readonly isOwn: boolean
  readonly isSelfSigned: boolean
  readonly subject: string
  readonly issuer: string
  /** Hosts and addresses that it speaks for. */
  readonly names: readonly string[]
  /** Milliseconds since 1970. */
  readonly from: number
  readonly until: number
  /** Undefined: it is over, or the clock cannot be trusted. */
  readonly leftMs?: number
  /** SHA-256, `AA:BB:...`: what people compare. */
  readonly fingerprint: string
  /** E.g. `EC prime256v1`, `RSA 2048`. */
  readonly key: string
  /** Certificates of authorities that are sent with it. */
  readonly chain: number
  readonly warnings: readonly CertificateWarning[]
}

/** What is wrong with what was given, in words. */
export interface CertificateRefusal {
  readonly errors: { readonly certificate?: string; readonly key?: string }
}

export interface CertificateOffer {
  readonly view: CertificateView
  /** What makes the box use it; to be applied like any other change. */
  readonly changes: ConfigChanges
}

/** The certificate of all listeners with TLS. Keys come in and never go out. */
export interface CertificateService {
  /** In use, or that would be; undefined: there is none yet. */
  view(): CertificateView | undefined
  /** PEM, with its chain. */
  certificate(): string | undefined
  /** Kept in files of the box, and not in use yet. An empty `key`: that of the last request, or the one in use. */
  offer(given: { readonly certificate: string; readonly key: string }): CertificateOffer | CertificateRefusal
  /** A new self-signed one, for the names that the box has now; likewise not in use yet. */
  make(): Promise<CertificateOffer | CertificateRefusal>
  /** A new key that stays in the box, and the request (PKCS #10, PEM) to have it certified. */
  request(): Promise<string>
  /** The last one; undefined: there was none. */
  lastRequest(): string | undefined
}
