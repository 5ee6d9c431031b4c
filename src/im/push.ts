import type { Now } from '../base/time.ts'

/** How one attempt to hand over a mailbox ended. */
export type PushEnd =
  /** Everything that waited was confirmed or set aside for later. */
  | { readonly kind: 'done'; readonly delivered: number; readonly setAside: number }
  /** The receiver is away, busy or gone: what was not confirmed is kept. */
  | { readonly kind: 'kept'; readonly delivered: number; readonly why: string }
  /** This contact does not take this form of delivery: try the next rung. */
  | { readonly kind: 'unfit'; readonly delivered: number; readonly why: string }

export interface Push {
  /** Stops early: nothing more is sent, what is unconfirmed stays. */
  stop(now: Now, why: string): void
}

/** Answers that speak of one message, not of the receiver: set it aside and go on with the next (oma-im 8.2). */
const ABOUT_ONE_MESSAGE = new Set([400, 406, 413, 414, 415, 488, 493, 513, 606])

export const isAboutOneMessage = (status: number): boolean => ABOUT_ONE_MESSAGE.has(status)

/** Answers by which a user agent says that it cannot do this at all, whatever the message. */
const CANNOT = new Set([405, 406, 415, 420, 488, 501, 606])

export const isIncapable = (status: number): boolean => CANNOT.has(status)
