import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { CONFORMANCE_HOSTNAME, Conformance } from './conformance.ts'
import { KeyedStore } from './keyed.ts'
import { isMemoryOnly, isRead } from './story.ts'
import type { Reply, StoreRequest } from './verbs.ts'

const RUNS = 40
const STEPS = 400

t.test('the keyed store answers as the reference model does, across restarts (DM-STO-01, 08..12)', async t => {
  for (let run = 0; run < RUNS; run++) {
    const dice = new SeededEntropy(`keyed ${run}`)
    const suite = new Conformance(dice)
    const table = new SortedKeyValue()
    let store = open()
    for (let step = 0; step < STEPS; step++) {
      const request = suite.next()
      const difference = suite.check(request, ask(store, table, request))
      if (difference) return t.fail(`run ${run} step ${step}: ${difference}`)
      if (!dice.chance(0.02)) continue
      store = open()
      suite.restart()
    }
  }
})

function open(): KeyedStore {
  return new KeyedStore({ hostname: CONFORMANCE_HOSTNAME, freeBytes: () => Number.MAX_SAFE_INTEGER })
}

function ask(store: KeyedStore, table: SortedKeyValue, request: StoreRequest): Reply {
  if (isMemoryOnly(request.verb)) return store.lease(request as Parameters<KeyedStore['lease']>[0])
  const result = isRead(request.verb) ? store.read(table, request)! : store.write(table, [request]).results[0]!
  if (!('value' in result)) throw new Error(result.detail)
  return result.value
}
