import type { Verbs } from './verbs.ts'

/** One for each mailbox under delivery at once; far above any window of deliveries, so only forgotten ones reach it. */
const LEASES_MAX = 65536

interface Lease {
  readonly holder: string
  readonly until: number
}

/** Who delivers which mailbox now. In memory: gone with the process that held it, as the deliveries are. */
export class Leases {
  readonly #leases = new Map<string, Lease>()

  lease({ aor, holder, at, forMs }: Verbs['lease']['request']): Verbs['lease']['reply'] {
    const current = this.#leases.get(aor)
    if (current && current.holder !== holder && current.until > at) return 'busy'
    if (!current && this.#leases.size >= LEASES_MAX && !this.#dropLapsed(at)) return 'busy'
    this.#leases.set(aor, { holder, until: at + forMs })
    return 'granted'
  }

  release({ aor, holder }: Verbs['release']['request']): 'released' {
    if (this.#leases.get(aor)?.holder === holder) this.#leases.delete(aor)
    return 'released'
  }

  clear(): void {
    this.#leases.clear()
  }

  #dropLapsed(at: number): boolean {
    for (const [aor, lease] of this.#leases) if (lease.until <= at) this.#leases.delete(aor)
    return this.#leases.size < LEASES_MAX
  }
}
