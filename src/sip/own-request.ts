import { type Entropy, token } from '../base/entropy.ts'
import { addLast } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { OwnRequestOptions } from './session-types.ts'

/** RFC 3261 8.1.1: a first request of ours, as far as all of them are alike; with a new Call-ID and tag. */
export function ownRequest(method: string, options: OwnRequestOptions, body: Buffer, entropy: Entropy): SipRequest {
  const { requestUri, from, to, routes = [] } = options
  const request: SipRequest = { kind: 'request', method, uri: requestUri, headers: [], body }
  for (const route of routes) addLast(request, 'Route', route)
  addLast(request, 'Max-Forwards', '70')
  addLast(request, 'From', `${from};tag=${token(entropy, 80)}`)
  addLast(request, 'To', to)
  addLast(request, 'Call-ID', token(entropy, 120))
  addLast(request, 'CSeq', `1 ${method}`)
  return request
}
