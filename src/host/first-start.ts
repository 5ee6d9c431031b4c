import type { Config } from '../base/config.ts'
import type { Entropy } from '../base/entropy.ts'
import { accountWithPassword } from './accounts.ts'
import { type Administrators, newPassword } from './administrators.ts'
import { storeError } from './plain-error.ts'
import type { WatchedStore } from './watched-store.ts'

export interface Credential {
  readonly name: string
  readonly password: string
}

/**
 * At the very first start, which is when the administrator has no password yet: makes it, and these accounts of the
 * domain. The administrator's comes last, so that a start that broke off is a first start again. Empty at any other start.
 */
export async function makeFirstAccounts(
  config: Config,
  dataDir: string,
  administrators: Administrators,
  store: WatchedStore,
  entropy: Entropy,
  users: readonly string[],
): Promise<readonly Credential[]> {
  if (!administrators.isEmpty) return []
  const made: Credential[] = []
  for (const user of users) {
    const password = newPassword(entropy)
    const account = accountWithPassword(`sip:${user}@${config.domain}`, password, config.domain, 'store')
    const result = await store.ask('account.put', { account })
    if ('failure' in result) throw storeError(dataDir, result)
    made.push({ name: account.aor, password })
  }
  const password = newPassword(entropy)
  await administrators.begin(password)
  return [{ name: 'admin', password }, ...made]
}
