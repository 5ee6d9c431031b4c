import type { Flow } from '../base/flow.ts'
import {
  dropNetworkHeaders,
  dropOwnCredentials,
  dropOwnRoutes,
  type Origin,
  privacyRefusal,
  settleIdentity,
} from '../sip/identity.ts'
import { cloneRequest, value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { Admission } from './admission.ts'
import type { Answer } from './answers.ts'
import type { Domain } from './domain.ts'
import type { Sender } from './incoming.ts'

/** A MESSAGE or INVITE that was let in. */
export interface Arrival {
  /** Ours to change: identity headers settled, our routes, credentials and what the network must strip taken out. */
  readonly request: SipRequest
  readonly sender: Sender
  /** Address-of-record of the user of this domain whom it is for; undefined when it goes on to somewhere else. */
  readonly recipient: string | undefined
}

/** DM-STO-03, 04 and RFC 3325. Throws SipSyntaxError where a header that is read is malformed. */
export function arrivalOf(
  received: SipRequest,
  flow: Flow,
  admission: Admission,
  domain: Domain,
): Arrival | { readonly refusal: Answer } {
  const request = cloneRequest(received)
  dropOwnRoutes(request, uri => domain.isOwnHost(uri.host, flow))
  dropOwnCredentials(request, domain.name)
  dropNetworkHeaders(request)
  const refusal = privacyRefusal(request)
  if (refusal) return { refusal }
  const sender = senderOf(request, originOf(admission))
  const recipient = domain.userOf(request.uri, flow)
  const isRoutedOn = value(request, 'route') !== undefined
  return { request, sender, recipient: isRoutedOn ? undefined : recipient }
}

export const senderOf = (request: SipRequest, origin: Origin): Sender => ({
  name: settleIdentity(request, origin).name,
  isProven: origin.kind !== 'stranger',
})

/** Where digest is off a local identity is claimed, not proven, and nothing is asserted for it. */
const originOf = (admission: Admission): Origin =>
  admission.kind === 'peer'
    ? { kind: 'peer' }
    : admission.kind === 'user' && admission.isProven
      ? { kind: 'user', aor: admission.aor }
      : { kind: 'stranger' }
