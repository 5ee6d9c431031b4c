import type { Counters } from '../../base/counters.ts'
import { after, type Instant, type Now } from '../../base/time.ts'
import type { Referral, ReferralTaker } from '../../sip/referral-types.ts'
import { orRefusal } from '../../sip/refusal.ts'
import { RequestRate } from '../../sip/request-rate.ts'
import type { StoreClient } from '../../store/verbs.ts'
import { ensureAccount } from '../accounts.ts'
import { type Answer, unavailable, warning } from '../answers.ts'
import type { Domain } from '../domain.ts'
import { Recording, type RecordingParts } from './recording.ts'
import { isMeant, type RecordingPolicy, type RecordingWish, wishOf } from './recording-policy.ts'

/** Recordings of one user at once: nobody is in more conferences, and four such users leave room for others. */
const RECORDINGS_OF_ONE_MAX = 4
/** A user whose recordings fail at once may try ten times in a row, then every six seconds: each is an INVITE to somebody else. */
const BURST = 10
const INTERVAL_MS = 6000
/** After flash had no room nothing is begun for so long: room comes from expiry or from the administrator. */
const FULL_MS = 60_000
/** Seconds until another recording may be over. */
const BUSY_RETRY_S = 60

interface RecordingsParts extends Omit<RecordingParts, 'durationMaxMs' | 'functionUri'> {
  readonly store: StoreClient
  readonly domain: Domain
  readonly counters: Counters
  readonly hostname: string
  readonly recording: RecordingPolicy
}

/** HIS-REF-01, 06..10: conferences that users have recorded into their own histories; who may, how many, and all that are under way. */
export class Recordings {
  readonly #parts: RecordingsParts
  readonly #running = new Set<Recording>()
  readonly #rate = new RequestRate(BURST, INTERVAL_MS)
  #fullUntil = 0 as Instant
  #isStopping = false

  constructor(parts: RecordingsParts) {
    this.#parts = parts
  }

  readonly taker: ReferralTaker = (now, referral) => this.#take(now, referral)

  /** Shutting down: every focus hears a BYE, and the records say that they were broken off. */
  stop(now: Now): void {
    this.#isStopping = true
    for (const each of this.#running) each.stop(now, 'interrupted')
  }

  describe(): object {
    return { running: this.#running.size, each: [...this.#running].slice(0, 100).map(each => each.describe()) }
  }

  #take(now: Now, referral: Referral): void {
    const { recording, domain } = this.#parts
    const wish = wishOf(referral, recording, domain)
    if ('status' in wish) return this.#refuse(now, referral, wish)
    if (referral.method === 'BYE') return this.#stop(now, referral)
    const crowded = this.#crowded(now, wish)
    if (crowded) return this.#refuse(now, referral, crowded)
    const seconds = this.#rate.take(now, wish.initiator)
    if (seconds > 0) return this.#refuse(now, referral, this.#busy('you ask for too many recordings', seconds))
    this.#known(wish, (then, refusal) => {
      const late = refusal ?? this.#crowded(then, wish)
      if (late) return this.#refuse(then, referral, late)
      referral.accept(then, later => this.#begin(later, referral, wish))
    })
  }

  #refuse(now: Now, referral: Referral, answer: Answer): void {
    this.#parts.counters.count('recordings_refused', String(answer.status))
    referral.refuse(now, answer)
  }

  /** HIS-REF-01 b: 486 where it is a matter of the count, 503 where it is one of resources. */
  #crowded(now: Now, { initiator }: RecordingWish): Answer | undefined {
    if (this.#isStopping) return unavailable(30)
    if (now.at < this.#fullUntil) return unavailable(BUSY_RETRY_S)
    const ofOne = [...this.#running].filter(each => each.wish.initiator === initiator).length
    if (ofOne >= RECORDINGS_OF_ONE_MAX) return this.#busy('you have as many recordings as one user may have')
    const isFull = this.#running.size >= this.#parts.recording.recordingsMax
    return isFull ? this.#busy('as many recordings as there may be are under way') : undefined
  }

  #busy(why: string, retryS = BUSY_RETRY_S): Answer {
    return { status: 486, headers: [['Retry-After', String(retryS)], warning(this.#parts.hostname, why)] }
  }

  /** A history needs an account; a core's users get theirs when they are first heard of. */
  #known({ initiator: aor }: RecordingWish, done: (now: Now, refusal: Answer | undefined) => void): void {
    const { store, recording } = this.#parts
    if (recording.hasCore) return ensureAccount(store, aor, done)
    store.ask('account.get', { aor }, (now, result) => {
      if ('failure' in result) return done(now, unavailable(5))
      done(now, result.value ? undefined : { status: 403, reason: 'No User of This Box' })
    })
  }

  /** The 202 is out. Others may have been faster. */
  #begin(now: Now, referral: Referral, wish: RecordingWish): void {
    const { counters, recording } = this.#parts
    const late = this.#crowded(now, wish)
    if (late) return referral.progress(now, late.status, 'Too Many Recordings')
    counters.count('recordings', 'begun')
    const { durationMaxMs, functionUri } = recording
    const parts = { ...this.#parts, durationMaxMs, functionUri }
    const one: Recording = new Recording(parts, wish, {
      onProgress: (then, status, reason) => {
        if (status >= 200) counters.count('recordings', status < 300 ? 'answered' : 'failed')
        referral.progress(then, status, reason)
      },
      onFull: then => {
        this.#fullUntil = after(then, FULL_MS)
      },
      onOver: () => this.#running.delete(one),
    })
    this.#running.add(one)
    one.start(now)
  }

  #stop(now: Now, referral: Referral): void {
    const meant = orRefusal(() => ({
      all: [...this.#running].filter(each => isMeant(referral, each.wish, each.sessionIdentity)),
    }))
    if ('status' in meant) return this.#refuse(now, referral, meant)
    if (meant.all.length === 0) return this.#refuse(now, referral, { status: 404, reason: 'No Such Recording' })
    referral.accept(now, then => {
      let open = meant.all.length
      for (const each of meant.all)
        each.stop(then, 'whole', later => {
          if (--open === 0) referral.progress(later, 200, 'OK')
        })
    })
  }
}
