/** What is asked of the DNS to find a server (RFC 3263), and what it says; times to live are the host's affair. */
export interface DnsQuestion {
  readonly kind: 'NAPTR' | 'SRV' | 'A' | 'AAAA'
  readonly name: string
}

export interface NaptrRecord {
  readonly kind: 'NAPTR'
  readonly order: number
  readonly preference: number
  readonly flags: string
  readonly service: string
  readonly replacement: string
}

export interface SrvRecord {
  readonly kind: 'SRV'
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly name: string
}

export type DnsRecord = NaptrRecord | SrvRecord | { readonly kind: 'A' | 'AAAA'; readonly address: string }
