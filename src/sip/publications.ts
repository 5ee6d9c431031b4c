import { type Entropy, token } from '../base/entropy.ts'
import type { Now, WallTime } from '../base/time.ts'
import type { SipRequest } from '../sip-parser-lite/message.ts'
import { comeBack } from './event-header.ts'
import { type AskedPublication, readPublish } from './publication-ask.ts'
import { PublicationExpiry } from './publication-expiry.ts'
import type {
  LoadedPublications,
  PublicationChange,
  PublicationFailure,
  PublicationLimits,
  PublicationPackage,
  PublicationParts,
  SavedPublication,
} from './publication-types.ts'
import { isRefusal, type Refusal, respondWith } from './refusal.ts'
import { RequestRate } from './request-rate.ts'
import type { ServerTransaction } from './transaction/server-transaction.ts'

/** As many resources as there are users; one that sets something up publishes it in a few steps, and then refreshes it. */
export const PUBLICATION_LIMITS: PublicationLimits = { watched: 20_000, burst: 20, intervalMs: 1000 }

/** Devices of one person that publish in the same instant: each try lets at least one of them through. */
const TRIES_MAX = 8
/** Seconds: long enough to get past a flash that stalls, short enough for a person to wait. */
const RETRY_AFTER_S = 5
/** RFC 3903 4.2: nobody finds one by trying, and none comes twice, whatever was before a restart. */
const ETAG_BITS = 120
const TAG_BITS = 80

type PublishTransaction = Pick<ServerTransaction, 'respond'>

/** Who publishes, as admitted, and for what. */
interface Publishing {
  readonly publisher: string
  readonly resource: string
}

interface Job extends Publishing {
  readonly transaction: PublishTransaction
  readonly request: SipRequest
  readonly ask: AskedPublication
}

/** What becomes of the publications of a resource. */
interface Applied {
  readonly publications: readonly SavedPublication[]
  readonly why: PublicationChange
  readonly etag: string
}

/** RFC 3903: the event state compositor of every package that is registered with it, as far as it does not know what is published. */
export class Publications {
  readonly #parts: PublicationParts
  readonly #packages = new Map<string, PublicationPackage>()
  readonly #rate: RequestRate
  readonly #expiry: PublicationExpiry

  constructor(parts: PublicationParts) {
    const { watched, burst, intervalMs } = parts.limits ?? PUBLICATION_LIMITS
    this.#parts = parts
    this.#rate = new RequestRate(burst, intervalMs)
    this.#expiry = new PublicationExpiry(parts, watched)
  }

  /** Before the first input. */
  register(publicationPackage: PublicationPackage): void {
    this.#packages.set(publicationPackage.event, publicationPackage)
  }

