import type { Instant } from '../base/time.ts'
import type { BoxContents } from '../services/backup.ts'
import type { StoreResult, Verb, Verbs } from '../store/verbs.ts'
import { OldestWaiting } from './oldest.ts'
import { messageOf, storeError } from './plain-error.ts'

interface Asked {
  ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<StoreResult<V>>
}

/** What there would be to lose. Throws PlainError where the store does not tell. */
export async function contentsOf(
  store: Asked,
  dataDir: string,
  { hostname, domain }: { readonly hostname: string; readonly domain: string },
): Promise<BoxContents> {
  const status = await store.ask('status', {})
  if ('failure' in status) throw storeError(dataDir, status)
  const { accounts, mailboxes, waiting, waitingBytes, damaged } = status.value
  const oldestAt = await new OldestWaiting(store).at(0 as Instant)
  return { hostname, domain, accounts, mailboxes, waiting, waitingBytes, damaged, oldestAt }
}

/** The same of a box whose store may be the reason why something else shall take its place. */
export async function contentsHere(
  contents: () => Promise<BoxContents>,
  { hostname, domain }: { readonly hostname: string; readonly domain: string },
): Promise<BoxContents> {
  try {
    return await contents()
  } catch (error) {
    const nothing = { accounts: 0, mailboxes: 0, waiting: 0, waitingBytes: 0, damaged: 0, oldestAt: undefined }
    return { hostname, domain, ...nothing, trouble: messageOf(error) }
  }
}
