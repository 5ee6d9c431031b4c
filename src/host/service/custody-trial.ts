import type { Clock } from '../clock.ts'
import type { Health } from '../health.ts'
import type { WatchedStore } from '../watched-store.ts'
import type { Figures, Obstacle } from './voice.ts'

/** What makes a message safe, once it stands. */
export interface Custody {
  readonly store: WatchedStore
  readonly clock: Clock
  readonly health: Health
}

/** A harmless record is written and flushed; then the box is asked whether it is well otherwise. Undefined: a message could be taken. */
export async function tryCustody({ store, clock, health }: Custody): Promise<Obstacle | undefined> {
  const written = await store.ask('clock', { wall: clock.trustedWall })
  const reason = await health.problem()
  if (!('failure' in written)) return reason === undefined ? undefined : { reason, isPassing: true }
  return { reason: reason ?? `the store cannot write: ${written.detail}`, isPassing: written.failure !== 'io' }
}

export async function figuresOf({ store }: Custody): Promise<Figures | undefined> {
  const status = await store.ask('status', {})
  return 'failure' in status ? undefined : { accounts: status.value.accounts, messages: status.value.waiting }
}
