import type { Now } from '../base/time.ts'
import { has, value, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { maxForwards, parseParams, parseVia, type Via, viaOf } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { KNOWN_METHODS } from './known-methods.ts'
import { isRefusal, orRefusal, type Refusal, respondWith } from './refusal.ts'

/** What the element can do, for one kind of addressee. */
export interface InspectRules {
  readonly methods: ReadonlySet<string>
  /** Option tags in lower case. */
  readonly supported: ReadonlySet<string>
  /** `both`: it is not known yet whether the request will be answered here or forwarded. */
  readonly role: 'uas' | 'proxy' | 'both'
  /** Content types taken per method, in lower case; a method without an entry takes anything in any encoding. */
  readonly accept?: ReadonlyMap<string, readonly string[]>
  /** Whether this sent-by is one that we write. */
  isOwnVia(host: string, port: number | undefined): boolean
}

/**
 * RFC 3261 8.2.1 to 8.2.3 and 16.3, in that order, for a request that parsed. Undefined: carry on. Not for ACK, which
 * is never answered. Merged requests (8.2.2.2) are recognised by the transaction layer.
 */
export function inspect(request: SipRequest, rules: InspectRules): Refusal | undefined {
  const refusal = orRefusal(
    () =>
      methodRefusal(request, rules) ??
      uriRefusal(request) ??
      forwardsRefusal(request, rules) ??
      loopRefusal(request, rules) ??
      extensionRefusal(request, rules) ??
      contentRefusal(request, rules) ??
      PASSED,
  )
  return isRefusal(refusal) ? refusal : undefined
}

const PASSED = {}

/** RFC 3261 16.3 steps 3 to 5, all that a proxy asks of a request within a dialog. */
export function inspectHop(request: SipRequest, isOwnVia: InspectRules['isOwnVia']): Refusal | undefined {
  const rules: InspectRules = { methods: NONE, supported: NONE, role: 'proxy', isOwnVia }
  const refusal = orRefusal(
    () => forwardsRefusal(request, rules) ?? loopRefusal(request, rules) ?? extensionRefusal(request, rules) ?? PASSED,
  )
  return isRefusal(refusal) ? refusal : undefined
}

const NONE: ReadonlySet<string> = new Set()

/** RFC 3261 8.2.1. */
function methodRefusal({ method }: SipRequest, rules: InspectRules): Refusal | undefined {
  if (rules.methods.has(method)) return undefined
  return methodNotTaken(method, [...rules.methods].join(', '))
}

/** RFC 3261 8.2.1, 21.5.2: 501 for what no RFC knows; outside a dialog and within. `allow`: what is taken there. */
export function methodNotTaken(method: string, allow: string): Required<Pick<Refusal, 'status' | 'headers'>> {
  return { status: KNOWN_METHODS.has(method) ? 405 : 501, headers: [['Allow', allow]] }
}

/** RFC 3261 8.2.2.1, 16.3 step 2. */
function uriRefusal({ uri }: SipRequest): Refusal | undefined {
  if (!/^sips?:/i.test(uri)) return { status: 416 }
  parseUri(uri)
  return undefined
}

/** RFC 3261 16.3 step 3. Whoever is the addressee does not care. */
function forwardsRefusal(request: SipRequest, rules: InspectRules): Refusal | undefined {
  return maxForwards(request) === 0 && rules.role !== 'uas' ? { status: 483 } : undefined
}

/**
 * RFC 3261 16.3 step 4, RFC 5393 4.2. A request that was here before is a loop, and a spiral as well: what we forward
 * goes to a contact, and a contact that leads back here would multiply it.
 */
function loopRefusal(request: SipRequest, rules: InspectRules): Refusal | undefined {
  if (rules.role === 'uas') return undefined
  const isOwn = (via: Via): boolean => rules.isOwnVia(via.host, via.port)
  for (const header of request.headers) {
    if (header.key !== 'via') continue
    // One Via to a line is what everybody writes, and that reading is kept with the field.
    const isList = header.value.includes(',')
    if (isList ? values(request, 'via').map(parseVia).some(isOwn) : isOwn(viaOf(header))) return { status: 482 }
  }
  return undefined
}

/** RFC 3261 8.2.2.3, 16.3 step 5. */
function extensionRefusal(request: SipRequest, rules: InspectRules): Refusal | undefined {
  if (request.method === 'CANCEL' || !(has(request, 'require') || has(request, 'proxy-require'))) return undefined
  const required = [
    ...(rules.role === 'proxy' ? [] : values(request, 'require')),
    ...(rules.role === 'uas' ? [] : values(request, 'proxy-require')),
  ]
  const unsupported = new Set(required.filter(tag => tag !== '' && !rules.supported.has(tag.toLowerCase())))
  return unsupported.size > 0 ? { status: 420, headers: [['Unsupported', [...unsupported].join(', ')]] } : undefined
}

/** RFC 3261 8.2.3. A proxy leaves bodies alone. */
function contentRefusal(request: SipRequest, rules: InspectRules): Refusal | undefined {
  const accepted = rules.accept?.get(request.method)
  if (!accepted || rules.role === 'proxy' || request.body.length === 0 || isOptional(request)) return undefined
  const type = value(request, 'content-type')
  const isType = type !== undefined && accepted.includes(parseParams(type).value)
  const isPlain = values(request, 'content-encoding').every(encoding => encoding.toLowerCase() === 'identity')
  if (isType && isPlain) return undefined
  return {
    status: 415,
    headers: [
      ['Accept', accepted.join(', ')],
      ['Accept-Encoding', 'identity'],
    ],
  }
}

/** RFC 3261 20.11: the sender does not mind if it is not understood. */
function isOptional(request: SipRequest): boolean {
  const disposition = value(request, 'content-disposition')
  return disposition !== undefined && parseParams(disposition).params.get('handling')?.toLowerCase() === 'optional'
}

/** RFC 3261 11.2: what the same rules let through. A MESSAGE may have any body, hence the Accept. */
export function optionsAnswer(now: Now, request: SipRequest, rules: InspectRules, toTag: string): SipResponse {
  const headers: [string, string][] = [
    ['Allow', [...rules.methods].join(', ')],
    ['Accept', '*/*'],
    ['Accept-Encoding', '*'],
    ['Accept-Language', '*'],
    ['Supported', [...rules.supported].join(', ')],
  ]
  return respondWith(now, request, { status: 200, headers }, toTag)
}
