import type { Counters } from '../../base/counters.ts'
import type { Entropy } from '../../base/entropy.ts'
import type { Now } from '../../base/time.ts'
import type { Outcome } from '../../msrp/message.ts'
import type { MsrpMedia } from '../../sdp/msrp-media.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { type SendingParts, SendingSession } from '../delivery/sending-session.ts'
import type { FetchSender } from '../fetch/fetch-session.ts'
import { freshMessageId, LargeHistoryBody, messageBody, sessionBody } from './history-body.ts'
import type { ItemChunk, ItemChunks } from './history-chunks.ts'
import { type HistoryForms, historyForms, takesKind } from './history-forms.ts'
import { PageChunks } from './history-page.ts'
import { HistoryPieces } from './history-pieces.ts'
import { ReplayChunks } from './history-replay.ts'
import type { SelectedItem, SelectedItems } from './history-selection.ts'
import { WrappedChunks } from './history-wrapped.ts'

interface HistorySenderParts extends SendingParts {
  readonly store: StoreClient
  readonly entropy: Entropy
  readonly counters: Counters
  readonly aor: string
  /** Sessions as `message/msrp`, because the client asked for them so. */
  readonly isWrapped: boolean
}

/** How a retrieval ended. `done`: everything that was asked for was sent and answered, or passed over. */
export interface HistoryEnd {
  readonly kind: 'done' | 'kept' | 'unfit'
  readonly why?: string
  /** Items of which the last octet was sent. */
  readonly items: number
  readonly sends: number
  /** Items and SENDs that this client does not take. */
  readonly passedOver: number
  /** Messages that it refused though it had listed their type. */
  readonly refused: number
}

/** Unconfirmed at once: keeps a fast link busy over a round trip, and little RAM behind a slow one. */
const WINDOW = { sends: 16, bytes: 262_144 }

/** Says of the session or the connection, not of the message, that it is over (RFC 4975 10). */
const OVER = new Set([408, 481, 506])

/** HIS-DLV-01..07: the items of a selection as MSRP SENDs, one after the other, read from flash while they are sent. */
export class HistorySender implements FetchSender {
  readonly #parts: HistorySenderParts
  readonly #items: SelectedItems
  readonly #ended: (now: Now, end: HistoryEnd) => void
  readonly #session: SendingSession
  #media: MsrpMedia | undefined
  /** Of the present item, in order. */
  #chunks: ItemChunks[] = []
  #isTaking = false
  #isEmpty = false
  #underWay = 0
  #bytes = 0
  #stopped: { readonly kind: 'kept' | 'unfit'; readonly why: string } | undefined
  #isOver = false
  readonly #count = { items: 0, sends: 0, passedOver: 0, refused: 0 }