  /** Value of Allow-Events. */
  get events(): string {
    return [...this.#packages.keys()].join(', ')
  }

  /** A PUBLISH whose sender is admitted. Answered once, when what it changes is on stable storage. */
  onPublish(now: Now, transaction: PublishTransaction, request: SipRequest, { publisher, resource }: Publishing): void {
    const waitS = this.#rate.take(now, publisher)
    const ask =
      waitS > 0 ? comeBack(waitS) : readPublish(request, this.#packages, asked => asked.authorise(resource, publisher))
    if (isRefusal(ask)) this.#refuse(now, transaction, request, ask)
    else this.#try(now, { transaction, request, ask, publisher, resource }, 1)
  }

  /** What is published for that resource was there before a restart: its expiry is waited for. */
  restore(now: Now, event: string, resource: string, expiresAt: WallTime): void {
    const served = this.#packages.get(event)
    if (served) this.#expiry.watch(now, served, resource, expiresAt)
  }

  /** Gives up what has expired for that resource now, and waits for the rest. */
  expire(now: Now, event: string, resource: string): void {
    const served = this.#packages.get(event)
    if (served) this.#expiry.expire(now, served, resource)
  }

  describe(): { watched: number } {
    return { watched: this.#expiry.size }
  }

  #try(now: Now, job: Job, attempt: number): void {
    job.ask.package.load(now, job.resource, (then, loaded) => {
      if (loaded === 'unknown') this.#refuse(then, job.transaction, job.request, { status: 404 })
      else if ('failure' in loaded) this.#failed(then, job, loaded, 503)
      else this.#apply(then, job, loaded, attempt)
    })
  }

  #apply(now: Now, job: Job, loaded: LoadedPublications, attempt: number): void {
    const applied = applyPublish(now, job, loaded.publications, this.#parts.entropy)
    if (isRefusal(applied)) this.#refuse(now, job.transaction, job.request, applied)
    else if (applied.why === 'removed' && job.ask.etag === undefined) this.#accept(now, job, applied.etag)
    else this.#save(now, job, loaded.version, applied, attempt)
  }

  #save(now: Now, job: Job, version: number, applied: Applied, attempt: number): void {
    const { ask, resource } = job
    ask.package.save(now, resource, version, applied.publications, (then, result) => {
      if (result === 'saved') {
        this.#accept(then, job, applied.etag)
        this.#parts.counters.count('publications_changed', applied.why)
        this.#expiry.saved(then, ask.package, resource, applied.publications)
        ask.package.changed(then, resource, applied.why, applied.publications)
      } else if (result === 'unknown') this.#refuse(then, job.transaction, job.request, { status: 404 })
      else if (result !== 'conflict') this.#failed(then, job, result, 500)
      else if (attempt < TRIES_MAX) this.#try(then, job, attempt + 1)
      else this.#failed(then, job, { failure: 'conflict' }, 503)
    })
  }

  /** RFC 3903 6 step 6. */
  #accept(now: Now, { transaction, request, ask }: Job, etag: string): void {
    this.#answer(now, transaction, request, {
      status: 200,
      headers: [
        ['SIP-ETag', etag],
        ['Expires', String(ask.expiresS)],
      ],
    })
  }

  #failed(now: Now, job: Job, { failure }: PublicationFailure, status: 500 | 503): void {
    this.#parts.log.error('publication not stored', { event: job.ask.package.event, resource: job.resource, failure })
    const headers = [['Retry-After', String(RETRY_AFTER_S)]] as const
    this.#refuse(now, job.transaction, job.request, { status, headers })
  }

  #refuse(now: Now, transaction: PublishTransaction, request: SipRequest, refusal: Refusal): void {
    this.#parts.counters.count('publications_refused', String(refusal.status))
    this.#answer(now, transaction, request, refusal)
  }

  #answer(now: Now, transaction: PublishTransaction, request: SipRequest, answer: Refusal): void {
    transaction.respond(now, respondWith(now, request, answer, token(this.#parts.entropy, TAG_BITS)))
  }
}

/** RFC 3903 6 steps 4 to 6. Each success has a tag of its own, and the one before is good for nothing any more. */
function applyPublish(
  now: Now,
  { ask, publisher, resource }: Job,
  kept: readonly SavedPublication[],
  entropy: Entropy,
): Applied | Refusal {
  const standing = currentPublications(kept, now)
  const before = ask.etag === undefined ? undefined : standing.find(({ etag }) => etag === ask.etag)
  if (ask.etag !== undefined && !before) return { status: 412 }
  // Another one's tag is not known to be one.
  if (before && before.publisher !== publisher) return { status: 412 }
  const refusal = ask.content && ask.package.check({ resource, publisher, ...ask.content })
  if (refusal) return refusal
  const etag = token(entropy, ETAG_BITS)
  const others = standing.filter(one => one !== before)
  if (ask.expiresS === 0) return { publications: others, why: 'removed', etag }
  const expiresAt = (now.wall + ask.expiresS * 1000) as WallTime
  if (!ask.content)
    return {
      publications: standing.map(one => (one === before ? { ...one, etag, expiresAt } : one)),
      why: 'refreshed',
      etag,
    }
  const last = { etag, publisher, ...ask.content, modifiedAt: now.wall, expiresAt }
  const room = ask.package.publicationsMax - 1
  const publications = [...(room > 0 ? others.slice(-room) : []), last]
  return { publications, why: before ? 'modified' : 'published', etag }
}

/** Without a clock to be trusted nothing has expired. */
const currentPublications = (publications: readonly SavedPublication[], now: Now): readonly SavedPublication[] =>
  now.isWallTrusted ? publications.filter(({ expiresAt }) => expiresAt > now.wall) : publications
