import type { Now } from '../base/time.ts'
import type { StoreClient } from '../store/verbs.ts'
import { type Answer, unavailable } from './answers.ts'

/** Behind a core the users are the core's: each gets a mailbox when first heard of, with no password of its own. */
export function ensureAccount(
  store: StoreClient,
  aor: string,
  done: (now: Now, refusal: Answer | undefined) => void,
): void {
  store.ask('account.get', { aor }, (then, result) => {
    if ('failure' in result) return done(then, unavailable(5))
    if (result.value) return done(then, undefined)
    store.ask('account.put', { account: { aor, origin: 'store' }, mustBe: 'new' }, (later, put) =>
      done(later, 'failure' in put ? unavailable(5) : undefined),
    )
  })
}
