import type { Flow } from '../base/flow.ts'
import type { Now, WallTime } from '../base/time.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import type { DialogState, Header } from './dialog.ts'
import type { Refusal } from './refusal.ts'
import type { SessionContext, Target } from './session-types.ts'

/**
 * Why a package is asked for the state. `initial`: the first NOTIFY; `refresh`: the subscriber refreshed; `restored`: the box was
 * restarted, and what changed meanwhile is not known; `change`: `changed` was called, or there was more to tell; `final`: the last
 * NOTIFY of a subscription, or the only one of a fetch.
 */
export type NotifyReason = 'initial' | 'refresh' | 'restored' | 'change' | 'final'

/** What one NOTIFY carries. */
export interface NotifyBody {
  readonly contentType: string
  readonly body: Buffer
  /** Beyond those that every NOTIFY has. */
  readonly headers?: readonly Header[]
}

/** What a SUBSCRIBE asks for. */
export interface SubscribeAsk {
  readonly event: string
  readonly resource: string
  /** Address-of-record of whoever asks, as admitted. */
  readonly subscriber: string
  readonly request: SipRequest
}

/** One subscription as its package sees it. */
export interface SubscriptionView {
  /** Unique over restarts. */
  readonly id: string
  readonly event: string
  readonly resource: string
  readonly subscriber: string
  /** Content types of the package that the subscriber takes, in the order of the package. */
  readonly accept: readonly string[]
  /** What `EventPackage.read` made of the latest SUBSCRIBE; empty without it. */
  readonly asked: string
  /** Octets of a body with which a NOTIFY is still one datagram (RFC 3261 18.1.1); undefined where it goes over a stream. */
  readonly bodyBytesMax: number | undefined
  /**
   * The package's own, at most 1024 characters of latin1: what it has told so far. Kept with the subscription whenever that is
   * saved, so after a restart it may be older than it was.
   */
  note: string
}

/** RFC 6665 5: what is said of one kind of events. */
export interface EventPackage {
  /** Name in the Event header, lower case, e.g. `message-summary`. */
  readonly event: string
  /** Content types of its NOTIFY bodies, lower case, the best first. */
  readonly accept: readonly string[]
  readonly defaultExpiresS: number
  /** Less gets 423; at most 3600 (RFC 6665 4.2.1.1). */
  readonly minExpiresS: number
  /** More is lowered to it. */
  readonly maxExpiresS: number
  /** Milliseconds between the beginnings of two NOTIFYs for changes; the first goes at once, those in between are one. 0 by default. */
  readonly changeIntervalMs?: number
  /** The state is told with every end, not only where it ran out (RFC 3515 2.4.7). */
  readonly isEndTold?: boolean
  /** What shall be remembered of a SUBSCRIBE (body, Event parameters), at most 4096 characters. Without it a body gets 415. */
  read?(request: SipRequest): string | Refusal
  /** Whether there is such a resource and the subscriber may know of it: 403, 404, or whatever else stands against it. Calls `done` once. */
  authorise(now: Now, ask: SubscribeAsk, done: (now: Now, decision: 'active' | 'pending' | Refusal) => void): void
  /**
   * Calls `done` once, now or later. The bodies go out in NOTIFYs of their own, each after the answer to the one before. With
   * `hasMore` it is asked again for `change` when they are out. Without any body an `initial`, `refresh` or `final` NOTIFY is
   * empty, and for `restored` and `change` none is sent. For `final` only the first body goes out. Not asked about a subscription
   * that is pending: its NOTIFYs are empty.
   */
  state(
    now: Now,
    subscription: SubscriptionView,
    why: NotifyReason,
    done: (now: Now, bodies: readonly NotifyBody[], hasMore?: boolean) => void,
  ): void
}

/** A subscription as a plain value: what a restart needs to go on with it. Text is latin1. */
export interface SavedSubscription {
  /** Unguessable and unique over restarts: our tag of the dialog. */
  readonly id: string
  readonly event: string
  /** Event header as it has to come back: the name as received, with its id. */
  readonly eventHeader: string
  readonly resource: string
  readonly subscriber: string
  readonly state: 'active' | 'pending'
  /** Its `localSeq` is beyond every number that may have been used. */
  readonly dialog: DialogState
  /** Where the SUBSCRIBE came from, and how NOTIFY gets there. */
  readonly target: Target
  /** Our Contact URI. */
  readonly contact: string
  readonly accept: readonly string[]
  readonly asked: string
  readonly note: string
  readonly expiresAt: WallTime
}

/** Where subscriptions are kept over a restart. */
export interface SubscriptionKeeper {
  /** Puts it in place of what is kept under its id. `done` comes once, when it is on stable storage or could not be kept. */
  put(now: Now, saved: SavedSubscription, done: (now: Now) => void): void
  /** No word comes back: one that stays after all is told by its `expiresAt`. */
  remove(now: Now, id: string): void
}

/** RFC 6665 4.1.3: why a subscription is over, as its subscriber is told. */
export type TerminationReason =
  | 'deactivated'
  | 'probation'
  | 'rejected'
  | 'timeout'
  | 'giveup'
  | 'noresource'
  | 'invariant'

export interface SubscriptionLimits {
  readonly total: number
  /** Of one event package. */
  readonly perResource: number
  readonly perSubscriber: number
  /** SUBSCRIBE requests of one subscriber at once, and then one in each such time. */
  readonly burst: number
  readonly intervalMs: number
}

export interface SubscriptionParts extends SessionContext {
  /** Our Contact URI towards the other end of that flow. */
  contactUri(flow: Flow): string
  /** Keeps a stream open for that long though nothing is said on it. */
  keep?(now: Now, flow: Flow, forMs: number): void
  readonly keeper: SubscriptionKeeper
  readonly limits?: SubscriptionLimits
}
