import { after, type Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import { isListed } from '../../content/deferred-list.ts'
import { MESSAGE_SUMMARY, summaryBodies, summaryCounts, type WaitingCounts } from '../../content/message-summary.ts'
import { comeBack } from '../../sip/event-header.ts'
import type {
  EventPackage,
  NotifyBody,
  NotifyReason,
  SubscribeAsk,
  SubscriptionView,
} from '../../sip/subscription-types.ts'
import type { Subscriptions } from '../../sip/subscriptions.ts'
import type { StoreClient, Verbs } from '../../store/verbs.ts'
import { groupOf } from './waiting-groups.ts'

export const MESSAGE_SUMMARY_EVENT = 'message-summary'

/** When the headers of the messages are told: with the counts at once, right after them, or not at all (docs/protocol.md). */
export type HeadersReading = 'initial' | 'second' | 'off'

/** Messages whose headers are read at once, some 4 KB each at most. */
const PAGE = 32
/** Over a stream; what clients take is seldom said, and no client refuses this. */
const STREAM_BODY_BYTES_MAX = 16_384
/** Milliseconds: confirmations of a fast push and a flood of messages are told as a few changes. */
const CHANGE_INTERVAL_MS = 500
/** A store that failed may do better then. */
const AGAIN_MS = 5000
/** Mailboxes of which something is remembered; past it the one that was quiet for longest is told once more, or not why. */
const REMEMBERED_MAX = 10_000

type Told = (now: Now, bodies: readonly NotifyBody[], hasMore?: boolean) => void

/** How far one subscription was told, as its note. */
interface Progress {
  /** The last message whose headers were told. */
  readonly seq: number
  /** Of `Waiting.#registrations`. */
  readonly registration: number
  /** Headers follow. */
  readonly isFollowUp: boolean
  readonly counts: string
}

/** DM-MWI-01..03: message waiting (RFC 3842), told to the owner of the mailbox alone. */
export class Waiting implements EventPackage {
  readonly event = MESSAGE_SUMMARY_EVENT
  readonly accept = [MESSAGE_SUMMARY]
  /** RFC 3842 3.4. */
  readonly defaultExpiresS = 3600
  readonly minExpiresS = 60
  readonly maxExpiresS = 86_400
  readonly changeIntervalMs = CHANGE_INTERVAL_MS
  readonly #store: StoreClient
  readonly #timers: Timers
  readonly #subscriptions: Subscriptions
  readonly #reading: HeadersReading
  readonly #isPushActive: boolean
  /** Registrations after which the same is told once more, by address-of-record: how many there were. */
  readonly #registrations = new Map<string, number>()
  /** By address-of-record: with which message, and how full. */
  readonly #nearlyFull = new Map<string, { readonly seq: number; readonly percent: number }>()

  constructor(options: {
    store: StoreClient
    timers: Timers
    subscriptions: Subscriptions
    reading: HeadersReading
    /** For users who never decided it. */
    isPushActive: boolean
  }) {
    this.#store = options.store
    this.#timers = options.timers
    this.#subscriptions = options.subscriptions
    this.#reading = options.reading
    this.#isPushActive = options.isPushActive
    this.#subscriptions.register(this)
  }

  /** Messages joined or left that mailbox, or it is gone. */
  changed(now: Now, aor: string): void {
    this.#subscriptions.changed(now, this.event, aor)
  }

  /** DM-DLV-02: nothing is pushed, so whoever is there is told once more what waits. */
  registered(_now: Now, aor: string): void {
    if (!this.#subscriptions.isWatched(this.event, aor)) return
    this.#store.ask('locate', { aor }, (then, result) => {
      if ('failure' in result) return
      const { waiting, offlineDelivery } = result.value
      if (waiting === 0 || (offlineDelivery ?? this.#isPushActive)) return
      putLast(this.#registrations, aor, (this.#registrations.get(aor) ?? 0) + 1)
      this.changed(then, aor)
    })
  }

  /** Told with the headers of that message. */
  nearlyFull(aor: string, seq: number, percent: number): void {
    putLast(this.#nearlyFull, aor, { seq, percent })
  }

  /** Whether the mailbox is there is nobody's business but its owner's. */
  authorise(now: Now, { subscriber, resource }: SubscribeAsk, done: Parameters<EventPackage['authorise']>[2]): void {
    if (subscriber !== resource) return done(now, { status: 403 })
    this.#store.ask('account.get', { aor: resource }, (then, result) => {
      if ('failure' in result) done(then, comeBack(AGAIN_MS / 1000))
      else done(then, result.value ? 'active' : { status: 404 })
    })
  }

  state(_now: Now, view: SubscriptionView, why: NotifyReason, done: Told): void {
    this.#store.ask('summary', { aor: view.resource }, (then, result) => {
      if ('failure' in result) return this.#failed(then, view, done)
      if (result.value.newCount > 0) return this.#tell(then, view, why, result.value, done)
      this.#store.ask('account.get', { aor: view.resource }, (later, account) => {
        if ('failure' in account || account.value) return this.#tell(later, view, why, result.value, done)
        this.#subscriptions.end(later, this.event, view.resource, { reason: 'noresource' })
        done(later, [])
      })
    })
  }

  #failed(now: Now, { resource }: SubscriptionView, done: Told): void {
    this.#timers.set('message waiting', after(now, AGAIN_MS), then => this.changed(then, resource))
    done(now, [])
  }

  #tell(now: Now, view: SubscriptionView, why: NotifyReason, waiting: WaitingCounts, done: Told): void {
    const counts = summaryCounts(view.resource, waiting)
    const before = progressOf(view)
    const isAtOnce = why === 'initial' && this.#reading === 'initial'
    const hasGroups = this.#reading !== 'off' && (isAtOnce || why === 'change' || why === 'restored')
    if (hasGroups) return this.#tellGroups(now, view, why, { counts, before, afterSeq: before.seq }, done)
    // RFC 3842 3.5: no headers in the first NOTIFY; those of what waits already come right behind it (DM-MWI-03).
    const isFollowUp = why === 'initial' ? this.#reading === 'second' && waiting.newCount > 0 : before.isFollowUp
    const told = this.#progress(view, { seq: before.seq, isFollowUp, counts })
    const isNothing = why === 'change' && isSame(told, before)
    // A change that waited to be told is over with the refresh that came before it; what it added still has headers.
    const hasMore = isFollowUp || (why === 'refresh' && this.#reading !== 'off')
    done(now, isNothing ? [] : [bodyOf(counts)], hasMore && why !== 'final')
  }

  /** What the subscription is told now, noted. */
  #progress(
    view: SubscriptionView,
    { seq, isFollowUp, counts }: { seq: number; isFollowUp: boolean; counts: Buffer },
  ): Progress {
    const registration = this.#registrations.get(view.resource) ?? 0
    const told = { seq, registration, isFollowUp, counts: counts.toString('latin1') }
    view.note = noteOf(told)
    return told
  }

  #tellGroups(
    _now: Now,
    view: SubscriptionView,
    why: NotifyReason,
    so: { counts: Buffer; before: Progress; afterSeq: number },
    done: Told,
  ): void {
    const { resource: aor } = view
    this.#store.ask('mailbox', { aor, afterSeq: so.afterSeq, limit: PAGE, withHead: true }, (then, result) => {
      if ('failure' in result) return this.#failed(then, view, done)
      const seq = result.value.at(-1)?.seq ?? so.afterSeq
      const groups = result.value.filter(one => isListed(one, then)).map(one => this.#group(aor, one))
      const isMore = result.value.length === PAGE
      if (isMore && groups.length === 0) return this.#tellGroups(then, view, why, { ...so, afterSeq: seq }, done)
      const told = this.#progress(view, { seq, isFollowUp: isMore, counts: so.counts })
      const isNothing = why === 'change' && groups.length === 0 && isSame(told, so.before)
      const bodies = summaryBodies(so.counts, groups, view.bodyBytesMax ?? STREAM_BODY_BYTES_MAX)
      done(then, isNothing ? [] : bodies.map(bodyOf), isMore)
    })
  }

  #group(aor: string, one: Verbs['mailbox']['reply'][number]): Buffer {
    const full = this.#nearlyFull.get(aor)
    return groupOf(one, full?.seq === one.seq ? full.percent : undefined)
  }
}

const bodyOf = (body: Buffer): NotifyBody => ({ contentType: MESSAGE_SUMMARY, body })

const noteOf = ({ seq, registration, isFollowUp, counts }: Progress): string =>
  `${seq} ${registration} ${isFollowUp ? '+' : '-'}${counts}`

function progressOf({ note }: SubscriptionView): Progress {
  const [seq = '0', registration = '0', sign = ''] = note.split(' ', 3)
  const counts = note.slice(seq.length + registration.length + 3)
  return { seq: Number(seq), registration: Number(registration), isFollowUp: sign.startsWith('+'), counts }
}

const isSame = (told: Progress, before: Progress): boolean =>
  told.counts === before.counts && told.registration === before.registration

function putLast<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [first] = map.keys()
  if (first !== undefined && map.size > REMEMBERED_MAX) map.delete(first)
}
