import type { Instant, Now } from '../base/time.ts'

/** Far more than a sender interleaves. */
const REFUSALS_MAX = 32

/** A sender that comes back with the message after so long means it anew. */
const REMEMBERED_MS = 30_000

/**
 * Messages that were thrown away because a chunk of them had more octets than it said: their other chunks, which may be
 * on the way, are refused too, until the last one or a `#`.
 */
export class Refusals {
  readonly #refused = new Map<string, { readonly status: number; readonly at: Instant }>()

  statusOf(now: Now, messageId: string): number | undefined {
    if (this.#refused.size === 0) return undefined
    const found = this.#refused.get(messageId)
    return found && now.at - found.at < REMEMBERED_MS ? found.status : undefined
  }

  add(now: Now, messageId: string, status: number): void {
    this.#refused.delete(messageId)
    this.#refused.set(messageId, { status, at: now.at })
    if (this.#refused.size > REFUSALS_MAX) this.#refused.delete(this.#refused.keys().next().value!)
  }

  forget(messageId: string | undefined): void {
    if (this.#refused.size > 0 && messageId !== undefined) this.#refused.delete(messageId)
  }
}
