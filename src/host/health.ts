import type { Clock } from './clock.ts'
import type { WatchedStore } from './watched-store.ts'

/** A monitor that asks more often is told the same again. */
const KEEP_MS = 1000

/** A store that has not said within this time how it is, is not well. */
const ANSWER_MS = 2000

/** Whether a message could be taken into custody now. */
export class Health {
  readonly #store: WatchedStore
  readonly #clock: Clock
  readonly #reserveBytes: number
  #last: { at: number; problem: Promise<string | undefined> } | undefined
  #isStopping = false
  /** What else keeps it from being well: asked each time, at once. */
  also: () => string | undefined = () => undefined

  constructor(store: WatchedStore, clock: Clock, reserveBytes: number) {
    this.#store = store
    this.#clock = clock
    this.#reserveBytes = reserveBytes
  }

  stopping(): void {
    this.#isStopping = true
  }

  /** Why not; undefined if all is well. */
  async problem(): Promise<string | undefined> {
    return (await this.examined()) ?? this.also()
  }

  /** The disk holds what was asked of it: whoever can do without writes nothing beside, as nobody knows when that would end. */
  get isStuck(): boolean {
    return this.#store.oldestMs > ANSWER_MS
  }

  /** What the store and the flash say. */
  examined(): Promise<string | undefined> {
    if (this.#isStopping) return Promise.resolve('stopping')
    const { at } = this.#clock.now()
    if (!this.#last || at - this.#last.at > KEEP_MS) this.#last = { at, problem: within(ANSWER_MS, this.#examine()) }
    return this.#last.problem
  }

  async #examine(): Promise<string | undefined> {
    // A box nobody writes to would never learn that its medium is well again: this write is harmless and finds out.
    if (this.#store.writeFailure) await this.#store.ask('clock', { wall: this.#clock.trustedWall })
    if (this.#store.writeFailure) return `the store cannot write: ${this.#store.writeFailure}`
    const status = await this.#store.ask('status', {})
    if ('failure' in status) return `the store does not answer: ${status.detail}`
    const { freeBytes } = status.value
    return freeBytes < this.#reserveBytes
      ? `${freeBytes} bytes are free, fewer than deferral.reserve_bytes (${this.#reserveBytes})`
      : undefined
  }
}

async function within(ms: number, work: Promise<string | undefined>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>(resolve => {
    timer = setTimeout(resolve, ms, `the store has not answered for ${ms} ms`)
  })
  const first = await Promise.race([work, late])
  clearTimeout(timer)
  return first
}
