import { parseAddress } from './address.ts'

/**
 * Whom a limit for one address is meant for: an IPv4 address as it is; of IPv6 the first 64 bits, as every subscriber has all
 * addresses that begin with theirs (RFC 6177 2) and could take a new one for each try.
 */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address
  const bytes = parseAddress(address)
  if (!bytes) return address
  if (bytes.slice(0, 10).every(byte => byte === 0) && bytes[10] === 255 && bytes[11] === 255)
    return bytes.slice(12).join('.')
  return `${Buffer.from(bytes.slice(0, 8)).toString('hex')}/64`
}
