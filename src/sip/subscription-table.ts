import type { Subscription } from './subscription.ts'

/** Every subscription, by its dialog, by what it is about, and by whose it is. */
export class SubscriptionTable {
  readonly #byDialog = new Map<string, Subscription>()
  readonly #byResource = new Map<string, Set<Subscription>>()
  readonly #bySubscriber = new Map<string, Set<Subscription>>()

  get size(): number {
    return this.#byDialog.size
  }

  add(subscription: Subscription): void {
    const { dialog, event, resource, subscriber } = subscription
    this.#byDialog.set(dialogName(dialog.callId, dialog.localTag), subscription)
    addTo(this.#byResource, aboutName(event, resource), subscription)
    addTo(this.#bySubscriber, subscriber, subscription)
  }

  remove(subscription: Subscription): void {
    const { dialog, event, resource, subscriber } = subscription
    this.#byDialog.delete(dialogName(dialog.callId, dialog.localTag))
    removeFrom(this.#byResource, aboutName(event, resource), subscription)
    removeFrom(this.#bySubscriber, subscriber, subscription)
  }

  find(callId: string, localTag: string, remoteTag: string): Subscription | undefined {
    const found = this.#byDialog.get(dialogName(callId, localTag))
    return found?.dialog.remoteTag === remoteTag ? found : undefined
  }

  /** Oldest first. */
  about(event: string, resource: string): readonly Subscription[] {
    return [...(this.#byResource.get(aboutName(event, resource)) ?? [])]
  }

  /** Oldest first. */
  of(subscriber: string): readonly Subscription[] {
    return [...(this.#bySubscriber.get(subscriber) ?? [])]
  }

  values(): IterableIterator<Subscription> {
    return this.#byDialog.values()
  }
}

const dialogName = (callId: string, localTag: string): string => `${callId}\n${localTag}`
const aboutName = (event: string, resource: string): string => `${event}\n${resource}`

function addTo(sets: Map<string, Set<Subscription>>, name: string, subscription: Subscription): void {
  const set = sets.get(name)
  if (set) set.add(subscription)
  else sets.set(name, new Set([subscription]))
}

function removeFrom(sets: Map<string, Set<Subscription>>, name: string, subscription: Subscription): void {
  const set = sets.get(name)
  set?.delete(subscription)
  if (set?.size === 0) sets.delete(name)
}
