import { type Config, xcapRoot } from '../../base/config.ts'
import type { Counters } from '../../base/counters.ts'
import type { Log } from '../../base/log.ts'
import type { Now } from '../../base/time.ts'
import type { Timers } from '../../base/timers.ts'
import type { Binding } from '../../sip/binding.ts'
import { Subscriptions } from '../../sip/subscriptions.ts'
import type { StoreClient } from '../../store/verbs.ts'
import type { Domain } from '../domain.ts'
import type { Stack } from '../stack.ts'
import type { StoreChanges } from '../store-changes.ts'
import { DocumentChanges } from './document-changes.ts'
import { Subscribing, storedSubscriptions } from './subscribing.ts'
import { Unsolicited } from './unsolicited.ts'
import { type HeadersReading, Waiting } from './waiting.ts'

interface NotifierParts extends Pick<Stack, 'own' | 'routing' | 'transport' | 'sessionContext'> {
  readonly config: Config
  readonly store: StoreClient
  readonly timers: Timers
  readonly counters: Counters
  readonly log: Log
  readonly domain: Domain
  readonly changes: StoreChanges
  readonly hasCore: boolean
  readonly coreRoute: string | undefined
  readonly storeUri: string
}

/** Everything that the box tells of itself: the machine of subscriptions and what is told by it; puts them together only. */
export class Notifier {
  readonly subscriptions: Subscriptions
  readonly subscribing: Subscribing
  readonly #waiting: Waiting
  readonly #unsolicited: Unsolicited | undefined

  constructor(parts: NotifierParts) {
    const { config, own, transport, sessionContext: context, store, changes } = parts
    const subscriptions = new Subscriptions({
      ...context,
      contactUri: flow => own.contactUri(flow),
      keep: (now, flow, forMs) => transport.keep(now, flow, forMs),
      keeper: storedSubscriptions(store),
    })
    this.subscriptions = subscriptions
    this.subscribing = new Subscribing({ ...parts, subscriptions })
    const reading = config.mwi.headers as HeadersReading
    this.#waiting = new Waiting({ ...parts, subscriptions, reading, isPushActive: config.delivery.active_default })
    new DocumentChanges({ ...parts, subscriptions, root: xcapRoot(config), hasHistory: config.history.enabled })
    this.#unsolicited = config.mwi.unsolicited ? new Unsolicited({ ...parts, subscriptions, context }) : undefined
    changes.onMailboxChanged((now, aor) => {
      this.#waiting.changed(now, aor)
      this.#unsolicited?.tell(now, aor)
    })
  }

  start(now: Now): void {
    this.subscribing.start(now)
  }

  registered(now: Now, aor: string, binding: Binding): void {
    this.#waiting.registered(now, aor)
    this.#unsolicited?.tell(now, aor, binding)
  }

  nearlyFull(aor: string, seq: number, percent: number): void {
    this.#waiting.nearlyFull(aor, seq, percent)
  }

  describe(): object {
    const { total, events } = this.subscriptions.describe()
    return { open: total, events }
  }
}
