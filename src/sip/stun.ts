import { crc32 } from 'node:zlib'
import { parseAddress } from '../base/address.ts'
import type { Endpoint } from '../base/flow.ts'

/** What becomes of a STUN message; `unknown attribute` is answered as well, by an error. */
export type StunVerdict =
  | { readonly kind: 'binding' | 'unknown attribute'; readonly answer: Buffer }
  | { readonly kind: 'indication' | 'dropped' }

const HEADER_BYTES = 20
const COOKIE = 0x2112a442

const BINDING_REQUEST = 0x0001
const BINDING_INDICATION = 0x0011
const BINDING_SUCCESS = 0x0101
const BINDING_ERROR = 0x0111

const ERROR_CODE = 0x0009
const UNKNOWN_ATTRIBUTES = 0x000a
const XOR_MAPPED_ADDRESS = 0x0020
const FINGERPRINT = 0x8028
/** RFC 8489 14.7. */
const FINGERPRINT_XOR = 0x5354554e

/**
 * Comprehension-required attributes that RFC 8489 defines for a server that asks for no credentials: they are understood, and say
 * nothing here. From 0x8000 on an attribute may be passed over.
 */
const UNDERSTOOD = new Set([0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, 0x0020])
const OPTIONAL_FROM = 0x8000

/** Named in an error; RFC 8489 itself knows fewer. Each costs the sender four bytes and us two, so the answer grows no faster. */
const UNKNOWN_MAX = 8

const UNKNOWN_REASON = 'Unknown Attribute'

/**
 * RFC 5626 8: whether a datagram on the SIP port is STUN. A SIP message may begin with any token, so two zero bits are not enough
 * unless the magic cookie follows; but no message of SIP begins with the octets 0 and 1, as all of classic STUN does.
 */
export function isStun(bytes: Buffer): boolean {
  const first = bytes[0]
  if (first === undefined || first > 0x3f) return false
  return first < 2 || (bytes.length >= 8 && bytes.readUInt32BE(4) === COOKIE)
}

/** RFC 5626 3.5.2, RFC 8489 6.3: the server's side of a keep-alive, without state. `source` is where the datagram came from. */
export function judgeStun(bytes: Buffer, source: Endpoint): StunVerdict {
  const attributes = readAttributes(bytes)
  if (!attributes) return { kind: 'dropped' }
  const { unknown, hasFingerprint } = attributes
  const type = bytes.readUInt16BE(0)
  if (type === BINDING_INDICATION) return { kind: unknown.length > 0 ? 'dropped' : 'indication' }
  if (type !== BINDING_REQUEST) return { kind: 'dropped' }
  const id = bytes.subarray(8, HEADER_BYTES)
  if (unknown.length > 0)
    return {
      kind: 'unknown attribute',
      answer: message(BINDING_ERROR, id, [errorCode(420, UNKNOWN_REASON), unknownAttributes(unknown)], hasFingerprint),
    }
  const mapped = xorMappedAddress(source, bytes.subarray(4, HEADER_BYTES))
  if (!mapped) return { kind: 'dropped' }
  return { kind: 'binding', answer: message(BINDING_SUCCESS, id, [mapped], hasFingerprint) }
}

/** Undefined for what is no whole STUN message, or one whose FINGERPRINT does not fit (RFC 8489 6.3, 14.7). */
function readAttributes(bytes: Buffer): { unknown: number[]; hasFingerprint: boolean } | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(4) !== COOKIE) return undefined
  if (bytes.length % 4 !== 0 || bytes.readUInt16BE(2) !== bytes.length - HEADER_BYTES) return undefined
  const unknown: number[] = []
  let at = HEADER_BYTES
  while (at < bytes.length) {
    const type = bytes.readUInt16BE(at)
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length) return undefined
    if (type === FINGERPRINT) {
      const isLast = end === at + 8 && end === bytes.length
      return isLast && bytes.readUInt32BE(at + 4) === fingerprint(bytes.subarray(0, at))
        ? { unknown, hasFingerprint: true }
        : undefined
    }
    const isUnknown = type < OPTIONAL_FROM && !UNDERSTOOD.has(type) && !unknown.includes(type)
    if (isUnknown && unknown.length < UNKNOWN_MAX) unknown.push(type)
    at = end + padding(end)
  }
  return { unknown, hasFingerprint: false }
}

/** RFC 8489 14.2. `mask` is the magic cookie and the transaction id. */
function xorMappedAddress(source: Endpoint, mask: Buffer): Buffer | undefined {
  const address = parseAddress(source.address)
  if (!address) return undefined
  const value = Buffer.alloc(4 + address.length)
  value[1] = address.length === 4 ? 1 : 2
  value.writeUInt16BE(source.port ^ (COOKIE >>> 16), 2)
  for (const [index, byte] of address.entries()) value[4 + index] = byte ^ mask[index]!
  return attribute(XOR_MAPPED_ADDRESS, value)
}

/** RFC 8489 14.8. */
function errorCode(code: number, reason: string): Buffer {
  const value = Buffer.from(`\0\0\0\0${reason}`, 'latin1')
  value[2] = Math.trunc(code / 100)
  value[3] = code % 100
  return attribute(ERROR_CODE, value)
}

function unknownAttributes(types: readonly number[]): Buffer {
  const value = Buffer.alloc(types.length * 2)
  for (const [index, type] of types.entries()) value.writeUInt16BE(type, index * 2)
  return attribute(UNKNOWN_ATTRIBUTES, value)
}

/** Whoever sends a FINGERPRINT tells STUN from other things by it, and gets one. */
function message(type: number, id: Buffer, attributes: readonly Buffer[], hasFingerprint: boolean): Buffer {
  const header = Buffer.alloc(8)
  const bytes = Buffer.concat([header, id, ...attributes])
  bytes.writeUInt16BE(type, 0)
  bytes.writeUInt16BE(bytes.length - HEADER_BYTES + (hasFingerprint ? 8 : 0), 2)
  bytes.writeUInt32BE(COOKIE, 4)
  if (!hasFingerprint) return bytes
  const value = Buffer.alloc(4)
  value.writeUInt32BE(fingerprint(bytes))
  return Buffer.concat([bytes, attribute(FINGERPRINT, value)])
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + value.length + padding(value.length))
  bytes.writeUInt16BE(type, 0)
  bytes.writeUInt16BE(value.length, 2)
  value.copy(bytes, 4)
  return bytes
}

const padding = (length: number): number => -length & 3

const fingerprint = (before: Buffer): number => (crc32(before) ^ FINGERPRINT_XOR) >>> 0
