import type { Config } from '../base/config.ts'
import type { Entropy } from '../base/entropy.ts'
import { accountWithPassword } from './accounts.ts'
import { type Administrators, newPassword } from './administrators.ts'
import { storeError } from './plain-error.ts'
import { keepFirstPasswords } from './service/first-password.ts'
import type { WatchedStore } from './watched-store.ts'

export interface Credential {
  readonly name: string
  readonly password: string
}

interface FirstStart {
  readonly config: Config
  readonly dataDir: string
  readonly administrators: Administrators
  readonly store: WatchedStore
  readonly entropy: Entropy
  /** User parts of the accounts of the domain that are made beside the administrator's. */
  readonly users: readonly string[]
  /** What is printed is read by nobody but a log: the passwords lie in a file too. */
  readonly isUnseen: boolean
}

/**
 * At the very first start, which is when the administrator has no password yet: makes it, and these accounts of the
 * domain. The administrator's comes last, so that a start that broke off is a first start again. Empty at any other start.
 */
export async function makeFirstAccounts(start: FirstStart): Promise<readonly Credential[]> {
  const { config, dataDir, administrators, store, entropy, users, isUnseen } = start
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
  const credentials = [{ name: 'admin', password }, ...made]
  if (isUnseen) keepFirstPasswords(dataDir, credentials)
  await administrators.begin(password)
  return credentials
}
