import type { Flow } from '../base/flow.ts'
import { ownText } from '../base/own-text.ts'
import type { Instant, Now, WallTime } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer, Timers } from '../base/timers.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { contactUri, Dialog, type DialogState, type Header } from './dialog.ts'
import { dialogTarget } from './dialog-hop.ts'
import { targetOfCaller } from './peer-side.ts'
import { notedContact, ownHeaders } from './session-headers.ts'
import { isFinal, isSuccess } from './session-leg.ts'
import type { Target } from './session-types.ts'
import type { AskedSubscription } from './subscription-ask.ts'
import { Notices, type NoticesOwner, type Sent } from './subscription-notices.ts'
import type {
  EventPackage,
  NotifyBody,
  NotifyReason,
  SavedSubscription,
  SubscriptionParts,
  SubscriptionView,
  TerminationReason,
} from './subscription-types.ts'

/** CSeq numbers that are reserved at a time: a restart goes on behind them, and never with one that was used. */
const SEQ_BLOCK = 256
/** An expiry that moved by less than this part of the interval is not worth a write. */
const EXPIRY_SLACK = 0.1

/** RFC 3261 18.1.1. */
const DATAGRAM_BYTES_MAX = 1300
/** Of a NOTIFY beside what its dialog says: Via, CSeq, Max-Forwards, Subscription-State, User-Agent, Content-Type and -Length. */
const OTHER_HEADERS_BYTES = 420
/** Of a header with its line end. */
const NAME_BYTES = 12
/** Whatever the headers are, something has to be said. */
const BODY_BYTES_MIN = 200

/** What makes a subscription, from a SUBSCRIBE or from what was saved. */
interface SubscriptionOrigin extends Omit<SavedSubscription, 'id' | 'event' | 'state' | 'expiresAt'> {
  readonly package: EventPackage
}

/** RFC 6665 4.2: one subscription, a dialog of ours in which NOTIFYs go out. */
export class Subscription implements SubscriptionView, NoticesOwner {
  readonly id: string
  readonly resource: string
  readonly subscriber: string
  readonly eventHeader: string
  readonly timers: Timers
  readonly dialog: Dialog
  note: string
  readonly #parts: SubscriptionParts
  readonly #package: EventPackage
  readonly #onOver: (now: Now) => void
  readonly #notices: Notices
  /** `starting`: its SUBSCRIBE is not answered yet. */
  #phase: 'starting' | 'live' | 'ending' | 'ended' = 'starting'
  #standing: 'active' | 'pending' = 'pending'
  #target: Target
  #contact: string
  #accept: readonly string[]
  #asked: string
  #expiresAt = 0 as Instant
  #expiry: Timer | undefined
  #termination = ''
  /** The last NOTIFY says how things stand, not only that it is the last. */
  #isStateTold = false
  /** As last put; undefined for what is not kept. */
  #kept: SavedSubscription | undefined

  /** `onOver` comes once, when nothing more is sent. */
  constructor(parts: SubscriptionParts, origin: SubscriptionOrigin, onOver: (now: Now) => void) {
    this.#parts = parts
    this.timers = parts.timers
    this.#package = origin.package
    this.#onOver = onOver
    this.dialog = new Dialog(ownState(origin.dialog))
    this.id = this.dialog.localTag
    this.resource = ownText(origin.resource)
    this.subscriber = ownText(origin.subscriber)
    this.eventHeader = origin.eventHeader
    this.#target = origin.target
    this.#contact = origin.contact
    this.#accept = origin.accept
    this.#asked = origin.asked
    this.note = origin.note
    this.#notices = new Notices(this)
  }

  get event(): string {
    return this.#package.event
  }

  get accept(): readonly string[] {
    return this.#accept
  }

  get asked(): string {
    return this.#asked
  }

