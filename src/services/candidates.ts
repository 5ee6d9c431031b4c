import type { ConfigChanges, ConfigValue } from './configuration.ts'

/** Changes that somebody put together and has not applied yet. */
export interface Candidate {
  /** Of the file that they were made from. */
  readonly version: string
  readonly changes: ConfigChanges
}

/** One for each session or script; more than may be signed in at once. The one untouched for longest goes first. */
const OWNERS_MAX = 128

/** What each administrator is about to change: nobody applies what somebody else was still writing. */
export class Candidates {
  readonly #byOwner = new Map<string, Candidate>()

  of(owner: string): Candidate | undefined {
    return this.#byOwner.get(owner)
  }

  put(owner: string, candidate: Candidate): void {
    this.#byOwner.delete(owner)
    if (candidate.changes.size === 0) return
    this.#byOwner.set(owner, candidate)
    const [oldest] = this.#byOwner.keys()
    if (this.#byOwner.size > OWNERS_MAX && oldest !== undefined) this.#byOwner.delete(oldest)
  }

  drop(owner: string, key?: string): void {
    const candidate = this.#byOwner.get(owner)
    if (!candidate) return
    const changes = new Map<string, ConfigValue>(key === undefined ? [] : candidate.changes)
    if (key !== undefined) changes.delete(key)
    this.put(owner, { ...candidate, changes })
  }
}
