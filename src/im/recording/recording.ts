import type { Entropy } from '../../base/entropy.ts'
import type { Log } from '../../base/log.ts'
import { after, type Now } from '../../base/time.ts'
import type { Timer, Timers } from '../../base/timers.ts'
import type { MsrpEndpoint } from '../../msrp/endpoint.ts'
import type { Resolver } from '../../sip/next-hop.ts'
import type { OutgoingSession } from '../../sip/outgoing-session.ts'
import type { Sessions } from '../../sip/session.ts'
import type { EndReason } from '../../sip/session-types.ts'
import type { SubscriberSide } from '../../sip/subscriber-types.ts'
import type { SipRequest, SipResponse } from '../../sip-parser-lite/message.ts'
import type { HistoryPiece } from '../../store/history.ts'
import { headAsReceived } from '../history/history-item.ts'
import { HistoryRecorder, type RecordEnd, type RecorderContext, type Safe } from '../history/history-recorder.ts'
import type { OwnAddresses } from '../own-addresses.ts'
import { type Reach, type Routing, reachThrough } from '../reach.ts'
import { recordingInvite } from './recording-invite.ts'
import { type AgreedMedia, connectMedia, type OfferedMedia, openMedia, readMedia } from './recording-media.ts'
import type { RecordingWish } from './recording-policy.ts'
import { newRecord } from './recording-record.ts'
import { RecordingWatch } from './recording-watch.ts'

export interface RecordingParts {
  readonly sessions: Sessions
  readonly msrp: MsrpEndpoint
  readonly subscriber: SubscriberSide
  readonly own: OwnAddresses
  readonly routing: Routing
  readonly resolver: Resolver
  readonly entropy: Entropy
  readonly timers: Timers
  readonly log: Log
  readonly recorder: RecorderContext
  /** Of our MSRP over TLS, if there is one. */
  readonly localFingerprint?: () => string
  /** Route value of the core; undefined when there is none. */
  readonly coreRoute: string | undefined
  /** Who records. */
  readonly functionUri: string
  /** Milliseconds; it is ended then. */
  readonly durationMaxMs: number
}

interface RecordingEvents {
  /** HIS-REF-10: how the INVITE stands; from 200 on the last word. */
  onProgress(now: Now, status: number, reason: string): void
  /** Flash has no room for this one. */
  onFull(now: Now): void
  /** Once: nothing is open any more. */
  onOver(now: Now): void
}

/** A focus whose MSRP connection is gone may be about to hang up, and its BYE be lost once or twice on the way (Timer E). */
const HANG_UP_MS = 5000
/** What was said last may still be on its way when the BYE is here: another way, and more to carry. */
const REST_MS = 1000

/**
 * HIS-INV-01..10: one conference while it is recorded: INVITE, the record on flash, MSRP and the subscription, and the end of all of
 * them, whichever ends first.
 */
export class Recording {
  readonly wish: RecordingWish
  readonly #parts: RecordingParts
  readonly #events: RecordingEvents
  readonly #watch: RecordingWatch
  #state: 'inviting' | 'recording' | 'ended' = 'inviting'
  #session: OutgoingSession | undefined
  #media: OfferedMedia | undefined
  #recorder: HistoryRecorder | undefined
  #timer: Timer | undefined
  /** What came before there was a record; the MSRP session bounds it. */
  readonly #early: { readonly piece: HistoryPiece; readonly safe: Safe }[] = []
  /** Of the focus. */
  #bye: SipRequest | undefined
  /** MSRP stood. */
  #isListening = false
  #isAnswered = false
  #isOver = false
  readonly #whenOver: ((now: Now) => void)[] = []

  constructor(parts: RecordingParts, wish: RecordingWish, events: RecordingEvents) {
    this.#parts = parts
    this.wish = wish
    this.#events = events
    this.#watch = new RecordingWatch(parts, wish)
  }

