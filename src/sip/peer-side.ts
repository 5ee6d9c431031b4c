import type { Flow } from '../base/flow.ts'
import { has, values } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseUri } from '../sip-parser-lite/uri.ts'
import { notedContact } from './session-headers.ts'
import type { Target } from './session-types.ts'

/**
 * Whether the flow that a request came over ends at the user agent that sent it, and nothing else may lead there (RFC 5626, RFC
 * 3581). Not through a proxy; and not over UDP from the very address of the Contact, which need not be listened on at the port it
 * sends from.
 */
export function isFlowOfUserAgent(request: SipRequest, flow: Flow): boolean {
  if (has(request, 'record-route') || values(request, 'via').length > 1) return false
  const contact = flow.transport === 'udp' ? notedContact(request) : undefined
  return contact === undefined || parseUri(contact).host !== flow.remote.address
}

/** Where requests go to the caller: the flow that must be taken, or an address that is only good while there is no better one. */
export function targetOfCaller(request: SipRequest, flow: Flow): Target {
  if (isFlowOfUserAgent(request, flow)) return flow
  return { transport: flow.transport, ...flow.remote }
}
