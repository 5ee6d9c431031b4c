import type { Counters } from '../base/counters.ts'
import type { Log } from '../base/log.ts'
import type { Now } from '../base/time.ts'
import type { NewHistory } from '../store/history.ts'
import { SELF_TEST_AOR } from '../store/story.ts'
import type { Custody, ReceiptTerms } from '../store/verbs.ts'
import type { HistoryNotes } from './history/history-notes.ts'

/** What follows from custody beside the answer to the sender: a mailbox that gets full, and a sender who waits for word. */
export class CustodyWatch {
  readonly #counters: Counters
  readonly #log: Log
  readonly #notes: HistoryNotes
  readonly #onNotice: (now: Now) => void
  readonly #onNearlyFull: (aor: string, seq: number, percent: number) => void

  constructor(options: {
    counters: Counters
    log: Log
    notes: HistoryNotes
    onNotice: (now: Now) => void
    onNearlyFull: (aor: string, seq: number, percent: number) => void
  }) {
    this.#counters = options.counters
    this.#log = options.log
    this.#notes = options.notes
    this.#onNotice = options.onNotice
    this.#onNearlyFull = options.onNearlyFull
  }

  took(now: Now, recipient: string, custody: Custody, receipt: ReceiptTerms | undefined, history?: NewHistory): void {
    if (custody.outcome !== 'stored' || recipient === SELF_TEST_AOR) return
    if (history && custody.history) this.#notes.kept(now, history.item, custody.history)
    const { fullPercent, waiting, seq } = custody
    if (fullPercent !== undefined) {
      this.#counters.count('mailboxes_nearly_full')
      this.#log.warn('a mailbox is nearly full', { aor: recipient, percent: fullPercent, waiting })
      this.#onNearlyFull(recipient, seq, fullPercent)
    }
    if (receipt?.wantsStored) this.#onNotice(now)
  }
}
