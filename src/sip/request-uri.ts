import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'

/**
 * RFC 3261 19.1.1: a contact as Request-URI or Route, where header fields and the method parameter may not stand; the
 * rest is left as it was spelled. `?` and `;` may be part of a user name, so only what follows it is looked at.
 */
export function withoutHeaders(uri: string): string {
  const afterUser = uri.lastIndexOf('@') + 1
  const host = uri
    .slice(afterUser)
    .replace(/\?.*$/s, '')
    .replace(/;method=[^;]*/i, '')
  return uri.slice(0, afterUser) + host
}

interface Way {
  /** Request-URI. */
  readonly uri: string
  /** Route values, first hop first. */
  readonly routes: readonly string[]
}

/**
 * How a request for `contact` through these hops is addressed. A first hop that routes strictly wants itself as Request-URI and the
 * contact as the last Route (RFC 3261 16.6 step 6). Throws SipSyntaxError where a Route value is none.
 */
export function wayTo(contact: string, routes: readonly string[]): Way {
  const uri = withoutHeaders(contact)
  const first = routes[0]
  if (first === undefined) return { uri, routes }
  const hop = parseNameAddr(first).uri
  if (parseUri(hop).params.has('lr')) return { uri, routes }
  return { uri: withoutHeaders(hop), routes: [...routes.slice(1), `<${uri}>`] }
}
