import type { Now, WallTime } from '../base/time.ts'
import type { Terms } from './terms.ts'

export interface ExpiryPolicy {
  readonly defaultS: number
  readonly maxS: number
}

/** A sender's clock may run ahead by this much before its Date is taken for absurd. */
const DATE_AHEAD_MAX_MS = 5 * 60_000

/** Nobody knows how much later it really is than the clock says: what is taken then does not expire by itself. */
const NO_EXPIRY = Date.UTC(2100, 0, 1) as WallTime

/** When what is kept from now on for so long ends. */
export const endOf = ({ wall, isWallTrusted }: Now, lifeMs: number): WallTime =>
  isWallTrusted ? ((wall + lifeMs) as WallTime) : NO_EXPIRY

/**
 * When a stored MESSAGE ends (DM-STO-11, 12): its own Expires up to the maximum, else the default, counted from its Date
 * (RFC 3428 7) unless that is more than 5 minutes ahead or would have ended it already, then from now.
 * `never kept` for Expires: 0, which asks not to be kept at all.
 */
export function expiryOf({ expiresS, sentAt }: Terms, now: Now, policy: ExpiryPolicy): WallTime | 'never kept' {
  if (expiresS === 0) return 'never kept'
  const lifeMs = (expiresS === undefined || expiresS > policy.maxS ? policy.defaultS : expiresS) * 1000
  const isUsable =
    sentAt !== undefined && now.isWallTrusted && sentAt <= now.wall + DATE_AHEAD_MAX_MS && sentAt + lifeMs > now.wall
  return isUsable ? ((sentAt + lifeMs) as WallTime) : endOf(now, lifeMs)
}
