import { addLast, cloneRequest, remove, set, value } from '../sip-parser-lite/access.ts'
import type { HeaderField, SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { wayTo } from './request-uri.ts'

/** RFC 3261 16.6 step 3. */
const MAX_FORWARDS = 70

/** A contact is a user's: what it asserts is not ours to pass on (RFC 3325 5). */
const NOT_PASSED_BACK = new Set(['via', 'p-asserted-identity'])

const isVia = (header: HeaderField): boolean => header.key === 'via'

/**
 * RFC 3261 16.6 steps 1 to 6; Via is the transaction layer's. `uri` becomes the Request-URI, and `routes` are all Route values that
 * remain, first hop first. Throws SipSyntaxError where a Route value is none.
 */
export function copyFor(request: SipRequest, uri: string, routes: readonly string[]): SipRequest {
  const copy = cloneRequest(request)
  const way = wayTo(uri, routes)
  copy.uri = way.uri
  const hops = Number(value(copy, 'max-forwards') ?? MAX_FORWARDS + 1)
  set(copy, 'Max-Forwards', String(Number.isInteger(hops) ? Math.max(0, hops - 1) : MAX_FORWARDS))
  remove(copy, 'route')
  for (const route of way.routes) addLast(copy, 'Route', route)
  return copy
}

/**
 * RFC 3261 16.7 step 3: the response without our Via. The others are put back as they were received, as a device must not be able
 * to say where its answer goes.
 */
export function passedBack(request: SipRequest, received: SipResponse): SipResponse {
  const vias = request.headers.filter(isVia)
  const headers = [...vias, ...received.headers.filter(header => !NOT_PASSED_BACK.has(header.key))]
  return { ...received, headers }
}
