import type { Flow } from '../base/flow.ts'
import { canonicalHost } from '../sip-parser-lite/host.ts'
import type { SipUri } from '../sip-parser-lite/uri.ts'
import { scopeOf } from './address-scope.ts'
import type { AskedContact, RegisterAsk } from './register-ask.ts'
import { isNumericHost, isSameFamily } from './via.ts'

/**
 * docs/protocol.md: whether a contact is on another host than the one that registers it, so that the sender's flow does not lead
 * there. A NAT makes a contact look that way too, hence the conditions.
 */
export function isElsewhere(contact: AskedContact, ask: RegisterAsk, flow: Flow): boolean {
  const { host } = contact.parsed
  const source = flow.remote.address
  if (isOfFlowOnly(contact.parsed, flow, contact.regId) || isSameHost(host, source)) return false
  if (isNumericHost(host) && !isRoutable(host, source)) return false
  if (isSecondHost(contact, ask, source)) return true
  if (flow.transport !== 'udp' || !isNumericHost(host)) return false
  return ask.sender !== undefined && !ask.sender.isBehindNat && isSameScope(host, source)
}

/** RFC 5626 5.3, RFC 7118: nothing but the flow it registered over leads to such a contact. */
const isOfFlowOnly = (contact: SipUri, flow: Pick<Flow, 'transport'>, regId?: number): boolean =>
  regId !== undefined || flow.transport.startsWith('ws') || contact.host.endsWith('.invalid')

/**
 * Whether a contact may be dialled whose own stream was lost (RFC 3261 18.1.1): at a name, or at a number that means the same here as
 * it does there. A private address behind a public one is a NAT's, and here it would be somebody else.
 */
export function canDial(contact: SipUri, flow: Pick<Flow, 'transport' | 'remote'>, regId?: number): boolean {
  if (isOfFlowOnly(contact, flow, regId)) return false
  const { address } = flow.remote
  return !isNumericHost(contact.host) || isSameHost(contact.host, address) || isSameScope(contact.host, address)
}

/** One sender has one host. Of contacts on several, its own is the one that its Via names, or where it is seen, or the first. */
function isSecondHost(contact: AskedContact, ask: RegisterAsk, source: string): boolean {
  const hosts = ask.contacts.filter(({ expiresS }) => expiresS > 0).map(({ parsed }) => parsed.host)
  const own = hosts.find(host => isSameHost(host, source)) ?? hosts.find(host => host === ask.sender?.host) ?? hosts[0]
  return own !== undefined && !isSameHost(contact.parsed.host, own)
}

const isSameHost = (one: string, other: string): boolean => one === other || canonicalHost(one) === canonicalHost(other)

/** Nobody shall have us talk to ourselves, to our own link or to a group. */
const isRoutable = (host: string, source: string): boolean => {
  const scope = scopeOf(host)
  return scope === 'world' || scope === 'site' || (scope !== 'nowhere' && scope === scopeOf(source))
}

const isSameScope = (one: string, other: string): boolean => isSameFamily(one, other) && scopeOf(one) === scopeOf(other)
