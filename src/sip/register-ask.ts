import { IM_FEATURE_TAG } from '../base/product.ts'
import { value, values } from '../sip-parser-lite/access.ts'
import { canonicalHost } from '../sip-parser-lite/host.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { SipSyntaxError } from '../sip-parser-lite/message.ts'
import { callId, cseq, type NameAddr, parseNameAddr, topVia } from '../sip-parser-lite/typed.ts'
import { parseUri, type SipUri } from '../sip-parser-lite/uri.ts'
import { contactParams, hasFeature, thousandths } from './contact-params.ts'
import { isRefusal, orRefusal, type Refusal } from './refusal.ts'

/** One contact of a REGISTER as it asks to be bound. */
export interface AskedContact {
  readonly uri: string
  readonly parsed: SipUri
  /** As in `Binding`. */
  readonly params: string
  readonly instance?: string
  /** Only where RFC 5626 is in use: with `instance` the key of the binding. */
  readonly regId?: number
  readonly q: number
  /** 0 removes. At most the registrar's maximum. */
  readonly expiresS: number
  readonly isInstantMessaging: boolean
}

/** What one REGISTER asks for (RFC 3261 10.3 steps 6 to 7), whatever is bound now. */
export interface RegisterAsk {
  readonly callId: string
  readonly cseq: number
  /** `Contact: *` with `Expires: 0`. */
  readonly removesAll: boolean
  /** Empty without `removesAll`: only asks what is bound. */
  readonly contacts: readonly AskedContact[]
  readonly path: readonly string[]
  /** RFC 3327 5.3: the Path goes back only to a client that said it understands. */
  readonly returnsPath: boolean
  readonly isOutbound: boolean
  readonly userAgent?: string
  /** What its Via says of who sent it; undefined when proxies stand between. */
  readonly sender?: Sender
}

interface Sender {
  /** As the sender knows itself. */
  readonly host: string
  /** It is seen from another address (RFC 3261 18.2.1, RFC 3581 4). */
  readonly isBehindNat: boolean
}

export interface RegisterLimits {
  /** RFC 3261 10.3 step 7: below it 423. Seconds. */
  readonly minExpiresS: number
  /** Seconds; more is cut down to it. */
  readonly maxExpiresS: number
  readonly defaultExpiresS: number
  /** A person's devices, and what crashed ones left behind within an hour. */
  readonly bindingsMax: number
}

export const REGISTER_LIMITS: RegisterLimits = {
  // What sipsak asks for unless told otherwise; each refresh is a write to flash, so no less.
  minExpiresS: 15,
  maxExpiresS: 86_400,
  defaultExpiresS: 3600,
  bindingsMax: 20,
}

/**
 * Room for GRUU and push-notification parameters (RFC 8599) several times over. Also of one Path value, in characters.
 */
const URI_LENGTH_MAX = 1024
/** Feature tags of an RCS client come to some 1500 characters. */
const PARAMS_LENGTH_MAX = 4096
/** More proxies than Max-Forwards would usually let pass between a phone and its registrar. */
const PATH_MAX = 10
/** Stored once per binding; RFC 3261 8.1.1.4 wants it unique, not long. */
const CALL_ID_LENGTH_MAX = 512
/** For people to read. */
const USER_AGENT_LENGTH_MAX = 200
/** RFC 5626 11.1: a URN; UUIDs have 47 characters with their brackets. */
const INSTANCE_LENGTH_MAX = 256
/** Largest delta-seconds, RFC 3261 20.19. */
const SECONDS_MAX = 4_294_967_295

export function readRegister(request: SipRequest, limits: RegisterLimits): RegisterAsk | Refusal {
  return orRefusal(() => {
    const supported = new Set([...values(request, 'supported'), ...values(request, 'require')].map(lower))
    const path = readPath(request)
    const contactValues = values(request, 'contact')
    const removesAll = contactValues.some(contact => contact.trim() === '*')
    if (removesAll) checkRemovesAll(request, contactValues)
    const contacts = removesAll ? [] : readContacts(request, contactValues, limits, supported.has('outbound'))
    if (isRefusal(contacts)) return contacts
    const isOutbound = contacts.some(contact => contact.regId !== undefined)
    // RFC 5626 6: a client behind a proxy that knows nothing of flows cannot be reached by its flow.
    if (isOutbound && values(request, 'via').length > 1 && !lastHopKeepsFlows(path))
      return { status: 439, reason: 'First Hop Lacks Outbound Support' }
    const sender = senderOf(request)
    return {
      ...identityOf(request),
      removesAll,
      contacts,
      path,
      returnsPath: supported.has('path'),
      isOutbound,
      ...(sender && { sender }),
    }
  })
}

function senderOf(request: SipRequest): Sender | undefined {
  if (values(request, 'via').length > 1) return undefined
  const { host, params } = topVia(request)
  const received = params.get('received')
  return { host, isBehindNat: received !== undefined && canonicalHost(received) !== canonicalHost(host) }
}

