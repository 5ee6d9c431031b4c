import type { Flow } from '../base/flow.ts'
import { udpFlow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import type { Binding } from '../sip/binding.ts'
import { canDial } from '../sip/contact-place.ts'
import type { Hop } from '../sip/transport.ts'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import { parseUri, type SipUri } from '../sip-parser-lite/uri.ts'

/** How a request gets to one contact of a user. */
export interface Reach {
  /** Request-URI. */
  readonly uri: string
  /** Route header values, first hop first. */
  readonly routes: readonly string[]
  readonly to: Flow | Hop
  /** Where else, when `to` turns out to be dead (RFC 3263 4.3). */
  readonly others?: readonly Hop[]
}

export interface Routing {
  isAlive(flow: Flow): boolean
  /** RFC 3263; an empty list when there is no way. */
  nextHops(now: Now, uri: SipUri, done: (now: Now, hops: readonly Hop[]) => void): void
}

/**
 * The flow the contact registered over, as a NAT lets nothing else in (RFC 5626 5.3, RFC 3581). A stream that is gone is dialled
 * again at the contact's address, except where only that flow could have reached it. A contact on another host than the one that
 * registered it is reached there.
 */
export function reachBinding(
  now: Now,
  routing: Routing,
  binding: Binding,
  done: (now: Now, reach: Reach | undefined) => void,
): void {
  const first = binding.path[0]
  if (first !== undefined) return reachByRoute(now, routing, binding.contact, binding.path, done)
  const { flow, regId } = binding
  const uri = binding.contact
  const contact = parseUri(uri)
  if (binding.isElsewhere) return toFirstHop(now, routing, contact, uri, [], done)
  if (flow.transport === 'udp') {
    if (isAtItsAddress(contact, binding)) return toFirstHop(now, routing, contact, uri, [], done)
    return done(now, { uri, routes: [], to: udpFlow(flow.local, flow.remote) })
  }
  const stream: Flow = { ...flow, protocol: 'sip' }
  if (routing.isAlive(stream)) return done(now, { uri, routes: [], to: stream })
  if (!canDial(contact, stream, regId)) return done(now, undefined)
  toFirstHop(now, routing, contact, uri, [], done)
}

/**
 * RFC 3261 10.3: a contact on the host that registered it: no NAT stands between, which would have changed the address. It is reached
 * at the port that it names, and what is too large for UDP may go by TCP (RFC 3261 18.1.1).
 */
const isAtItsAddress = (contact: SipUri, { flow, regId }: Binding): boolean =>
  regId === undefined && contact.host === flow.remote.address

/** Through the first of these Route values: a registered Path (RFC 3327 5.4) or the SIP/IP core. */
export function reachByRoute(
  now: Now,
  routing: Routing,
  uri: string,
  routes: readonly string[],
  done: (now: Now, reach: Reach | undefined) => void,
): void {
  const first = routes[0]
  if (first === undefined) return done(now, undefined)
  toFirstHop(now, routing, parseUri(parseNameAddr(first).uri), uri, routes, done)
}

/** Straight at the URI itself, by RFC 3263. */
export function reachUri(
  now: Now,
  routing: Routing,
  uri: string,
  done: (now: Now, reach: Reach | undefined) => void,
): void {
  toFirstHop(now, routing, parseUri(uri), uri, [], done)
}

/** Through the SIP/IP core where there is one; `coreRoute` is its Route value. */
export function reachThrough(
  now: Now,
  routing: Routing,
  coreRoute: string | undefined,
  uri: string,
  done: (now: Now, reach: Reach | undefined) => void,
): void {
  if (coreRoute === undefined) reachUri(now, routing, uri, done)
  else reachByRoute(now, routing, uri, [coreRoute], done)
}

function toFirstHop(
  now: Now,
  routing: Routing,
  next: SipUri,
  uri: string,
  routes: readonly string[],
  done: (now: Now, reach: Reach | undefined) => void,
): void {
  routing.nextHops(now, next, (then, hops) => {
    const [to, ...others] = hops
    done(then, to && { uri, routes, to, others })
  })
}
