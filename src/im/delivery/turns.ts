import type { Now } from '../../base/time.ts'

/**
 * One at a time for each recipient, in order of arrival: two messages on their way to the same client at once could change
 * places, or one could be kept while the next is handed over. Waiting is bounded by the forward limit, and by `queueMax` a recipient.
 */
export class Turns {
  readonly #queues = new Map<string, ((now: Now) => void)[]>()
  readonly #queueMax: number

  constructor(queueMax: number) {
    this.#queueMax = queueMax
  }

  isBusy(key: string): boolean {
    return this.#queues.has(key)
  }

  /** Takes the turn; the caller found `isBusy` false. */
  begin(key: string): void {
    this.#queues.set(key, [])
  }

  /** `run` is called when the turn before it ended; false when too many wait already. */
  wait(key: string, run: (now: Now) => void): boolean {
    const queue = this.#queues.get(key)
    if (!queue || queue.length >= this.#queueMax) return false
    queue.push(run)
    return true
  }

  /** Everybody who waited looks afresh, in order; the first who begins a new turn makes the others wait again. */
  end(now: Now, key: string): void {
    const queue = this.#queues.get(key) ?? []
    this.#queues.delete(key)
    for (const run of queue) run(now)
  }
}