/** What a binding remembers of the request that made it. */
export function identityOf(request: SipRequest): { callId: string; cseq: number; userAgent?: string } {
  const id = callId(request)
  if (id.length > CALL_ID_LENGTH_MAX) throw new SipSyntaxError(400, 'Call-ID too long')
  const userAgent = value(request, 'user-agent')?.slice(0, USER_AGENT_LENGTH_MAX)
  return { callId: id, cseq: cseq(request).seq, ...(userAgent !== undefined && { userAgent }) }
}

/** RFC 3261 10.3 step 6. */
function checkRemovesAll(request: SipRequest, contactValues: readonly string[]): void {
  if (contactValues.length > 1) throw new SipSyntaxError(400, 'Contact * must stand alone')
  if (!/^0+$/.test(value(request, 'expires')?.trim() ?? '')) throw new SipSyntaxError(400, 'Contact * needs Expires 0')
}

function readContacts(
  request: SipRequest,
  contactValues: readonly string[],
  limits: RegisterLimits,
  isOutbound: boolean,
): AskedContact[] | Refusal {
  if (contactValues.length > limits.bindingsMax) throw new SipSyntaxError(400, 'Too many Contacts')
  const headerExpiresS = secondsOf(value(request, 'expires'), limits.defaultExpiresS)
  const contacts: AskedContact[] = []
  for (const text of contactValues) {
    const contact = readContact(text, headerExpiresS, limits, isOutbound)
    if (!contact) continue
    if (contact.expiresS > 0 && contact.expiresS < limits.minExpiresS)
      return { status: 423, headers: [['Min-Expires', String(limits.minExpiresS)]] }
    contacts.push(contact)
  }
  if (contactValues.length > 0 && contacts.length === 0) throw new SipSyntaxError(400, 'Contact is not a SIP URI')
  return contacts
}

/**
 * Undefined for a contact this registrar has no use for: the response's list tells the client that it was not taken.
 */
function readContact(
  text: string,
  headerExpiresS: number,
  limits: RegisterLimits,
  isOutbound: boolean,
): AskedContact | undefined {
  const address = parseNameAddr(text, 'Contact')
  if (!/^sips?:/i.test(address.uri)) return undefined
  const params = contactParams(text)
  if (address.uri.length > URI_LENGTH_MAX || params.length > PARAMS_LENGTH_MAX)
    throw new SipSyntaxError(400, 'Contact too long')
  const q = thousandths(address.params.get('q'))
  if (q === undefined) throw new SipSyntaxError(400, 'Malformed Contact header: q')
  const expires = address.params.get('expires')
  return {
    uri: address.uri,
    parsed: uriIn('Contact', address.uri),
    params,
    ...instanceOf(address, isOutbound),
    q,
    expiresS: Math.min(
      expires === undefined ? headerExpiresS : secondsOf(expires, limits.defaultExpiresS),
      limits.maxExpiresS,
    ),
    isInstantMessaging: hasFeature(address.params, IM_FEATURE_TAG),
  }
}

/** RFC 5626 6: reg-id counts only with an instance, and only from a client that declared outbound. */
function instanceOf(address: NameAddr, isOutbound: boolean): { instance?: string; regId?: number } {
  const instance = address.params.get('+sip.instance')
  if (!instance) return {}
  if (instance.length > INSTANCE_LENGTH_MAX) throw new SipSyntaxError(400, 'Contact instance too long')
  const regId = address.params.get('reg-id')
  if (!isOutbound || regId === undefined) return { instance }
  if (!/^[1-9]\d{0,9}$/.test(regId) || Number(regId) > 2 ** 31 - 1)
    throw new SipSyntaxError(400, 'Malformed Contact header: reg-id')
  return { instance, regId: Number(regId) }
}

/** The refusal names the header, not only what is wrong in it. */
export function uriIn(header: string, text: string): SipUri {
  try {
    return parseUri(text)
  } catch (error) {
    if (error instanceof SipSyntaxError) throw new SipSyntaxError(400, `Malformed ${header} header`)
    throw error
  }
}

/** RFC 3261 10.2.1.1: what is no number counts as the default, which is one hour there. */
export function secondsOf(text: string | undefined, otherwiseS: number): number {
  const digits = /^\s*(\d+)(?=$|[\s;(])/.exec(text ?? '')?.[1]
  return digits === undefined ? otherwiseS : Math.min(Number(digits), SECONDS_MAX)
}

function readPath(request: SipRequest): string[] {
  const path = values(request, 'path')
  if (path.length > PATH_MAX) throw new SipSyntaxError(400, 'Too many Path values')
  for (const hop of path) {
    if (hop.length > URI_LENGTH_MAX) throw new SipSyntaxError(400, 'Path too long')
    uriIn('Path', parseNameAddr(hop, 'Path').uri)
  }
  return path
}

/**
 * The last Path value is that of the proxy next to the client, as each one puts its own before the others (RFC 3327
 * 5.2).
 */
function lastHopKeepsFlows(path: readonly string[]): boolean {
  const last = path.at(-1)
  return last !== undefined && parseUri(parseNameAddr(last).uri).params.has('ob')
}

const lower = (text: string): string => text.trim().toLowerCase()
