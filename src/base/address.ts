import type { Endpoint } from './flow.ts'

/** Numeric addresses as text: what the configuration and the trusted peers need, without a resolver. */

const OCTET = /^(0|[1-9]\d{0,2})$/
const GROUP = /^[0-9a-fA-F]{1,4}$/

const parseIpv4 = (text: string): number[] | undefined => {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every(part => OCTET.test(part) && Number(part) < 256)) return undefined
  return parts.map(Number)
}

/** The groups of one side of `::` as bytes; an IPv4 tail is allowed where `isLast`. */
const parseGroups = (text: string, isLast: boolean): number[] | undefined => {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [index, group] of groups.entries()) {
    const tail = isLast && index === groups.length - 1 && group.includes('.') ? parseIpv4(group) : undefined
    if (tail) bytes.push(...tail)
    else if (GROUP.test(group)) bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255)
    else return undefined
  }
  return bytes
}

const parseIpv6 = (text: string): number[] | undefined => {
  if (text.length > 45) return undefined
  const sides = text.split('::')
  if (sides.length > 2) return undefined
  const left = parseGroups(sides[0]!, sides.length === 1)
  if (sides.length === 1) return left?.length === 16 ? left : undefined
  const right = parseGroups(sides[1]!, true)
  if (!left || !right || left.length + right.length > 14) return undefined
  return [...left, ...new Array<number>(16 - left.length - right.length).fill(0), ...right]
}

/** 4 or 16 bytes, or undefined for anything that is not a numeric address. IPv6 without brackets or zone (RFC 4291 2.2). */
export const parseAddress = (text: string): readonly number[] | undefined =>
  text.includes(':') ? parseIpv6(text) : parseIpv4(text)

/** `::ffff:0:0/96`. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]

const isMapped = (bytes: readonly number[]): boolean =>
  bytes.length === 16 && MAPPED.every((byte, index) => bytes[index] === byte)

/** RFC 4291 2.5.5.2: of `::ffff:192.0.2.1`, in any spelling, `192.0.2.1`; undefined for any other text. */
export function ipv4Of(text: string): string | undefined {
  const bytes = parseAddress(text)
  return bytes && isMapped(bytes) ? bytes.slice(12).join('.') : undefined
}

export interface Cidr {
  readonly bytes: readonly number[]
  readonly prefixBits: number
}

/** RFC 4632 `10.0.0.0/8`, `2001:db8::/32`; a bare address is the network of itself alone. */
export function parseCidr(text: string): Cidr | undefined {
  const [address, prefix, ...rest] = text.split('/')
  const bytes = parseAddress(address!)
  if (!bytes || rest.length > 0) return undefined
  const bits = bytes.length * 8
  if (prefix === undefined) return { bytes, prefixBits: bits }
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined
  // RFC 4291 2.5.5.2: packets of IPv4 peers show as IPv4, so such a network has to be written as IPv4.
  if (isMapped(bytes)) return undefined
  return { bytes, prefixBits: Number(prefix) }
}

export function isInCidr(address: string, cidr: Cidr): boolean {
  const bytes = parseAddress(address)
  if (bytes?.length !== cidr.bytes.length) return false
  for (let bit = 0; bit < cidr.prefixBits; bit += 8) {
    const mask = cidr.prefixBits - bit >= 8 ? 255 : 255 & (255 << (8 - (cidr.prefixBits - bit)))
    if ((bytes[bit >> 3]! & mask) !== (cidr.bytes[bit >> 3]! & mask)) return false
  }
  return true
}

/** `192.0.2.1:5060` or `[2001:db8::1]:5060`; port 0 leaves the choice to the system. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const address = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return address && parseAddress(address) && port <= 65535 ? { address, port } : undefined
}
