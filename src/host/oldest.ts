import type { Instant } from '../base/time.ts'
import type { WebStore } from '../services/services.ts'

/** A walk over all mailboxes is not made for each look at a page. */
const KEEP_MS = 30_000
/** So many mailboxes are read in one turn. */
const PAGE = 50
/** Boxes with more mailboxes in use at a time are told of the oldest among these. */
const MAILBOXES_MAX = 20_000

/** When the message came that waits for longest. */
export class OldestWaiting {
  readonly #store: WebStore
  #walkedAt: Instant | undefined
  #walk: Promise<number | undefined> | undefined
  #known: number | undefined

  constructor(store: WebStore) {
    this.#store = store
  }

  /** As of half a minute ago at most, or as last known while a new walk is under way. */
  async at(at: Instant): Promise<number | undefined> {
    const isFirst = this.#walkedAt === undefined
    if (!this.#walk && (isFirst || at - this.#walkedAt! > KEEP_MS)) {
      this.#walkedAt = at
      this.#walk = this.#look()
    }
    return isFirst ? this.#walk : this.#known
  }

  async #look(): Promise<number | undefined> {
    let oldest: number | undefined
    let after: string | undefined
    for (let seen = 0; seen < MAILBOXES_MAX; seen += PAGE) {
      const result = await this.#store.ask('mailboxes', { limit: PAGE, ...(after !== undefined && { after }) })
      const found = 'failure' in result ? [] : result.value
      for (const { oldestReceivedAt } of found)
        if (oldestReceivedAt !== undefined && !(oldest !== undefined && oldest <= oldestReceivedAt))
          oldest = oldestReceivedAt
      if (found.length < PAGE) break
      after = found.at(-1)!.aor
    }
    this.#known = oldest
    this.#walk = undefined
    return oldest
  }
}
