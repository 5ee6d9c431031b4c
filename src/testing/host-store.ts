import type { Store } from '../host/watched-store.ts'
import { MemoryStore } from '../store/memory.ts'
import type { StoreFailure, StoreRequest, StoreResult, Verb } from '../store/verbs.ts'

/** The reference model as the host's store: answers in a later turn, and fails when told to. */
export class HostStore implements Store {
  readonly model: MemoryStore
  readonly asked: StoreRequest[] = []
  /** What every request ends in while it is set. */
  failure: StoreFailure | undefined
  isClosed = false

  constructor(options: { freeBytes?: () => number } = {}) {
    this.model = new MemoryStore({ hostname: 'edge1.example.org', ...options })
  }

  submit(request: StoreRequest, done: (result: StoreResult<Verb>) => void): void {
    this.asked.push(request)
    const result = this.failure ?? ({ value: this.model.execute(request) } as StoreResult<Verb>)
    setImmediate(() => done(result))
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}