  get bodyBytesMax(): number | undefined {
    if (this.#target.transport !== 'udp') return undefined
    const { callId, local, remote, remoteTarget, routeSet } = this.dialog.state
    const texts = [callId, local, remote, remoteTarget, this.#contact, this.eventHeader, ...routeSet]
    const headers = texts.reduce((sum, text) => sum + text.length + NAME_BYTES, OTHER_HEADERS_BYTES)
    return Math.max(DATAGRAM_BYTES_MAX - headers, BODY_BYTES_MIN)
  }

  get phase(): string {
    return this.#phase
  }

  get contact(): string {
    return this.#contact
  }

  get isLive(): boolean {
    return this.#phase === 'live'
  }

  /** Seconds. */
  leftS(now: Now): number {
    return Math.max(0, Math.floor((this.#expiresAt - now.at) / 1000))
  }

  /** Over a flow that is gone nothing reaches it; it may come back over another. */
  get isCutOff(): boolean {
    return isDead(this.#parts, this.#target)
  }

  // from the SUBSCRIBE requests

  /** It is authorised. `kept` comes when it survives a restart, or cannot; to be answered then, and told by `begin`. */
  grant(now: Now, standing: 'active' | 'pending', expiresS: number, kept: (now: Now) => void): void {
    this.#standing = standing
    this.#expiresAt = after(now, expiresS * 1000)
    this.#put(now, then => {
      if (this.#phase === 'starting') {
        this.#phase = 'live'
        this.#arm(then, expiresS)
      }
      kept(then)
    })
  }

  /** RFC 6665 4.2.1.2: right after the answer. */
  begin(now: Now): void {
    this.#notices.want(now, 'initial')
  }

  /** RFC 6665 4.4.3: told the state once, and over. */
  fetch(now: Now, standing: 'active' | 'pending'): void {
    this.#phase = 'live'
    this.#standing = standing
    this.end(now, 'timeout')
  }

  refresh(now: Now, ask: AskedSubscription, request: SipRequest, flow: Flow): void {
    const contact = contactUri(request)
    if (contact !== undefined) this.dialog.retarget(ownText(contact))
    this.#target = targetOfCaller(request, flow)
    this.#contact = this.#parts.contactUri(flow)
    this.#accept = ask.accept
    this.#asked = ask.asked
    this.#arm(now, ask.expiresS)
    if (this.#kept && isMaterial(this.#kept, this.#saved(now), ask.expiresS)) this.#put(now, () => {})
    this.#notices.moved()
    this.#notices.want(now, 'refresh')
  }

  // from above

  /** Goes on after a restart; NOTIFYs once `delayMs` later. */
  resume(now: Now, saved: SavedSubscription, leftMs: number, delayMs: number): void {
    this.#phase = 'live'
    this.#standing = saved.state
    this.#kept = saved
    this.#armAt(after(now, leftMs))
    this.#notices.wantLater(now, 'restored', delayMs)
  }

  changed(now: Now): void {
    if (this.isLive && this.#standing === 'active') this.#notices.want(now, 'change')
  }

  approve(now: Now): void {
    if (!this.isLive || this.#standing === 'active') return
    this.#standing = 'active'
    if (this.#kept) this.#put(now, () => {})
    this.#notices.want(now, 'initial')
  }

  /** RFC 6665 4.1.3: with a last NOTIFY. */
  end(now: Now, reason: TerminationReason, retryAfterS?: number): void {
    if (this.#phase === 'starting') return this.drop(now)
    if (!this.isLive) return
    this.#isStateTold = this.#standing === 'active' && (reason === 'timeout' || this.#package.isEndTold === true)
    this.#phase = 'ending'
    this.#termination = retryAfterS === undefined ? reason : `${reason};retry-after=${retryAfterS}`
    this.#forget(now)
    this.#notices.want(now, 'final')
  }

  /** Without a word. */
  drop(now: Now): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    this.#forget(now)
    this.#notices.stop()
    this.#onOver(now)
  }

  // for its notices

  get changeIntervalMs(): number {
    return this.#package.changeIntervalMs ?? 0
  }

  ask(
    now: Now,
    why: NotifyReason,
    done: (now: Now, bodies: readonly (NotifyBody | undefined)[], hasMore?: boolean) => void,
  ): void {
    if (this.#isStateTold || (this.isLive && this.#standing === 'active')) this.#package.state(now, this, why, done)
    else done(now, [])
  }

  send(now: Now, body: NotifyBody | undefined, isLast: boolean, done: (now: Now, sent: Sent) => void): void {
    this.#reserve(now, then => {
      if (this.#phase === 'ended') return
      dialogTarget(then, this.#parts, this.dialog, this.#target, (later, target) => {
        if (this.#phase === 'ended') return
        if (isDead(this.#parts, target)) done(later, 'unreachable')
        else this.#transmit(later, target, this.#notify(later, body, isLast), done)
      })
    })
  }

  over(now: Now, why: 'told' | 'gone'): void {
    if (why === 'gone') {
      this.#parts.counters.count('subscriptions_ended', 'gone')
      this.#parts.log.info('subscription ended', { event: this.event, subscriber: this.subscriber, why })
    }
    this.drop(now)
  }

  // inside

  #transmit(now: Now, target: Target, request: SipRequest, done: (now: Now, sent: Sent) => void): void {
    const { counters, layer } = this.#parts
    const failed = (why: 'timeout' | 'transport') => (then: Now) => {
      counters.count('notifies', why)
      done(then, why)
    }
    layer.request(now, request, target, {
      onResponse: (then, response) => {
        if (!isFinal(response)) return
        counters.count('notifies', `${Math.floor(response.status / 100)}xx`)
        // RFC 6665 4.4.1: NOTIFY is a target refresh request.
        const contact = isSuccess(response) ? notedContact(response) : undefined
        if (contact !== undefined && /^sips?:/i.test(contact)) this.dialog.retarget(ownText(contact))
        done(then, response)
      },
      onTimeout: failed('timeout'),
      onTransportError: failed('transport'),
    })
  }

  #notify(now: Now, body: NotifyBody | undefined, isLast: boolean): SipRequest {
    const headers: Header[] = [
      ['Event', this.eventHeader],
      [
        'Subscription-State',
        isLast ? `terminated;reason=${this.#termination}` : `${this.#standing};expires=${this.leftS(now)}`,
      ],
      ['Contact', `<${this.#contact}>`],
      ...ownHeaders(this.#parts),
      ...(body?.headers ?? []),
    ]
    if (body) headers.push(['Content-Type', body.contentType])
    return this.dialog.request('NOTIFY', headers, body?.body)
  }

  #arm(now: Now, expiresS: number): void {
    this.#armAt(after(now, expiresS * 1000))
    if ('id' in this.#target) this.#parts.keep?.(now, this.#target, expiresS * 1000)
  }

  #armAt(at: Instant): void {
    this.timers.cancel(this.#expiry)
    this.#expiresAt = at
    this.#expiry = this.timers.set('subscription', at, now => {
      this.#parts.counters.count('subscriptions_ended', 'expired')
      this.end(now, 'timeout')
    })
  }

  #saved(now: Now): SavedSubscription {
    const { id, event, eventHeader, resource, subscriber, note } = this
    const dialog = this.dialog.state
    return {
      id,
      event,
      eventHeader,
      resource,
      subscriber,
      state: this.#standing,
      dialog: { ...dialog, localSeq: dialog.localSeq + SEQ_BLOCK },
      target: this.#target,
      contact: this.#contact,
      accept: this.#accept,
      asked: this.#asked,
      note,
      expiresAt: (now.wall + this.#expiresAt - now.at) as WallTime,
    }
  }

  #put(now: Now, done: (now: Now) => void): void {
    this.#kept = this.#saved(now)
    this.#parts.keeper.put(now, this.#kept, done)
  }

  #forget(now: Now): void {
    this.timers.cancel(this.#expiry)
    if (this.#kept) this.#parts.keeper.remove(now, this.id)
    this.#kept = undefined
  }

  /** Reserves numbers ahead of their use, and waits for it only where all are used, as after a restart. */
  #reserve(now: Now, run: (now: Now) => void): void {
    const left = this.#kept ? this.#kept.dialog.localSeq - this.dialog.state.localSeq : SEQ_BLOCK
    if (left <= 0) return this.#put(now, run)
    if (left < SEQ_BLOCK / 2) this.#put(now, () => {})
    run(now)
  }
}

function isMaterial(kept: SavedSubscription, now: SavedSubscription, expiresS: number): boolean {
  const movedMs = Math.abs(now.expiresAt - kept.expiresAt)
  return movedMs > expiresS * 1000 * EXPIRY_SLACK || placeOf(now) !== placeOf(kept)
}

const placeOf = ({ dialog, target, contact, accept, asked }: SavedSubscription): string =>
  JSON.stringify([dialog.remoteTarget, target, contact, accept, asked])

const isDead = ({ isAlive }: SubscriptionParts, target: Target): boolean =>
  'id' in target && isAlive !== undefined && !isAlive(target)

/** Kept for hours, so nothing of it may hold on to the message that it came with. */
function ownState(state: DialogState): DialogState {
  return {
    ...state,
    callId: ownText(state.callId),
    local: ownText(state.local),
    remote: ownText(state.remote),
    localTag: ownText(state.localTag),
    remoteTag: ownText(state.remoteTag),
    routeSet: state.routeSet.map(ownText),
    remoteTarget: ownText(state.remoteTarget),
  }
}
