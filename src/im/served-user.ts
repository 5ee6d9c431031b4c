import type { Flow } from '../base/flow.ts'
import { values } from '../sip-parser-lite/access.ts'
import { type SipRequest, SipSyntaxError } from '../sip-parser-lite/message.ts'
import { parseNameAddr } from '../sip-parser-lite/typed.ts'
import type { Admission } from './admission.ts'
import type { Domain } from './domain.ts'

/**
 * Address-of-record of the user of this domain who asks something for themselves: as proven by digest, or as a trusted peer asserts
 * (RFC 3325). Undefined for everybody else.
 */
export function servedUser(admission: Admission, request: SipRequest, domain: Domain, flow: Flow): string | undefined {
  if (admission.kind === 'user') return admission.aor
  if (admission.kind !== 'peer') return undefined
  for (const identity of values(request, 'p-asserted-identity')) {
    const aor = userIn(identity, domain, flow)
    if (aor !== undefined) return aor
  }
  return undefined
}

function userIn(identity: string, domain: Domain, flow: Flow): string | undefined {
  try {
    const { uri } = parseNameAddr(identity)
    return /^sips?:/i.test(uri) ? domain.userOf(uri, flow) : undefined
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined
    throw error
  }
}
