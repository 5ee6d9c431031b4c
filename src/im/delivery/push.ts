import type { Now } from '../../base/time.ts'

/** How one attempt to hand over a mailbox ended. */
export type PushEnd =
  /** Everything that waited was confirmed or set aside for later; `unfit` are those that the client takes, if at all, in another form. */
  | { readonly kind: 'done'; readonly delivered: number; readonly unfit: readonly number[] }
  /**
   * `kept`: the receiver is away, busy or gone, and what was not confirmed waits. `unfit`: this contact does not take this form of
   * delivery: try the next rung. `isDead`: nobody answers at that address, another hop may (RFC 3263 4.3).
   */
  | { readonly kind: 'kept' | 'unfit'; readonly delivered: number; readonly why: string; readonly isDead?: boolean }

export interface Push {
  /** Stops early: nothing more is sent, what is unconfirmed stays. */
  stop(now: Now, why: string): void
}

/** To one contact, of which nobody knows whether anybody is there. */
export interface ContactPush extends Push {
  /** Stops early, unless somebody there has answered. */
  giveWay(now: Now, why: string): void
}

/** By these a user agent says that it cannot do this at all, whatever the message (RFC 3261 21.4, 21.5). */
const INCAPABLE = new Set([405, 406, 415, 420, 488, 501, 606])

export const isIncapable = (status: number): boolean => INCAPABLE.has(status)

/**
 * Answers to a SIP MESSAGE that speak of the receiver, who is away or busy (docs/protocol.md). Any other refusal is of that message: it is
 * set aside and the next one goes.
 */
const ABOUT_THE_RECEIVER = new Set([408, 430, 480, 486, 487, 500, 503, 504, 600])

export const isAboutTheReceiver = (status: number): boolean => ABOUT_THE_RECEIVER.has(status)
