export type DigestAlgorithm = 'MD5' | 'SHA-256'

export interface Account {
  /** Canonical address-of-record, `sip:user@domain`. */
  readonly aor: string
  /** Hex; HA1 of user, realm (the domain) and password. Neither: a user of the core's, who has no password here. */
  readonly ha1Md5?: string
  readonly ha1Sha256?: string
  /** The same of the name with its domain, `alice@example.org`, which some clients log in by; only where the password itself was given. */
  readonly ha1Md5Address?: string
  readonly ha1Sha256Address?: string
  /** Order offered to this account; absent: the site's. */
  readonly algorithms?: readonly DigestAlgorithm[]
  /** `file`: provisioned by the configuration file and replaced at each start; `store`: made by command, page or API. */
  readonly origin: 'file' | 'store'
}
