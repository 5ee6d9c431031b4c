import { type Now, UNDATED, type WallTime } from '../base/time.ts'
import type { Terms } from './terms.ts'

export interface ExpiryPolicy {
  readonly defaultS: number
  readonly maxS: number
}

/** A sender's clock may run ahead by this much before its Date is taken for absurd. */
const DATE_AHEAD_MAX_MS = 5 * 60_000

/** When what is kept from now on for so long ends. Where nobody knows when now is, its time begins when the clock is trusted. */
export const endOf = ({ wall, isWallTrusted }: Now, lifeMs: number): WallTime =>
  ((isWallTrusted ? wall : UNDATED) + lifeMs) as WallTime

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
