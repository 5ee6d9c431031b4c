import type { Now, WallTime } from '../base/time.ts'
import { after } from '../base/time.ts'
import type { Timer } from '../base/timers.ts'
import type { LoadedPublications, PublicationPackage, PublicationParts, SavedPublication } from './publication-types.ts'

/** While the clock is not to be trusted, or the store cannot tell. */
const AGAIN_MS = 30_000
/** Looks at the clock in between, which may be set. */
const WAIT_MAX_MS = 3_600_000
const TRIES_MAX = 8

/** RFC 3903 6: publications end by themselves, and their package hears of it. One timer a resource, for the next that ends. */
export class PublicationExpiry {
  readonly #parts: PublicationParts
  readonly #max: number
  readonly #timers = new Map<string, Timer>()

  constructor(parts: PublicationParts, max: number) {
    this.#parts = parts
    this.#max = max
  }

  get size(): number {
    return this.#timers.size
  }

  saved(now: Now, served: PublicationPackage, resource: string, publications: readonly SavedPublication[]): void {
    if (publications.length === 0) this.#forget(nameOf(served, resource))
    else this.watch(now, served, resource, Math.min(...publications.map(({ expiresAt }) => expiresAt)) as WallTime)
  }

  /** One too many is not waited for: it has no effect any more when it is expired, only nobody is told. */
  watch(now: Now, served: PublicationPackage, resource: string, expiresAt: WallTime): void {
    this.#arm(now, served, resource, Math.min(Math.max(0, expiresAt - now.wall), WAIT_MAX_MS))
  }

  expire(now: Now, served: PublicationPackage, resource: string, attempt = 1): void {
    this.#forget(nameOf(served, resource))
    if (!now.isWallTrusted) return this.#arm(now, served, resource, AGAIN_MS)
    served.load(now, resource, (then, loaded) => {
      if (loaded === 'unknown') return
      if ('failure' in loaded) this.#arm(then, served, resource, AGAIN_MS)
      else this.#giveUp(then, served, resource, loaded, attempt)
    })
  }

  #giveUp(
    now: Now,
    served: PublicationPackage,
    resource: string,
    { version, publications }: LoadedPublications,
    attempt: number,
  ): void {
    const left = publications.filter(({ expiresAt }) => expiresAt > now.wall)
    if (left.length === publications.length) return this.saved(now, served, resource, left)
    served.save(now, resource, version, left, (then, result) => {
      if (result === 'saved') {
        this.#parts.counters.count('publications_changed', 'expired')
        this.saved(then, served, resource, left)
        served.changed(then, resource, 'expired', left)
      } else if (result === 'conflict' && attempt < TRIES_MAX) this.expire(then, served, resource, attempt + 1)
      else if (result !== 'unknown') this.#arm(then, served, resource, AGAIN_MS)
    })
  }

  #arm(now: Now, served: PublicationPackage, resource: string, delayMs: number): void {
    const name = nameOf(served, resource)
    this.#forget(name)
    if (this.#timers.size >= this.#max) return this.#parts.counters.count('publications_unwatched')
    const timer = this.#parts.timers.set('publication', after(now, delayMs), then => {
      this.#timers.delete(name)
      this.expire(then, served, resource)
    })
    this.#timers.set(name, timer)
  }

  #forget(name: string): void {
    this.#parts.timers.cancel(this.#timers.get(name))
    this.#timers.delete(name)
  }
}

const nameOf = ({ event }: PublicationPackage, resource: string): string => `${event}\n${resource}`
