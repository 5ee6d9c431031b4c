import type { Now } from '../../base/time.ts'
import { after } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import type { StoreClient, StoredMessage } from '../../store/verbs.ts'

/** Read ahead from flash: enough to keep a window full, little enough for a thousand mailboxes at once. */
const PAGE = { limit: 16, bytes: 262_144 }

/**
 * Delivered but not yet deleted on flash. A power cut now would deliver these again: the one window in which a message can
 * come twice. At this many the next message waits for a flush; those under way by then may still be added.
 */
const UNFLUSHED_MAX = 16

/** A deletion that failed (flash full, medium) is asked again after this long; until then the message is only skipped. */
const CONFIRM_RETRY_MS = 2000

type Taken =
  | { readonly kind: 'message'; readonly message: StoredMessage }
  | { readonly kind: 'empty' }
  | { readonly kind: 'failed'; readonly why: string }

/** One mailbox, read once from its head to its tail in arrival order; what arrives meanwhile is met at the tail. */
export class MailboxReader {
  readonly aor: string
  readonly #store: StoreClient
  readonly #timers: Timers
  /** Delivered and not yet deleted; outlives a run, so that nothing is pushed twice while flash fails. */
  readonly #delivered: Set<number>
  /** Refused for themselves and not due again yet: passed over. */
  readonly #aside: Set<number>
  /** In order; undefined: all of them. */
  readonly #only: readonly number[] | undefined
  #page: StoredMessage[] = []
  #afterSeq = 0
  /** Deletions asked for and not yet answered, for better or worse. */
  #unanswered = 0
  #onSettled: ((now: Now) => void) | undefined
  #onFlushed: ((now: Now) => void) | undefined

  constructor(
    store: StoreClient,
    timers: Timers,
    aor: string,
    passedOver: { readonly delivered: Set<number>; readonly aside: Set<number>; readonly only?: ReadonlySet<number> },
  ) {
    const { delivered, aside, only } = passedOver
    this.#store = store
    this.#timers = timers
    this.aor = aor
    this.#delivered = delivered
    this.#aside = aside
    this.#only = only && [...only].sort((a, b) => a - b)
  }

  /** The next waiting message; one call at a time. */
  take(now: Now, done: (now: Now, taken: Taken) => void): void {
    if (this.#delivered.size >= UNFLUSHED_MAX) {
      this.#onFlushed = then => this.take(then, done)
      return
    }
    for (let message = this.#page.shift(); message; message = this.#page.shift()) {
      this.#afterSeq = message.seq
      if (this.#isWanted(message.seq)) return done(now, { kind: 'message', message })
    }
    const range = this.#range()
    if (!range) return done(now, { kind: 'empty' })
    const request = { aor: this.aor, ...PAGE, ...range, at: now.wall, isWallTrusted: now.isWallTrusted }
    this.#store.ask('page', request, (then, result) => {
      if ('failure' in result) return done(then, { kind: 'failed', why: `storage: ${result.detail}` })
      if (result.value.length === 0) return done(then, { kind: 'empty' })
      this.#page = [...result.value]
      this.take(then, done)
    })
  }

  #isWanted(seq: number): boolean {
    return !this.#delivered.has(seq) && !this.#aside.has(seq) && (this.#only?.includes(seq) ?? true)
  }

  /** Where to read on. Of single messages one at a time, as between them there may be thousands. */
  #range(): { afterSeq: number; limit?: number } | undefined {
    if (!this.#only) return { afterSeq: this.#afterSeq }
    const next = this.#only.find(seq => seq > this.#afterSeq)
    return next === undefined ? undefined : { afterSeq: next - 1, limit: 1 }
  }

  /** Octets of a large message, put into `memory` if it is given and they fit; undefined where they cannot be read. */
  piece(
    place: { readonly seq: number; readonly offset: number; readonly length: number; readonly memory?: Buffer },
    done: (now: Now, bytes: Buffer | undefined) => void,
  ): void {
    this.#store.ask('piece', { aor: this.aor, ...place }, (now, result) =>
      done(now, 'failure' in result ? undefined : result.value),
    )
  }

  /** The receiver's success: delete, and keep asking until flash has done it. */
  confirm(now: Now, seq: number, detail: string): void {
    this.#delivered.add(seq)
    this.#unanswered++
    this.#delete(now, seq, detail)
  }

  /** The receiver refused this one for itself: those behind it go on. */
  setAside(now: Now, seq: number, detail: string): void {
    this.#aside.add(seq)
    this.attempted(now, seq, detail)
  }

  attempted(now: Now, seq: number, detail: string): void {
    this.#store.ask('attempted', { aor: this.aor, seq, at: now.wall, detail }, () => {})
  }

  /** Calls back when every deletion has been answered; one that failed goes on being asked for, but is not waited for. */
  whenSettled(now: Now, done: (now: Now) => void): void {
    if (this.#unanswered === 0) done(now)
    else this.#onSettled = done
  }

  #delete(now: Now, seq: number, detail: string, isFirst = true): void {
    this.#store.ask('confirm', { aor: this.aor, seq, at: now.wall, detail }, (then, result) => {
      if (isFirst) this.#unanswered--
      if ('failure' in result) {
        this.#timers.set('delete again', after(then, CONFIRM_RETRY_MS), again =>
          this.#delete(again, seq, detail, false),
        )
      } else {
        this.#delivered.delete(seq)
        const flushed = this.#onFlushed
        this.#onFlushed = undefined
        flushed?.(then)
      }
      if (this.#unanswered === 0) {
        const settled = this.#onSettled
        this.#onSettled = undefined
        settled?.(then)
      }
    })
  }
}
