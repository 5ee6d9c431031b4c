import type { Result } from '../store/keyed.ts'
import type { StoreRequest } from '../store/verbs.ts'

/** A store that answers when what it did is on stable storage. */
export interface AskedStore {
  submit(request: StoreRequest, done: (result: Result) => void): void
}

export const ask = (store: AskedStore, request: StoreRequest): Promise<Result> =>
  new Promise(resolve => store.submit(request, resolve))

/** Throws where the store failed. */
export async function replyOf(
  store: AskedStore,
  request: StoreRequest,
): Promise<Extract<Result, { value: unknown }>['value']> {
  const result = await ask(store, request)
  if (!('value' in result)) throw new Error(result.detail)
  return result.value
}
