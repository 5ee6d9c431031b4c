import t from 'tap'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import {
  callIdHash,
  GROUP_MESSAGES,
  groupOf,
  hashIn,
  IdentityChanges,
  type IdentityHash,
  IdentityIndex,
  identityHash,
  withHash,
} from './identities.ts'
import { readOnly } from './key-value.ts'
import { type Batch, KeyedStore } from './keyed.ts'
import { identitiesKey } from './keys.ts'
import { decodeIdentities, encodeIdentities } from './records.ts'
import type { StoreRequest } from './verbs.ts'

const surroundings = { hostname: 'edge1.example.org', freeBytes: () => Number.MAX_SAFE_INTEGER }

t.test('answers as a plain list does while it grows and loses again, with hashes that meet', async t => {
  const dice = new SeededEntropy('identity index')
  const index = new IdentityIndex()
  const model = new Map<number, IdentityHash>()
  const alike = (): IdentityHash => ({
    callId: dice.below(50),
    identity: dice.chance(0.5) ? 1 + dice.below(400) : 2 ** 32 - 1 - dice.below(400) * 1024,
  })
  const difference = (of: IdentityHash): string | undefined => {
    const found = [...model].filter(([, one]) => one.callId === of.callId && one.identity === of.identity)
    const [is, wanted] = [index.seqsOf(of), found.map(([seq]) => seq)].map(seqs => seqs.sort((a, b) => a - b).join())
    return is === wanted ? undefined : `${of.callId} ${of.identity}: ${is}, not ${wanted}`
  }
  for (let seq = 1; seq <= 6000; seq++) {
    const of = alike()
    index.add(of, seq)
    model.set(seq, of)
    if (dice.chance(seq < 3000 ? 0.2 : 0.95)) {
      const gone = 1 + dice.below(seq)
      const known = model.get(gone) ?? alike()
      index.remove(known, gone)
      model.delete(gone)
    }
    const wrong = dice.chance(0.1) ? (difference(of) ?? difference(alike())) : undefined
    if (wrong) return t.fail(`step ${seq}: ${wrong}`)
    if (index.size !== model.size) return t.fail(`step ${seq}: ${index.size} entries, not ${model.size}`)
  }
  for (const of of model.values()) t.notOk(difference(of))
  const ofCallId = [...model].filter(([, { callId }]) => callId === 7).map(([seq]) => seq)
  t.ok(ofCallId.length > 0)
  t.strictSame(
    index.seqsOfCallId(7).sort((a, b) => a - b),
    ofCallId,
  )
  for (const [seq, of] of model) index.remove(of, seq)
  t.equal(index.size, 0)
  for (const of of model.values()) t.strictSame(index.seqsOf(of), [])
})

t.test('it grows with what it holds, and is never filled past seven tenths', async t => {
  const index = new IdentityIndex()
  for (let seq = 1; seq <= 100_000; seq++) index.add({ callId: seq, identity: Math.imul(seq, 2654435761) >>> 0 }, seq)
  t.equal(index.slots, 262_144)
  t.strictSame(index.seqsOf({ callId: 777, identity: Math.imul(777, 2654435761) >>> 0 }), [777])
})

t.test('each part of an identity counts, and the mailbox', async t => {
  const { message } = custodyOf(1)
  const same = identityHash(1, message)
  t.strictSame(identityHash(1, { ...message }), same)
  for (const other of [{ cseq: 2 }, { fromTag: 'tag2' }, { sender: BOB_AOR }]) {
    const hash = identityHash(1, { ...message, ...other })
    t.equal(hash.callId, callIdHash(message.callId))
    t.not(hash.identity, same.identity)
  }
  t.not(identityHash(2, message).identity, same.identity)
  t.not(identityHash(1, { ...message, callId: 'other' }).callId, same.callId)
})

t.test('a group holds one hash for each of its messages and is never changed in place', async t => {
  const [a, b] = [identityHash(1, custodyOf(1).message), identityHash(1, custodyOf(2).message)]
  const first = withHash(undefined, GROUP_MESSAGES, a)
  const both = withHash(first, 2 * GROUP_MESSAGES - 1, b)
  t.strictSame([groupOf(GROUP_MESSAGES - 1), groupOf(GROUP_MESSAGES), groupOf(2 * GROUP_MESSAGES - 1)], [0, 1, 1])
  t.strictSame([hashIn(both, GROUP_MESSAGES), hashIn(both, 2 * GROUP_MESSAGES - 1)], [a, b])
  t.equal(hashIn(first, 2 * GROUP_MESSAGES - 1), undefined)
  t.equal(hashIn(withHash(both, GROUP_MESSAGES, undefined), GROUP_MESSAGES), undefined)
})

