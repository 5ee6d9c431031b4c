import type { Now } from '../../base/time.ts'
import { obstacleToSending } from '../../sdp/send-answer.ts'
import type { ServerTransaction } from '../../sip/transaction/server-transaction.ts'
import type { SipRequest } from '../../sip-parser-lite/message.ts'
import type { Admission } from '../admission.ts'
import { type Answer, type Refuse, unavailable } from '../answers.ts'
import type { Delivery } from '../delivery/delivery.ts'
import { MsrpSender } from '../delivery/msrp-sender.ts'
import { type FetchOffer, FetchOffers } from './fetch-offer.ts'
import { findReferences, namedReferences } from './fetch-references.ts'
import { FetchSession } from './fetch-session.ts'
import { BUSY_RETRY_S, busy, type Fetching, type FetchingParts } from './fetching.ts'

interface FetchParts extends FetchingParts {
  readonly delivery: Delivery
}

/** What may be fetched, by whom, and over what. */
type Wish = FetchOffer & { readonly references: readonly string[] | undefined }

/** INVITE to the deferred messaging function with `a=recvonly`: the user fetches what waits for them (docs/protocol.md). */
export class Fetch implements Fetching {
  readonly #parts: FetchParts
  readonly #deferred: string | undefined
  readonly #offers: FetchOffers

  constructor(parts: FetchParts) {
    this.#parts = parts
    this.#deferred = parts.domain.userOf(parts.config.history.deferred_uri)
    this.#offers = new FetchOffers(parts)
  }

  isFor(recipient: string): boolean {
    return recipient === this.#deferred
  }

  handle(now: Now, transaction: ServerTransaction, received: SipRequest, admission: Admission, refuse: Refuse): void {
    const refused: Refuse = (then, answer) => {
      this.#parts.counters.count('fetch_refused', String(answer.status))
      refuse(then, answer)
    }
    const wish = this.#wish(transaction, received, admission)
    if ('status' in wish) return refused(now, wish)
    const { aor, references } = wish
    const { store } = this.#parts
    if (references) {
      return findReferences(now, store, aor, references, (then, found) => {
        if ('status' in found) refused(then, found)
        else this.#begin(then, transaction, received, { ...wish, only: found }, refused)
      })
    }
    const request = { aor, afterSeq: 0, limit: 1, bytes: 1, at: now.wall, isWallTrusted: now.isWallTrusted }
    store.ask('page', request, (then, result) => {
      if ('failure' in result) return refused(then, unavailable(5))
      if (result.value.length === 0) return refused(then, { status: 480, reason: 'No Messages Waiting' })
      this.#begin(then, transaction, received, wish, refused)
    })
  }

  #wish(transaction: ServerTransaction, received: SipRequest, admission: Admission): Wish | Answer {
    const offer = this.#offers.read(transaction.flow, received, admission, obstacleToSending)
    if ('status' in offer) return offer
    const references = namedReferences(received)
    if (references && 'refusal' in references) return references.refusal
    return { ...offer, references }
  }

  #begin(
    now: Now,
    transaction: ServerTransaction,
    received: SipRequest,
    wish: Wish & { readonly only?: ReadonlySet<number> },
    refuse: Refuse,
  ): void {
    const { own, delivery, counters } = this.#parts
    const { aor, only, offer, endpoint } = wish
    delivery.fetch(now, {
      aor,
      ...(only && { only }),
      start: (then, reader, done) => {
        counters.count('fetches')
        const contactUri = own.contactUri(transaction.flow)
        const parts = { ...this.#parts, endpoint, contactUri }
        const session = new FetchSession(parts, offer, (stream, over) => {
          return new MsrpSender({ ...parts, ...stream }, reader, (later, end) => {
            over(later)
            done(later, end)
          })
        })
        session.start(then, transaction, received)
        return session
      },
      refused: (then, why) => refuse(then, why === 'busy' ? this.#busy() : unavailable(BUSY_RETRY_S)),
    })
  }

  #busy(): Answer {
    return busy(this.#parts.hostname, 'the messages are being delivered just now')
  }
}
