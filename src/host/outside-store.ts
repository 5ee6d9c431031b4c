import { isRead } from '../store/story.ts'
import type { StoreRequest, StoreResult, Verb, Verbs } from '../store/verbs.ts'
import type { WatchedStore } from './watched-store.ts'

/** The store for those who are not the engine, which hears what they change: the command line, the API. */
export class OutsideStore {
  readonly #store: Pick<WatchedStore, 'submit'>
  readonly #tell: (request: StoreRequest, result: StoreResult<Verb>) => void

  constructor(
    store: Pick<WatchedStore, 'submit'>,
    tell: (request: StoreRequest, result: StoreResult<Verb>) => void = () => {},
  ) {
    this.#store = store
    this.#tell = tell
  }

  /**
   * The engine hears first, so that whoever is answered finds it at work. What is read is there at once: it is handed over a turn of the
   * event loop later, or whoever reads a long list page by page would let nobody else have one.
   */
  submit(request: StoreRequest, done: (result: StoreResult<Verb>) => void): void {
    this.#store.submit(request, result => {
      if (isRead(request.verb)) return void setImmediate(done, result)
      this.#tell(request, result)
      done(result)
    })
  }

  ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<StoreResult<V>> {
    const whole = { verb, ...request } as unknown as StoreRequest
    return new Promise(resolve => this.submit(whole, result => resolve(result as StoreResult<V>)))
  }
}
