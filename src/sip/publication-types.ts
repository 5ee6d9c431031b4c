import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Log } from '../base/log.ts'
import type { Now, WallTime } from '../base/time.ts'
import type { Timers } from '../base/timers.ts'
import type { Refusal } from './refusal.ts'

/** RFC 3903: one piece of event state, as somebody published it. A plain value; text is latin1. */
export interface SavedPublication {
  /** Names exactly this state at this time (RFC 3903 4.2). */
  readonly etag: string
  readonly publisher: string
  readonly contentType: string
  readonly body: Buffer
  /** When this body came; a refresh leaves it alone. */
  readonly modifiedAt: WallTime
  readonly expiresAt: WallTime
}

/** What is published for a resource, and its version for the next change. */
export interface LoadedPublications {
  readonly version: number
  readonly publications: readonly SavedPublication[]
}

export interface PublicationFailure {
  readonly failure: string
}

/** A PUBLISH with a body, about to be stored. */
interface PublishedBody {
  readonly resource: string
  readonly publisher: string
  /** As received, with parameters. */
  readonly contentType: string
  readonly body: Buffer
}

/** Why the publications of a resource are others than before. */
export type PublicationChange = 'published' | 'modified' | 'refreshed' | 'removed' | 'expired'

/** RFC 3903 6 and 10: what may be published of one kind of events, and where it is kept. Each callback is answered once. */
export interface PublicationPackage {
  /** Name in the Event header, lower case. */
  readonly event: string
  /** Content types, lower case. */
  readonly accept: readonly string[]
  readonly defaultExpiresS: number
  /** Less gets 423; 0 removes. */
  readonly minExpiresS: number
  /** More is lowered to it. */
  readonly maxExpiresS: number
  /** Bytes; more gets 413. */
  readonly bodyBytesMax: number
  /** Devices that publish for one resource at a time; one more takes the place of what was modified longest ago. */
  readonly publicationsMax: number
  /** 403 for whoever may not publish for that resource. */
  authorise(resource: string, publisher: string): Refusal | undefined
  /** What stands against that body, e.g. 400 where it is malformed. */
  check(published: PublishedBody): Refusal | undefined
  /** Expired ones may be among them. `unknown`: there is no such resource, 404. */
  load(
    now: Now,
    resource: string,
    done: (now: Now, loaded: LoadedPublications | 'unknown' | PublicationFailure) => void,
  ): void
  /** Compare and set on the version that was loaded; told when it is on stable storage. */
  save(
    now: Now,
    resource: string,
    version: number,
    publications: readonly SavedPublication[],
    done: (now: Now, result: 'saved' | 'conflict' | 'unknown' | PublicationFailure) => void,
  ): void
  /** After it was saved and answered. The list is what is there now, in the order of `modifiedAt`. */
  changed(now: Now, resource: string, why: PublicationChange, publications: readonly SavedPublication[]): void
}

export interface PublicationLimits {
  /** Resources whose next expiry is waited for by a timer. */
  readonly watched: number
  /** PUBLISH requests of one publisher at once, and then one in each such time. */
  readonly burst: number
  readonly intervalMs: number
}

export interface PublicationParts {
  readonly timers: Timers
  readonly entropy: Entropy
  readonly counters: Counters
  readonly log: Log
  readonly limits?: PublicationLimits
}
