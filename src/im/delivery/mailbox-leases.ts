import { after, type Now } from '../../base/time.ts'
import type { Timer, Timers } from '../../base/timers.ts'
import type { StoreClient } from '../../store/verbs.ts'

/** Taken anew for each run, and again and again while a push lasts: a large message over a slow line may take hours. */
const LEASE_MS = 600_000

export interface Leased {
  readonly aor: string
  /** Due when it is to be renewed. */
  lease: Timer | undefined
}

interface LeaseEvents {
  granted(now: Now): void
  refused(now: Now, why: 'busy' | 'failed', detail: string): void
}

/** Leases of mailboxes, by which the store lets nobody else deliver from one at the same time. */
export class MailboxLeases {
  readonly #store: StoreClient
  readonly #timers: Timers
  readonly #holder: string

  /** `holder` is unique to this run of the process. */
  constructor(store: StoreClient, timers: Timers, holder: string) {
    this.#store = store
    this.#timers = timers
    this.#holder = holder
  }

  /** Renewed until `release`. */
  take(now: Now, mailbox: Leased, { granted, refused }: LeaseEvents): void {
    this.#store.ask('lease', this.#request(now, mailbox), (then, result) => {
      if ('failure' in result) return refused(then, 'failed', `storage: ${result.detail}`)
      if (result.value === 'busy') return refused(then, 'busy', 'being delivered elsewhere')
      this.#renew(then, mailbox)
      granted(then)
    })
  }

  /** Calls back when the store has answered, whatever it said: a lease runs out by itself. */
  release(mailbox: Leased, done: (now: Now) => void): void {
    this.#timers.cancel(mailbox.lease)
    this.#store.ask('release', { aor: mailbox.aor, holder: this.#holder }, done)
  }

  #renew(now: Now, mailbox: Leased): void {
    mailbox.lease = this.#timers.set('renew lease', after(now, LEASE_MS / 2), then => {
      this.#store.ask('lease', this.#request(then, mailbox), () => {})
      this.#renew(then, mailbox)
    })
  }

  #request(now: Now, { aor }: Leased) {
    return { aor, holder: this.#holder, at: now.wall, forMs: LEASE_MS }
  }
}
