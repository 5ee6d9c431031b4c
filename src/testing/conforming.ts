import type { Conformance } from '../store/conformance.ts'
import { type AskedStore, replyOf } from './asked-store.ts'
import type { SeededEntropy } from './seeded-entropy.ts'

/** Where a store that is closed and opened again now and then is first not as the reference model has it; undefined: nowhere. */
export async function firstDifference(
  suite: Conformance,
  dice: SeededEntropy,
  steps: number,
  open: () => Promise<AskedStore & { close(): Promise<void> }>,
): Promise<string | undefined> {
  let store = await open()
  for (let step = 0; step < steps; step++) {
    const request = suite.next()
    const difference = suite.check(request, (await replyOf(store, request)) as never)
    if (difference) return `step ${step}: ${difference}`
    if (!dice.chance(0.01)) continue
    await store.close()
    store = await open()
    suite.restart()
  }
  await store.close()
  return undefined
}
