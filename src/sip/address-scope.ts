import { isInCidr, parseCidr } from '../base/address.ts'

/** How far an address means the same host. `nowhere` is no host's at all. */
export type Scope = 'host' | 'link' | 'site' | 'world' | 'nowhere'

const cidrs = (...texts: string[]) => texts.map(text => parseCidr(text)!)

/** RFC 6890 and RFC 4291 2.4, what matters of them here; RFC 6598 is private as seen from outside. */
const SCOPES = [
  ['nowhere', cidrs('0.0.0.0/8', '224.0.0.0/3', '::/128', 'ff00::/8')],
  ['host', cidrs('127.0.0.0/8', '::1/128')],
  ['link', cidrs('169.254.0.0/16', 'fe80::/10')],
  ['site', cidrs('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7')],
] as const

/** Of a numeric address, IPv6 without brackets. */
export function scopeOf(address: string): Scope {
  for (const [scope, ranges] of SCOPES) if (ranges.some(range => isInCidr(address, range))) return scope
  return 'world'
}
