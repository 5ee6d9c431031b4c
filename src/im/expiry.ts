import type { Now, WallTime } from '../base/time.ts'
import { value } from '../sip-parser-lite/access.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { parseSeconds, parseSipDate } from '../sip-parser-lite/typed.ts'

export interface ExpiryPolicy {
  readonly defaultS: number
  readonly maxS: number
}

/** A sender's clock may run ahead by this much before its Date is taken for absurd. */
const DATE_AHEAD_MAX_MS = 5 * 60_000

/**
 * When a stored MESSAGE ends (DM-STO-11, 12): its own Expires up to the maximum, else the default, counted from its Date
 * (RFC 3428 7) unless that is more than 5 minutes ahead or would have ended it already, then from now.
 * `never kept` for Expires: 0, which asks not to be kept at all.
 */
export function expiryOf(request: SipRequest, now: Now, policy: ExpiryPolicy): WallTime | 'never kept' {
  const expires = value(request, 'expires')
  const askedS = expires === undefined ? undefined : parseSeconds(expires)
  if (askedS === 0) return 'never kept'
  const lifeMs = (askedS === undefined || askedS > policy.maxS ? policy.defaultS : askedS) * 1000
  const date = value(request, 'date')
  const sentAt = date === undefined ? undefined : parseSipDate(date)
  const isUsable =
    sentAt !== undefined && now.isWallTrusted && sentAt <= now.wall + DATE_AHEAD_MAX_MS && sentAt + lifeMs > now.wall
  return ((isUsable ? sentAt : now.wall) + lifeMs) as WallTime
}
