import type { Now } from '../../base/time.ts'
import type { WholeSend } from '../../msrp/whole-send.ts'

/** One SEND of a retrieval. */
export interface ItemChunk {
  readonly send: WholeSend
  readonly messageId: string
  /** Octets of its body. */
  readonly bytes: number
}

export type TakenChunk =
  | { readonly kind: 'chunk'; readonly chunk: ItemChunk }
  | { readonly kind: 'end' }
  /** What was begun of it was told to be forgotten. */
  | { readonly kind: 'broken'; readonly why: string; readonly isGone: boolean }

/** What one item of a history is sent as, made while it goes. */
export interface ItemChunks {
  /** One call at a time, until it ends or breaks. */
  take(now: Now, done: (now: Now, taken: TakenChunk) => void): void
  /** The client refused a chunk of that message: no more of it comes, and the sooner the better. */
  refused(messageId: string): void
  /** SENDs that this client does not take, by its accept-types. */
  readonly passedOver: number
}
