import { type Cidr, isInCidr } from '../base/address.ts'
import { NETWORK_ONLY } from '../content/network-headers.ts'
import { addLast, has, removeFirst, value, values } from '../sip-parser-lite/access.ts'
import { type SipRequest, SipSyntaxError } from '../sip-parser-lite/message.ts'
import { fromAddress, parseAuth, parseNameAddr } from '../sip-parser-lite/typed.ts'
import { parseUri, type SipUri } from '../sip-parser-lite/uri.ts'
import type { Refusal } from './refusal.ts'

/** RFC 3325 3: the peers inside the trust domain, by the address that their packets come from. */
export class TrustedPeers {
  readonly #networks: readonly Cidr[]

  constructor(networks: readonly Cidr[]) {
    this.#networks = networks
  }

  /** `address`: numeric, IPv6 without brackets; an IPv4 address as a dual-stack socket shows it counts as IPv4. */
  has(address: string): boolean {
    const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
    return this.#networks.some(network => isInCidr(plain, network))
  }
}

/** Who sends it, as far as this hop knows. */
export type Origin =
  /** A trusted peer, which vouches for what it asserts. */
  | { readonly kind: 'peer' }
  /** A user of ours; `aor` proven by digest. */
  | { readonly kind: 'user'; readonly aor: string }
  | { readonly kind: 'stranger' }

interface Identity {
  /** The asserted URI, else the From URI; `anonymous` where privacy was asked for (DM-STO-04). */
  readonly name: string
  readonly isAnonymous: boolean
  /** P-Asserted-Identity values that the request now carries. */
  readonly asserted: readonly string[]
}

/** RFC 3325 9.1: one sip or sips URI and one tel URI. */
const ASSERTED_MAX = 2

/**
 * RFC 3325 5 to 7: makes the identity headers of `request` (a copy of the caller's own) say what this hop can stand
 * for. The receivers are users, outside the trust domain, so nothing asserted remains for an anonymous sender.
 */
export function settleIdentity(request: SipRequest, origin: Origin): Identity {
  const anonymous = isAnonymous(request)
  const asserted = anonymous ? [] : assertable(request, origin)
  const dropped = origin.kind === 'peer' ? CLAIMS : UNTRUSTED
  dropAll(request, dropped)
  for (const identity of asserted) addLast(request, 'P-Asserted-Identity', identity)
  if (anonymous) return { name: 'anonymous', isAnonymous: true, asserted }
  const first = asserted[0]
  const name = (first === undefined ? fromAddress(request) : parseNameAddr(first)).uri
  return { name, isAnonymous: false, asserted }
}

/** A display name is the user's own claim, so what we assert has none. */
function assertable(request: SipRequest, origin: Origin): readonly string[] {
  if (origin.kind === 'stranger') return []
  if (origin.kind === 'user') return [`<${origin.aor}>`]
  const believed = values(request, 'p-asserted-identity').filter(isReadable)
  return believed.slice(0, ASSERTED_MAX)
}

function isReadable(identity: string): boolean {
  try {
    parseNameAddr(identity)
    return true
  } catch (error) {
    if (error instanceof SipSyntaxError) return false
    throw error
  }
}

const NO_SERVICES: ReadonlySet<string> = new Set()

/** RFC 3323 4.2: the privacy services asked for, in lower case. */
function privacyOf(request: SipRequest): ReadonlySet<string> {
  if (!has(request, 'privacy')) return NO_SERVICES
  const services = values(request, 'privacy').flatMap(text => text.split(/[;,]/))
  return new Set(services.map(service => service.trim().toLowerCase()).filter(service => service !== ''))
}

const HIDING = new Set(['id', 'user', 'header', 'session'])

/**
 * DM-STO-04: any of the services that hide the sender; `history` (RFC 4244) hides others. A From without an identity
 * (RFC 3323 4.1.1.3) asks the same unless `none` says otherwise.
 */
export function isAnonymous(request: SipRequest): boolean {
  const services = privacyOf(request)
  for (const service of services) if (HIDING.has(service)) return true
  return !services.has('none') && /@anonymous\.invalid\b/i.test(value(request, 'from') ?? '')
}

/** RFC 3323 5: `critical` wants failure rather than less privacy. We hide the asserted identity and nothing else. */
export function privacyRefusal(request: SipRequest): Refusal | undefined {
  const services = privacyOf(request)
  if (services.size === 0) return undefined
  const isBeyondUs = ['user', 'header', 'session'].some(service => services.has(service))
  return services.has('critical') && isBeyondUs ? { status: 500, reason: 'Privacy not available' } : undefined
}

/** Replaced by what this hop stands for. */
const CLAIMS = new Set(['p-preferred-identity', 'p-asserted-identity', 'remote-party-id'])

/**
 * Said among the servers of a trust domain only (RFC 3325, 5502, 6050, 7315); from anybody else they are lies or
 * mistakes.
 */
const UNTRUSTED = new Set([
  ...CLAIMS,
  'p-asserted-service',
  'p-served-user',
  'p-called-party-id',
  'p-associated-uri',
  'p-profile-key',
  'p-user-database',
])

/** Most requests carry none of them. */
function dropAll(request: SipRequest, keys: ReadonlySet<string>): void {
  for (const { key } of request.headers) {
    if (!keys.has(key)) continue
    request.headers = request.headers.filter(header => !keys.has(header.key))
    return
  }
}

/**
 * RFC 3325 5: what somebody outside the trust domain asserts nobody may read as asserted, later neither. All other lines stay as they
 * came; without such a line it is the very same request.
 */
export function withoutAssertion(request: SipRequest): SipRequest {
  if (!has(request, 'p-asserted-identity')) return request
  return { ...request, headers: request.headers.filter(({ key }) => key !== 'p-asserted-identity') }
}

/** Takes out of `request` what is neither stored nor handed to a user. */
export function dropNetworkHeaders(request: SipRequest): void {
  dropAll(request, NETWORK_ONLY)
}

/** RFC 3261 22.3: credentials end at the realm that they are for; unreadable ones are for nobody. */
export function dropOwnCredentials(request: SipRequest, realm: string): void {
  if (!has(request, 'authorization') && !has(request, 'proxy-authorization')) return
  request.headers = request.headers.filter(
    header =>
      (header.key !== 'authorization' && header.key !== 'proxy-authorization') || isForAnother(header.value, realm),
  )
}

function isForAnother(credentials: string, realm: string): boolean {
  try {
    return parseAuth(credentials).params.get('realm') !== realm
  } catch (error) {
    if (error instanceof SipSyntaxError) return false
    throw error
  }
}

/**
 * RFC 3261 16.4: takes the topmost Route values out that name us, and with them the way to here. Throws SipSyntaxError.
 */
export function dropOwnRoutes(request: SipRequest, isOwn: (uri: SipUri) => boolean): void {
  for (const route of values(request, 'route')) {
    if (!isOwn(parseUri(parseNameAddr(route).uri))) return
    removeFirst(request, 'route')
  }
}
