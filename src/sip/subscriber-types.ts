import type { Now } from '../base/time.ts'
import type { OwnRequestOptions } from './session-types.ts'

/** A SUBSCRIBE of ours. */
export interface SubscribeOptions extends OwnRequestOptions {
  /** Value of Event, lower case, without parameters, e.g. `conference`. */
  readonly event: string
  /** Media types that `onNotify` understands, lower case. Anything else is answered 415. */
  readonly accept: readonly string[]
  /** Seconds asked for, 60 to 86,400; refreshed until it is ended. */
  readonly expiresS: number
}

/** What one NOTIFY said. */
export interface Notice {
  /** Media type in lower case, without parameters; undefined with an empty body. */
  readonly contentType: string | undefined
  readonly body: Buffer
  /** The first of a subscription, so whatever was known before is not continued by it. May come more than once: see `SubscriberEvents`. */
  readonly isFirst: boolean
  /** `pending`: nobody has allowed it yet, and the state is not told (RFC 6665 4.1.3). */
  readonly standing: 'active' | 'pending' | 'terminated'
}

/**
 * Why a subscription of ours is over. `local`: it was ended. `refused`: a SUBSCRIBE was, with that status (408 for silence, 503 where
 * there was no way). `terminated`: by its notifier, for that reason. `silent`: accepted, and nothing was ever told (RFC 6665 4.1.2.4).
 * `expired`: it could not be refreshed. `full`: too many at once, nothing was sent.
 */
export type SubscriptionEnd =
  | { readonly why: 'local' | 'silent' | 'expired' | 'full' }
  | { readonly why: 'refused'; readonly status: number; readonly retryAfterS?: number }
  | { readonly why: 'terminated'; readonly reason: string; readonly retryAfterS?: number }

/**
 * Neither comes from within a call of ours. Where a notifier ends a subscription in a way that asks for another one (`deactivated`,
 * `probation`, `timeout`, `giveup`; RFC 6665 4.1.3) it is made anew, a few times in a row, and the owner sees one that goes on.
 */
export interface SubscriberEvents {
  /** The NOTIFY is answered 200 already. */
  onNotify(now: Now, notice: Notice): void
  /** Once, and the last. */
  onEnded(now: Now, end: SubscriptionEnd): void
}

/** A subscription of ours. */
export interface OwnSubscription {
  /** Asks for the whole state again by a refresh (RFC 4575 4.4), soon: not more often than every few seconds. */
  refresh(now: Now): void
  /** Unsubscribes (RFC 6665 4.1.2.3). No onNotify from now on; onEnded says `local` when the notifier knows, 32 s later at the latest. */
  end(now: Now): void
}

/** RFC 6665 4.1: the subscriber. */
export interface SubscriberSide {
  /** No event comes before this returns. */
  subscribe(now: Now, options: SubscribeOptions, events: SubscriberEvents): OwnSubscription
}
