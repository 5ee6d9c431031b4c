import type { Now } from '../../base/time.ts'
import type { HistoryPiece } from '../../store/history.ts'
import type { StoreClient } from '../../store/verbs.ts'

type TakenPieces =
  | { readonly kind: 'pieces'; readonly pieces: readonly HistoryPiece[] }
  | { readonly kind: 'end' }
  /** The item was removed meanwhile, or the store does not answer. */
  | { readonly kind: 'broken'; readonly why: string; readonly isGone: boolean }

/** In memory for one retrieval; two of the largest pieces. */
const PAGE_BYTES = 131_072

/** The content of one item in the order of its arrival, read page by page. */
export class HistoryPieces {
  readonly #store: StoreClient
  readonly #of: { readonly aor: string; readonly reference: string }
  #from = 0
  #isLast = false

  constructor(store: StoreClient, aor: string, reference: string) {
    this.#store = store
    this.#of = { aor, reference }
  }

  /** The next of them, as many as are read at a time; one call at a time. */
  take(now: Now, done: (now: Now, taken: TakenPieces) => void): void {
    if (this.#isLast) return done(now, { kind: 'end' })
    this.#store.ask('history.pieces', { ...this.#of, from: this.#from, bytes: PAGE_BYTES }, (then, result) => {
      if ('failure' in result) return done(then, { kind: 'broken', why: `storage: ${result.detail}`, isGone: false })
      if (!result.value) return done(then, { kind: 'broken', why: 'removed meanwhile', isGone: true })
      const { pieces, next, isLast } = result.value
      this.#isLast = isLast || pieces.length === 0
      this.#from = next
      done(then, { kind: 'pieces', pieces })
    })
  }
}

/**
 * A SEND begins with this piece. Where the one before it was not ended its connection broke, or it was refused half-way; content that looks like
 * this spoils nothing but the message of whoever wrote it.
 */
export const isSendStart = (bytes: Buffer): boolean =>
  /^MSRP [A-Za-z0-9.\-+%=]{4,32} SEND\r\n/.test(bytes.toString('latin1', 0, 64))
