import { inOrder } from './memory-order.ts'
import { SUBSCRIPTION_LENGTH_MAX } from './story.ts'
import type { Verbs } from './verbs.ts'

/** The subscriptions of the reference model. */
export class MemorySubscriptions {
  readonly #kept = new Map<string, string>()

  readonly handlers = {
    'subscription.put': (request: Verbs['subscription.put']['request']) => this.#put(request),
    'subscription.remove': ({ id }: { id: string }) => (this.#kept.delete(id) ? 'removed' : 'absent'),
    'subscription.list': ({ after, limit }: Verbs['subscription.list']['request']) =>
      inOrder(this.#kept, after, limit).map(([id, value]) => ({ id, value })),
  } as const

  #put({ id, value, max }: Verbs['subscription.put']['request']): 'kept' | 'full' {
    if (id.length + value.length > SUBSCRIPTION_LENGTH_MAX) throw new RangeError('too long')
    if (!this.#kept.has(id) && this.#kept.size >= max) return 'full'
    this.#kept.set(id, value)
    return 'kept'
  }
}
