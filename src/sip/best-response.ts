import type { SipResponse } from '../sip-parser-lite/message.ts'

/** They tell the sender how to try again (RFC 3261 16.7 step 6). */
const RETRIABLE = new Set([401, 407, 415, 420, 484])

/** The device may take it another time, whatever its siblings said for good. */
const PASSING = new Set([408, 430, 480, 486, 487])

/**
 * RFC 3261 16.7 steps 6 and 7 for a non-INVITE request: 2xx, else 6xx, else the lowest class, in it what helps the
 * sender most. A 503 is about one device and not about us, so it becomes 500. Challenges of all are gathered in one
 * response.
 */
export function bestResponse(responses: readonly SipResponse[]): SipResponse | undefined {
  let best: SipResponse | undefined
  for (const response of responses) if (!best || rank(response.status) < rank(best.status)) best = response
  if (!best) return undefined
  if (best.status === 503) return { ...best, status: 500, reason: 'Server Internal Error' }
  if (best.status === 401 || best.status === 407) return withAllChallenges(best, responses)
  return best
}

function rank(status: number): number {
  const kind = Math.floor(status / 100)
  if (kind === 2) return 0
  if (kind === 6) return 1
  return kind * 10 + (RETRIABLE.has(status) ? 0 : PASSING.has(status) ? 1 : status === 503 ? 3 : 2)
}

function withAllChallenges(best: SipResponse, responses: readonly SipResponse[]): SipResponse {
  const headers = [...best.headers]
  for (const other of responses) {
    if (other === best || (other.status !== 401 && other.status !== 407)) continue
    headers.push(...other.headers.filter(({ key }) => key === 'www-authenticate' || key === 'proxy-authenticate'))
  }
  return { ...best, headers }
}
