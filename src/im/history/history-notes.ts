import type { Counters } from '../../base/counters.ts'
import type { Log } from '../../base/log.ts'
import type { Now } from '../../base/time.ts'
import { RequestRate } from '../../sip/request-rate.ts'
import type { HistoryItem, HistoryKept, HistoryOutcome, PassedOver } from '../../store/history.ts'

/** Of one owner: somebody who floods a history shall not flood the log too. */
const LOGGED_EVERY_MS = 3_600_000

/** What histories took, left out and let go: counted, and the log says whose it was. */
export class HistoryNotes {
  readonly #counters: Counters
  readonly #log: Log
  readonly #logged = new RequestRate(1, LOGGED_EVERY_MS)

  constructor({ counters, log }: { counters: Counters; log: Log }) {
    this.#counters = counters
    this.#log = log
  }

  /** Of a whole message. */
  kept(now: Now, item: HistoryItem, kept: HistoryKept): void {
    if (kept === 'flash reserve') return this.failed(item, kept)
    const taken = kept.filter(outcome => 'reference' in outcome).length
    if (taken > 0) this.#counters.count('history_kept', item.kind, taken)
    this.tried(now, kept)
  }

  /** Of a message, or of the beginning of a record. */
  tried(now: Now, outcomes: readonly HistoryOutcome[]): void {
    for (const outcome of outcomes) {
      if ('reference' in outcome) this.evicted(outcome.evicted ?? 0)
      else {
        this.#counters.count('history_not_kept', outcome.passedOver)
        this.limited(now, outcome.aor, outcome.passedOver)
      }
    }
  }

  /** Older items made room. */
  evicted(items: number): void {
    if (items > 0) this.#counters.count('history_evicted', '', items)
  }

  /** An owner has had as much as there may be. */
  limited(now: Now, aor: string, why: PassedOver): void {
    if (this.#logged.take(now, aor) === 0) this.#log.warn('not all is kept in a history', { aor, why })
  }

  failed({ callId }: HistoryItem, why: string): void {
    this.#counters.count('history_failed', why)
    this.#log.warn('message not kept in a history', { call_id: callId, why })
  }
}
