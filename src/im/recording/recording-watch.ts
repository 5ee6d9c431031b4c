import type { Log } from '../../base/log.ts'
import type { Now } from '../../base/time.ts'
import { CONFERENCE_INFO_TYPE, ConferenceState } from '../../content/conference-info.ts'
import { wayTo } from '../../sip/request-uri.ts'
import type { Notice, OwnSubscription, SubscriberSide } from '../../sip/subscriber-types.ts'
import { addressOfRecord } from '../../sip-parser-lite/uri.ts'
import type { HistoryParticipant } from '../../store/history.ts'
import { METHODS } from '../methods.ts'
import { contactOf, type OwnAddresses } from '../own-addresses.ts'
import { type Reach, type Routing, reachThrough } from '../reach.ts'
import { ACCEPT_CONTACT } from './recording-invite.ts'
import { RecordingParticipants } from './recording-participants.ts'
import type { RecordingWish } from './recording-policy.ts'

interface WatchParts {
  readonly subscriber: SubscriberSide
  readonly own: OwnAddresses
  readonly routing: Routing
  readonly log: Log
  readonly functionUri: string
  readonly coreRoute: string | undefined
}

/** Seconds: RFC 4575 3.4. */
const EXPIRES_S = 3600

/** HIS-INV-09: the subscription to the conference while it is recorded. A focus that tells nothing is recorded all the same. */
export class RecordingWatch {
  readonly #parts: WatchParts
  readonly #wish: RecordingWish
  readonly #participants = new RecordingParticipants()
  readonly #conference = new ConferenceState()
  #subscription: OwnSubscription | undefined
  #isOver = false

  constructor(parts: WatchParts, wish: RecordingWish) {
    this.#parts = parts
    this.#wish = wish
  }

  /** `identity`: URI of the Contact of the 200. */
  start(now: Now, identity: string): void {
    const { routing, coreRoute } = this.#parts
    const begin = (then: Now, reach: Reach | undefined): void => {
      if (reach && !this.#isOver) this.#subscribe(then, reach)
    }
    reachThrough(now, routing, coreRoute, identity, begin)
  }

  end(now: Now): void {
    this.#isOver = true
    this.#subscription?.end(now)
  }

  participants(): readonly HistoryParticipant[] {
    return this.#participants.list()
  }

  #subscribe(now: Now, reach: Reach): void {
    const { subscriber, own, functionUri, log } = this.#parts
    const way = wayTo(reach.uri, reach.routes)
    const options = {
      requestUri: way.uri,
      // RFC 3261 19.1.1: no port and no transport in To.
      to: `<${addressOfRecord(reach.uri)}>`,
      from: this.#wish.from,
      contact: contactOf(own.contactUri(reach.to)),
      routes: way.routes,
      target: reach.to,
      event: 'conference',
      accept: [CONFERENCE_INFO_TYPE],
      headers: [
        ACCEPT_CONTACT,
        // HIS-INV-02, 03: said in every first request.
        ['Allow', METHODS.join(', ')] as const,
        ['Supported', 'timer'] as const,
        ['P-Asserted-Identity', `<${functionUri}>`] as const,
        ...(this.#wish.privacy === undefined ? [] : [['Privacy', this.#wish.privacy] as const]),
      ],
      expiresS: EXPIRES_S,
    }
    this.#subscription = subscriber.subscribe(now, options, {
      onNotify: (then, notice) => this.#told(then, notice),
      onEnded: (_then, end) => log.info('conference subscription ended', { conference: this.#wish.conference, ...end }),
    })
  }

  #told(now: Now, { isFirst, contentType, body }: Notice): void {
    if (isFirst) this.#conference.restart()
    if (contentType !== CONFERENCE_INFO_TYPE) return
    const change = this.#conference.apply(body)
    if (change === 'gap') this.#subscription?.refresh(now)
    if (change === 'applied' || change === 'over') this.#participants.are(now, this.#conference.present())
    // RFC 4575 4.6: nothing more is told of what is no more. What is said, if anything is, goes on to be recorded.
    if (change === 'over') this.end(now)
  }
}
