import { CONFORMANCE_HOSTNAME } from '../store/conformance.ts'
import { KeyedStore } from '../store/keyed.ts'
import type { SortedKeyValue } from './sorted-key-value.ts'

/** A store over what is in this table. */
export function openedStore(
  table: SortedKeyValue,
  freeBytes: () => number = () => Number.MAX_SAFE_INTEGER,
): KeyedStore {
  const store = new KeyedStore({ hostname: CONFORMANCE_HOSTNAME, freeBytes })
  store.load(table).settle()
  return store
}
