import type { WatchedStore } from './watched-store.ts'

/** What waits, for graphs. */
export async function custodyOf(store: WatchedStore): Promise<object> {
  const status = await store.ask('status', {})
  if ('failure' in status) return {}
  const { accounts, waiting, waitingBytes, freeBytes, damaged, notices, noticesLost } = status.value
  const messages = { waiting, waitingBytes, damaged }
  return { accounts, freeBytes, messages, noticesWaiting: notices, noticesLost }
}