t.test('the index learns what was accepted when it is settled, and nothing of what was rejected', async t => {
  const index = new IdentityIndex()
  const changes = new IdentityChanges(index)
  const [kept, lost] = [identityHash(1, custodyOf(1).message), identityHash(1, custodyOf(2).message)]
  changes.add(kept, 1)
  t.strictSame(changes.seqsOf(kept), [1])
  changes.accept()
  changes.add(lost, 2)
  changes.reject()
  t.strictSame([changes.seqsOf(kept), changes.seqsOf(lost), changes.seqsOfCallId(kept.callId)], [[1], [], [1]])
  t.equal(index.size, 0)
  changes.settle()
  t.strictSame([index.seqsOf(kept), index.size], [[1], 1])
})

t.test('a message is seen when its commit is settled; one whose commit failed was never there', async t => {
  const { store, table, write, seen } = bob()
  const lost = store.write(transactionOver(table), [custodyOf(1), custodyOf(1)])
  t.match(lost.results, [{ value: { outcome: 'stored' } }, { value: { outcome: 'duplicate' } }])
  t.notOk(seen(1))
  t.match(write([custodyOf(1)]).results, [{ value: { outcome: 'stored', seq: 1 } }])
  t.ok(seen(1))
})

t.test('a request that was refused is not remembered, and may come again', async t => {
  const { write, seen } = bob()
  t.match(write([custodyOf(1, {}, { quotaMessages: 0 })]).results, [{ value: { outcome: 'refused' } }])
  t.notOk(seen(1))
  t.match(write([custodyOf(1)]).results, [{ value: { outcome: 'stored' } }])
})

t.test('after a restart duplicates are recognised, over many groups, until their stories are forgotten', async t => {
  const { table, write, restart, seen } = bob()
  const numbers = Array.from({ length: 3 * GROUP_MESSAGES }, (_, i) => i + 1)
  for (const number of numbers) write([custodyOf(number)])
  restart()
  t.ok(numbers.every(seen))
  for (const seq of numbers) write([{ verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '200' }])
  t.match(write([{ verb: 'forget', before: STORED_AT, keep: 10, limit: 1000 }]).results, [
    { value: numbers.length - 10 },
  ])
  const expected = numbers.map((_, i) => i >= numbers.length - 10)
  t.strictSame(numbers.map(seen), expected)
  restart()
  t.strictSame(numbers.map(seen), expected)
  t.strictSame(
    table.range('d', 'e').map(({ key }) => key),
    [groupOf(numbers.length - 9), groupOf(numbers.length)].map(identitiesKey),
  )
})

t.test('two identities whose hashes meet are two messages: the story decides', async t => {
  const { table, write, restart } = bob()
  const [first, second] = [custodyOf(1), custodyOf(2)]
  write([first])
  const key = identitiesKey(0)
  const group = decodeIdentities(key, table.get(key)!)
  table.put(key, encodeIdentities(key, withHash(group, 1, identityHash(1, second.message))))
  restart()
  t.match(write([second, second]).results, [
    { value: { outcome: 'stored', seq: 2 } },
    { value: { outcome: 'duplicate', seq: 2 } },
  ])
})

function bob() {
  const table = new SortedKeyValue()
  let store = new KeyedStore(surroundings)
  const write = (requests: StoreRequest[]): Batch => {
    const batch = store.write(table, requests)
    batch.settle()
    return batch
  }
  const restart = (): void => {
    store = new KeyedStore(surroundings)
    store.load(table).settle()
  }
  const seen = (number: number): unknown => store.read(table, { verb: 'seen', ...custodyOf(number).message })?.value
  write([accountPut(BOB_AOR)])
  return { store, table, write, restart, seen }
}

/** What is written to it is lost. */
const transactionOver = (table: SortedKeyValue) => ({ ...readOnly(table), put: () => {}, remove: () => {} })