  /** `ended` comes once, when no answer is outstanding any more; the MSRP session is closed then (HIS-DLV-07). */
  constructor(parts: HistorySenderParts, items: SelectedItems, ended: (now: Now, end: HistoryEnd) => void) {
    this.#parts = parts
    this.#items = items
    this.#ended = ended
    this.#session = new SendingSession(parts, {
      ready: now => this.#pump(now),
      failed: (now, kind, why) => this.#abort(now, { kind, why }),
    })
  }

  get localPath(): string {
    return this.#session.localPath
  }

  start(now: Now, media: MsrpMedia, role: 'active' | 'passive'): void {
    this.#media = media
    this.#session.start(now, media, role)
  }

  abort(now: Now, kind: 'kept', why: string): void {
    this.#abort(now, { kind, why })
  }

  stop(now: Now, why: string): void {
    this.#stopped ??= { kind: 'kept', why }
    if (this.#session.isReady) this.#pump(now)
    else this.#end(now)
  }

  #abort(now: Now, why: { readonly kind: 'kept' | 'unfit'; readonly why: string }): void {
    this.#stopped ??= why
    this.#end(now)
  }

  /** Sends what there is room for. */
  #pump(now: Now): void {
    if (this.#isOver || this.#isTaking) return
    if (this.#stopped || this.#isEmpty) {
      if (this.#underWay === 0) this.#end(now)
      return
    }
    if (this.#underWay >= WINDOW.sends || this.#bytes >= WINDOW.bytes) return
    this.#isTaking = true
    this.#take(now)
  }

  #taken(now: Now): void {
    this.#isTaking = false
    this.#pump(now)
  }

  #take(now: Now): void {
    const [chunks] = this.#chunks
    if (!chunks) return this.#nextItem(now)
    chunks.take(now, (then, taken) => {
      if (this.#isOver) return
      if (taken.kind === 'chunk') {
        this.#send(then, taken.chunk, chunks)
        return this.#taken(then)
      }
      this.#passOver(chunks.passedOver)
      this.#chunks.shift()
      if (taken.kind === 'broken') this.#broken(taken)
      else if (this.#chunks.length === 0) this.#count.items++
      this.#taken(then)
    })
  }

  /** HIS-DLV: an item that vanishes while it is sent is as one that was never there; the rest goes on. */
  #broken({ why, isGone }: { readonly why: string; readonly isGone: boolean }): void {
    this.#chunks = []
    if (isGone) this.#parts.counters.count('history_passed_over', 'gone')
    else this.#stopped ??= { kind: 'kept', why }
  }

  #nextItem(now: Now): void {
    this.#items.take(now, (then, found) => {
      if (this.#isOver) return
      if (found.kind === 'item') return this.#begin(then, found.item)
      if (found.kind === 'end') this.#isEmpty = true
      else this.#stopped ??= { kind: 'kept', why: found.why }
      this.#taken(then)
    })
  }

  #begin(now: Now, item: SelectedItem): void {
    const { store, aor, entropy } = this.#parts
    const forms = historyForms(this.#media!, this.#parts.isWrapped)
    const { kind, reference } = item.entry
    if (!takesKind(forms, kind)) {
      this.#passOver(1)
      return this.#taken(now)
    }
    const pieces = new HistoryPieces(store, aor, reference)
    if (kind === 'message') return this.#beginMessage(now, item, pieces, forms)
    const page = (body: ConstructorParameters<typeof PageChunks>[0]) => new PageChunks(body, freshMessageId(entropy))
    if (kind === 'large') this.#chunks = [page(new LargeHistoryBody(item, pieces, entropy))]
    else if (forms.isWrapped) this.#chunks = [new WrappedChunks(item, pieces, entropy)]
    else this.#chunks = [new ReplayChunks(pieces, this.#media!)]
    if (kind === 'session' && forms.hasFragments) this.#chunks.unshift(page(sessionBody(item, entropy)))
    this.#taken(now)
  }

  /** So many that the client does not take. */
  #passOver(count: number): void {
    this.#count.passedOver += count
    if (count > 0) this.#parts.counters.count('history_passed_over', 'unfit', count)
  }

  #beginMessage(now: Now, item: SelectedItem, pieces: HistoryPieces, forms: HistoryForms): void {
    const { entropy } = this.#parts
    const form = { ...forms, message: forms.message! }
    messageBody(now, item, form, { pieces, entropy }, (then, body) => {
      if ('why' in body) this.#broken(body)
      else this.#chunks = [new PageChunks(body, freshMessageId(entropy))]
      this.#taken(then)
    })
  }

  #send(now: Now, { send, messageId, bytes }: ItemChunk, from: ItemChunks): void {
    this.#underWay++
    this.#bytes += bytes
    this.#count.sends++
    this.#session.sendWhole(now, send, (then, outcome) => {
      this.#underWay--
      this.#bytes -= bytes
      this.#judge(outcome, () => {
        this.#count.refused++
        this.#parts.counters.count('history_passed_over', 'refused')
        from.refused(messageId)
      })
      this.#pump(then)
    })
  }

  #judge(outcome: Outcome, refused: () => void): void {
    if ('closed' in outcome) this.#stopped ??= { kind: 'kept', why: `connection lost: ${outcome.closed}` }
    else if (OVER.has(outcome.status)) this.#stopped ??= { kind: 'kept', why: `MSRP SEND answered ${outcome.status}` }
    else if (outcome.status !== 200) refused()
  }

  #end(now: Now): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#session.close(now)
    this.#ended(now, { kind: 'done', ...this.#stopped, ...this.#count })
  }
}
