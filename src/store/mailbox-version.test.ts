import fc from 'fast-check'
import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { MemoryStore } from './memory.ts'

/** The conformance suite holds the other stores against this one. */
function bob() {
  const store = new MemoryStore({ hostname: 'edge1.example.org' })
  store.execute(accountPut(BOB_AOR))
  const version = () => store.execute({ verb: 'mailbox.version', aor: BOB_AOR })!
  const waiting = () => store.execute({ verb: 'mailbox', aor: BOB_AOR, afterSeq: 0, limit: 1000 }).map(({ seq }) => seq)
  return { store, version, waiting }
}

t.test('DM-STO-14: the version of a mailbox is another whenever other messages wait in it', async t => {
  const steps = fc.array(fc.oneof(fc.constant('store'), fc.constant('receipt'), fc.nat(9)), { maxLength: 40 })
  fc.assert(
    fc.property(steps, all => {
      const { store, version, waiting } = bob()
      const sets = new Map([[version().version, '']])
      for (const [number, step] of all.entries()) {
        if (typeof step === 'string') store.execute(custodyOf(number, step === 'receipt' ? { isReceipt: true } : {}))
        else {
          const seq = waiting()[step]
          if (seq !== undefined) store.execute({ verb: 'delete', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
        }
        const set = waiting().join()
        if ((sets.get(version().version) ?? set) !== set) return false
        sets.set(version().version, set)
      }
      return sets.size === new Set(sets.values()).size
    }),
  )
  t.pass()
})

t.test('the newest number, nothing of nobody, and another store is another version', async t => {
  const { store, version } = bob()
  t.equal(version().newestSeq, 0)
  store.execute(custodyOf(1))
  store.execute(custodyOf(2))
  t.equal(version().newestSeq, 2)
  t.equal(store.execute({ verb: 'mailbox.version', aor: 'sip:nobody@example.org' }), undefined)
  const other = bob()
  other.store.execute(custodyOf(1))
  other.store.execute(custodyOf(2, { receivedAt: (STORED_AT + 5) as WallTime }))
  t.not(other.version().version, version().version)
})
