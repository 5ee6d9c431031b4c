import type { HeaderField, SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import { field } from '../../sip-parser-lite/names.ts'
import { cseq } from '../../sip-parser-lite/typed.ts'

const NO_BODY = Buffer.alloc(0)

/** RFC 3261 17.1.1.3: the ACK to a final response of 300 or more. `invite` is as it was sent, our Via first. */
export function ackFor(invite: SipRequest, response: SipResponse): SipRequest {
  const to = response.headers.find(header => header.key === 'to')
  return derived(invite, 'ACK', to)
}

/** RFC 3261 9.1. */
export const cancelFor = (invite: SipRequest): SipRequest => derived(invite, 'CANCEL', undefined)

function derived(invite: SipRequest, method: string, to: HeaderField | undefined): SipRequest {
  const headers: HeaderField[] = [invite.headers[0]!, field('Max-Forwards', '70')]
  for (const header of invite.headers) {
    if (header.key === 'to') headers.push(to ?? header)
    else if (header.key === 'route' || header.key === 'from' || header.key === 'call-id') headers.push(header)
  }
  headers.push(field('CSeq', `${cseq(invite).seq} ${method}`))
  return { kind: 'request', method, uri: invite.uri, headers, body: NO_BODY }
}
