/**
 * `starting`: until messages are taken. `ready`: all is well. `degraded`: it serves, and something has to be done. `fault`: no message
 * can be taken into custody. `stopping`: it ends, or is had anew.
 */
export type BoxCondition = 'starting' | 'ready' | 'degraded' | 'fault' | 'stopping'

export interface BoxStateView {
  readonly condition: BoxCondition
  /** In plain words, one line; empty while all is well. */
  readonly reason: string
}

/** How the box is, for whoever shows it: service manager, LEDs, console. One for the process; the box itself may be had anew. */
export class BoxState {
  #view: BoxStateView = { condition: 'starting', reason: '' }
  readonly #listeners = new Set<(view: BoxStateView) => void>()

  get view(): BoxStateView {
    return this.#view
  }

  /** Nobody is told what has not changed. */
  set(condition: BoxCondition, reason = ''): void {
    if (this.#view.condition === condition && this.#view.reason === reason) return
    this.#view = { condition, reason }
    for (const listener of [...this.#listeners]) listener(this.#view)
  }

  /** Told at once how it is, then of each change, until the function that is returned is called. */
  watch(listener: (view: BoxStateView) => void): () => void {
    this.#listeners.add(listener)
    listener(this.#view)
    return () => this.#listeners.delete(listener)
  }
}