  /** What the focus calls the conference; undefined before it has answered. */
  get sessionIdentity(): string | undefined {
    return this.#state === 'recording' ? this.#session?.remoteContact : undefined
  }

  describe(): object {
    const { initiator, conference } = this.wish
    return { initiator, conference, state: this.#state, callId: this.#session?.callId }
  }

  start(now: Now): void {
    const { routing, coreRoute, own } = this.#parts
    const { requestUri } = this.wish
    const begin = (then: Now, reach: Reach | undefined): void => {
      if (this.#state === 'ended') this.#failed(then, 487, 'Request Terminated')
      // A name may lead anywhere: only now is it known that it is us.
      else if (coreRoute === undefined && reach && isToUs(own, reach)) this.#failed(then, 403, 'No Conference Here')
      else if (reach) this.#invite(then, reach)
      else this.#failed(then, 480, 'No Way to the Conference')
    }
    reachThrough(now, routing, coreRoute, requestUri, begin)
  }

  /** Hangs up; `done` is called when nothing is open any more. `interrupted`: the box goes down, not the conference. */
  stop(now: Now, how: 'whole' | 'interrupted', done: (now: Now) => void = () => {}): void {
    this.#whenOver.push(done)
    if (this.#state === 'recording') return this.#end(now, this.#bye ? 'whole' : how)
    if (this.#state === 'ended') return this.#settle(now)
    this.#state = 'ended'
    this.#session?.cancel(now)
  }

  #invite(now: Now, reach: Reach): void {
    const { sessions, own, entropy, functionUri, log } = this.#parts
    const media = openMedia(reach.to, this.#parts, {
      onPiece: (then, piece, safe) => this.#heard(then, { at: then.wall, from: 'focus', ...piece }, safe),
      onReady: () => {
        this.#isListening = true
      },
      onClosed: (then, reason) => this.#mediaLost(then, reason),
    })
    if (!media) return this.#failed(now, 503, 'No MSRP Listener')
    this.#media = media
    this.#early.length = 0
    const contactUri = own.contactUri(reach.to)
    const side = { ...media, path: media.msrp.localPath, contactUri, functionUri }
    this.#session = sessions.invite(now, recordingInvite(this.wish, reach, side, entropy), {
      onProgress: (then, { status, reason }) => {
        if (this.#state === 'inviting') this.#events.onProgress(then, status, reason)
      },
      onAnswered: (then, response) => this.#answered(then, response),
      onRefused: (then, status, reason, response) => {
        media.msrp.close(then)
        const [to, ...others] = reach.others ?? []
        // RFC 3263 4.3.
        const isDead = status === 503 || (status === 408 && response === undefined)
        if (to && isDead && this.#state === 'inviting') this.#invite(then, { ...reach, to, others })
        // A 487 that nobody asked for but the ring limit.
        else if (status === 487 && this.#state === 'inviting') this.#failed(then, 408, 'Request Timeout')
        else this.#failed(then, status, reason)
      },
      onBye: (_then, request) => {
        this.#bye = request
      },
      onEnded: (then, why) => this.#left(then, why),
    })
    log.info('recording invited', { call_id: this.#session.callId, conference: this.wish.conference })
  }

  /** HIS-INV-08..10. */
  #answered(now: Now, response: SipResponse): void {
    const media = readMedia(response)
    if (this.#state === 'ended') return this.#unwanted(now, 487, 'Request Terminated')
    if (typeof media === 'string') return this.#unwanted(now, 502, media)
    this.#state = 'recording'
    this.#endIn(now, this.#parts.durationMaxMs, 'cut short')
    this.#record(now, response)
    this.#connect(now, media)
    const identity = this.#session!.remoteContact
    if (identity !== undefined) this.#watch.start(now, identity)
  }

  /** The focus has answered, and has to be told that it was for nothing. */
  #unwanted(now: Now, status: number, why: string): void {
    this.#parts.log.warn('recording not possible', { call_id: this.#session?.callId, why })
    this.#session?.bye(now)
    this.#media?.msrp.close(now)
    this.#failed(now, status, why)
  }

  #record(now: Now, response: SipResponse): void {
    const session = this.#session!
    const record = newRecord(now, this.wish, session, response)
    this.#recorder = new HistoryRecorder(this.#parts.recorder, record, {
      hold: (then, isHeld) => this.#media?.hold(then, isHeld),
      onBegun: then => this.#tell(then, response.status, response.reason),
      onCutShort: (then, why, isOwnLimit) => {
        if (!this.#isAnswered && !isOwnLimit) this.#events.onFull(then)
        this.#tell(then, 503, 'Nothing Can Be Kept')
        this.#parts.log.warn('recording ended', { call_id: session.callId, why })
        this.#end(then, 'whole')
      },
      onOver: then => this.#over(then),
    })
    for (const { piece, safe } of this.#early.splice(0)) this.#recorder.piece(now, piece, safe)
  }

  #connect(now: Now, agreed: AgreedMedia): void {
    const { msrp } = this.#media!
    if (msrp.state === 'closed') return this.#mediaLost(now, 'lost before the answer')
    connectMedia(now, msrp, agreed, this.#parts.resolver, then => this.#mediaLost(then, 'no address'))
  }

  /** A focus that connects may speak before its answer is here. */
  #heard(now: Now, piece: HistoryPiece, safe: Safe): void {
    if (this.#recorder) this.#recorder.piece(now, piece, safe)
    else this.#early.push({ piece, safe })
  }

  #mediaLost(now: Now, reason: string): void {
    if (this.#state !== 'recording') return
    if (this.#bye) return this.#end(now, 'whole')
    this.#parts.log.info('recording without MSRP', { call_id: this.#session?.callId, reason })
    this.#endIn(now, HANG_UP_MS, 'interrupted')
  }

  /** The session timer ran out, or the focus is gone. After a BYE of either side there is nothing left to do. */
  #left(now: Now, why: EndReason): void {
    this.#session = undefined
    if (this.#bye && this.#state === 'recording' && this.#media?.msrp.state !== 'closed')
      this.#endIn(now, REST_MS, 'whole')
    else this.#end(now, why === 'bye' || why === 'local' ? 'whole' : 'interrupted')
    this.#settle(now)
  }

  #endIn(now: Now, ms: number, how: RecordEnd): void {
    const { timers } = this.#parts
    timers.cancel(this.#timer)
    this.#timer = timers.set('recording end', after(now, ms), then => this.#end(then, how))
  }

  #end(now: Now, how: RecordEnd): void {
    if (this.#state !== 'recording') return
    this.#state = 'ended'
    this.#parts.timers.cancel(this.#timer)
    const bye = this.#bye ?? this.#session?.bye(now)
    this.#watch.end(now)
    this.#media?.msrp.close(now)
    // Nobody could be heard, however orderly it ended.
    const isDeaf = how === 'whole' && !this.#isListening
    this.#recorder?.end(now, isDeaf ? 'interrupted' : how, {
      ...(bye && { heads: { bye: headAsReceived(bye) } }),
      participants: this.#watch.participants(),
    })
  }

  #failed(now: Now, status: number, reason: string): void {
    this.#state = 'ended'
    this.#session = undefined
    this.#tell(now, status, reason)
    this.#over(now)
  }

  #tell(now: Now, status: number, reason: string): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#events.onProgress(now, status, reason)
  }

  /** The record is closed. */
  #over(now: Now): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#events.onOver(now)
    this.#settle(now)
  }

  /** Who asked for the end hears of it when the focus has answered our BYE as well. */
  #settle(now: Now): void {
    if (!this.#isOver || this.#session) return
    for (const done of this.#whenOver.splice(0)) done(now)
  }
}

const isToUs = (own: OwnAddresses, { to, others = [] }: Reach): boolean =>
  [to, ...others].some(hop => !('id' in hop) && own.isOwn(hop))
