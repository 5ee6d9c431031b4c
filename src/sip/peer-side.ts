import type { Flow } from '../base/flow.ts'
import type { Now } from '../base/time.ts'
import { has, values } from '../sip-parser-lite/access.ts'
import type { SipRequest, SipResponse } from '../sip-parser-lite/message.ts'
import { fromAddress, parseNameAddr } from '../sip-parser-lite/typed.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import type { ForwardTarget } from './forward.ts'
import { userOfRoute } from './record-route.ts'
import { leniently, notedContact } from './session-headers.ts'
import type { SessionContext, Target } from './session-types.ts'

/**
 * Whether the flow that a request came over ends at the user agent that sent it, and nothing else may lead there (RFC 5626, RFC
 * 3581). Not through a proxy; and not over UDP from the very address of the Contact, which need not be listened on at the port it
 * sends from.
 */
function isFlowOfUserAgent(request: SipRequest, flow: Flow): boolean {
  if (has(request, 'record-route') || values(request, 'via').length > 1) return false
  const contact = flow.transport === 'udp' ? notedContact(request) : undefined
  return contact === undefined || parseUri(contact).host !== flow.remote.address
}

/** Where requests go to the caller: the flow that must be taken, or an address that is only good while there is no better one. */
export const targetOfCaller = (request: SipRequest, flow: Flow): Target =>
  isFlowOfUserAgent(request, flow) ? flow : addressOf(flow)

const addressOf = ({ transport, remote }: Flow): Target => ({ transport, ...remote })

/** How one side of a relayed dialog is reached. */
export interface PeerSide {
  flow: Flow
  /** The flow ends at the user agent, and is taken while it lives. */
  readonly isDirect: boolean
  /**
   * URI of the first hop beyond us, as the message that made the dialog had it: a request within the dialog shall not choose for
   * itself where we send it.
   */
  nextHop: string
  /** `nextHop` is a proxy, and stays whatever Contact the user agent has later. */
  readonly isRouted: boolean
}

/** By the INVITE. Throws SipSyntaxError. */
export function sideOfCaller(request: SipRequest, flow: Flow): PeerSide {
  const [route] = values(request, 'record-route')
  const nextHop =
    route === undefined ? (notedContact(request) ?? fromAddress(request).uri) : parseNameAddr(route, 'Record-Route').uri
  return { flow, isDirect: isFlowOfUserAgent(request, flow), nextHop, isRouted: route !== undefined }
}

/** By a response to the INVITE that went to `target` over `flow` with `token` in our Record-Route. */
export function sideOfCallee(response: SipResponse, target: ForwardTarget, flow: Flow, token: string): PeerSide {
  const route = routesBeyond(response, token).at(-1)
  const proxy = route === undefined ? undefined : leniently(() => parseNameAddr(route).uri)
  return {
    flow,
    isDirect: 'id' in target.to && target.routes.length === 0 && proxy === undefined,
    nextHop: proxy ?? notedContact(response) ?? target.uri,
    isRouted: proxy !== undefined,
  }
}

/** Record-Route values of those between us and the callee, as they stand in the response; none where ours is missing. */
export function routesBeyond(response: SipResponse, token: string): readonly string[] {
  const routes = values(response, 'record-route')
  const own = routes.findIndex(route => userOfRoute(route) === token)
  return own < 0 ? [] : routes.slice(0, own)
}

/** A Contact that the user agent of that side has from now on (RFC 3261 12.2.1.2). */
export function moveSide(side: PeerSide, contact: string | undefined): void {
  if (contact !== undefined && !side.isRouted) side.nextHop = contact
}

/** `undefined` when there is no way: RFC 5626 5.3, 430. */
export function reachSide(
  now: Now,
  side: PeerSide,
  parts: { isAlive(flow: Flow): boolean; locate?: SessionContext['locate'] },
  done: (now: Now, target: Target | undefined) => void,
): void {
  const { flow, isDirect, nextHop } = side
  const isAlive = parts.isAlive(flow)
  if (isDirect && isAlive) return done(now, flow)
  const known = isAlive ? flow : undefined
  // RFC 7118 5: a browser is nowhere but at the other end of its connection.
  const isFlowOnly = isDirect && flow.transport.startsWith('ws')
  const uri = leniently(() => parseUri(nextHop))
  if (!uri || isFlowOnly || uri.host.endsWith('.invalid') || !parts.locate) return done(now, known)
  parts.locate(now, nextHop, (then, target) => done(then, target ?? known))
}
