import { value } from '../../sip-parser-lite/access.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import { callId, cseq, fromTag, toTag, type Via } from '../../sip-parser-lite/typed.ts'

/** RFC 3261 8.1.1.7: what a branch begins with that is unique. */
export const COOKIE = 'z9hG4bK'

/**
 * By `join`, which copies: keys outlive their message by 32 s, and text put together from slices of it in any other way would
 * keep all of it in memory as long.
 */
const joined = (...parts: readonly string[]): string => parts.join(' ')

/** The cookie alone identifies nothing (RFC 4475 3.2.1): such a request is matched like one of RFC 2543. */
export const hasBranch = (via: Via): boolean => {
  const branch = via.params.get('branch')
  return branch !== undefined && branch.length > COOKIE.length && branch.startsWith(COOKIE)
}

/**
 * RFC 3261 17.2.3: the server transaction that a request belongs to, as if its method were `method` (INVITE for an ACK).
 * Without a branch: Request-URI, From tag, Call-ID, CSeq and top Via; the To tag of an ACK is compared with the answer's apart.
 */
export function serverKey(request: SipRequest, via: Via, method: string): string {
  const sentBy = `${via.host}:${via.port ?? ''}`
  if (hasBranch(via)) return joined(via.params.get('branch')!, sentBy, method)
  const seq = cseq(request).seq
  const branch = via.params.get('branch') ?? ''
  return joined(request.uri, fromTag(request) ?? '', callId(request), String(seq), branch, sentBy, method)
}

/** RFC 3261 8.2.2.2: what merged requests have in common; undefined within a dialog. */
export function mergeKeyOf(request: SipRequest): string | undefined {
  if (toTag(request) !== undefined) return undefined
  const { seq, method } = cseq(request)
  // With the whole From and the Request-URI, so that nobody merges another's message, or one for somebody else, with theirs.
  return joined(request.uri, callId(request), String(seq), method, value(request, 'from') ?? '')
}

/** RFC 3261 17.1.3. */
export const clientKey = (branch: string, method: string): string => `${branch} ${method}`
