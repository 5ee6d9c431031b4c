import type { Log } from '../../base/log.ts'
import type { Now } from '../../base/time.ts'
import { obstacleInStream } from '../../sdp/send-answer.ts'
import type { ServerTransaction } from '../../sip/transaction/server-transaction.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { HistoryKind } from '../../store/history.ts'
import type { Admission } from '../admission.ts'
import { type Answer, type Refuse, unavailable } from '../answers.ts'
import { type FetchOffer, FetchOffers } from '../fetch/fetch-offer.ts'
import { FetchSession } from '../fetch/fetch-session.ts'
import { BUSY_RETRY_S, busy, type Fetching, type FetchingParts } from '../fetch/fetching.ts'
import type { MessageOffer } from '../invite-kind.ts'
import { historyForms, takesKind } from './history-forms.ts'
import { findItems, SelectedItems, type Selection, selectionOf } from './history-selection.ts'
import { type HistoryEnd, HistorySender } from './history-sender.ts'

/** Retrievals at one time: each has a megabyte in memory at most, and all together may not take the flash from custody and delivery. */
const RUNNING_MAX = 32

interface HistoryFetchParts extends FetchingParts {
  readonly log: Log
}

type Wish = FetchOffer & { readonly selection: Selection }

/** INVITE to the history function (HIS-DLV-01..07): users are given back what was said to and by them (docs/protocol.md). */
export class HistoryFetch implements Fetching {
  readonly #parts: HistoryFetchParts
  readonly #function: string | undefined
  readonly #offers: FetchOffers
  /** By whom; undefined while it is looked whether there is anything. */
  readonly #running = new Map<string, FetchSession | undefined>()
  #isStopped = false

  constructor(parts: HistoryFetchParts) {
    this.#parts = parts
    const { enabled, uri } = parts.config.history
    this.#function = enabled ? parts.domain.userOf(uri) : undefined
    this.#offers = new FetchOffers(parts)
  }

  /** Never while the function is switched off. */
  isFor(recipient: string): boolean {
    return recipient === this.#function
  }

  describe(): { running: number } {
    return { running: this.#running.size }
  }

  /** Shutting down: what is under way is answered, and nothing more is sent. */
  stop(now: Now): void {
    this.#isStopped = true
    for (const session of [...this.#running.values()]) session?.stop(now, 'shutting down')
  }

  handle(now: Now, transaction: ServerTransaction, received: SipRequest, admission: Admission, refuse: Refuse): void {
    const { counters, hostname } = this.#parts
    const refused: Refuse = (then, answer) => {
      counters.count('history_fetch_refused', String(answer.status))
      refuse(then, answer)
    }
    const wish = this.#wish(transaction, received, admission)
    if ('status' in wish) return refused(now, wish)
    const { aor } = wish
    if (this.#running.has(aor)) return refused(now, busy(hostname, 'this history is being fetched just now'))
    if (this.#isStopped || this.#running.size >= RUNNING_MAX) return refused(now, unavailable(BUSY_RETRY_S))
    this.#running.set(aor, undefined)
    this.#look(now, wish, (then, items) => {
      const answer = this.#isStopped && !('status' in items) ? unavailable(BUSY_RETRY_S) : items
      if (!('status' in answer)) return this.#begin(then, transaction, received, wish, answer)
      this.#running.delete(aor)
      refused(then, answer)
    })
  }

  #wish(transaction: ServerTransaction, received: SipRequest, admission: Admission): Wish | Answer {
    const offer = this.#offers.read(transaction.flow, received, admission, obstacleInStream)
    if ('status' in offer) return offer
    const selection = selectionOf(received)
    if ('status' in selection) return selection
    if ('kinds' in selection && !takesAny(offer.offer, selection, selection.kinds)) return this.#unfit()
    return { ...offer, selection }
  }

  /** The items, of which there is one at least. */
  #look(now: Now, wish: Wish, done: (now: Now, items: SelectedItems | Answer) => void): void {
    const { aor, selection, offer } = wish
    const { store } = this.#parts
    const items = new SelectedItems(store, aor, selection)
    const peek = (then: Now): void =>
      items.take(then, (later, found) => {
        if (found.kind === 'failed') return done(later, unavailable(BUSY_RETRY_S))
        if (found.kind === 'end') return done(later, { status: 480, reason: 'No History' })
        items.putBack(found)
        done(later, items)
      })
    if (!('references' in selection)) return peek(now)
    findItems(now, store, aor, selection.references, (then, kinds) => {
      if ('status' in kinds) done(then, kinds)
      else if (takesAny(offer, selection, kinds)) peek(then)
      else done(then, this.#unfit())
    })
  }

  #unfit(): Answer {
    return this.#offers.unusable('the offer takes no multipart/mixed with what is asked for in it')
  }

  #begin(now: Now, transaction: ServerTransaction, received: SipRequest, wish: Wish, items: SelectedItems): void {
    const { own, counters } = this.#parts
    const { aor, offer, endpoint, selection } = wish
    const { isWrapped } = selection
    counters.count('history_fetches')
    const parts = { ...this.#parts, aor, isWrapped, endpoint, contactUri: own.contactUri(transaction.flow) }
    const session = new FetchSession(parts, offer, (stream, over) => {
      return new HistorySender({ ...parts, ...stream }, items, (then, end) => {
        this.#running.delete(aor)
        this.#told(aor, end)
        over(then)
      })
    })
    this.#running.set(aor, session)
    session.start(now, transaction, received)
  }

  #told(aor: string, { kind, ...end }: HistoryEnd): void {
    const { counters, log } = this.#parts
    counters.count('history_fetch_ended', kind)
    counters.count('history_items_given', '', end.items)
    log.info('history fetch ended', { aor, outcome: kind, ...end })
  }
}

function takesAny({ media }: MessageOffer, { isWrapped }: Selection, kinds: ReadonlySet<HistoryKind>): boolean {
  const forms = historyForms(media, isWrapped)
  return [...kinds].some(kind => takesKind(forms, kind))
}
