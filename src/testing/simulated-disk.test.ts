import t from 'tap'
import type { Instant } from '../base/time.ts'
import { CONFORMANCE_HOSTNAME, Conformance } from '../store/conformance.ts'
import type { Result } from '../store/keyed.ts'
import { bodyKey } from '../store/keys.ts'
import type { StoredMessage, StoreRequest } from '../store/verbs.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { BAD_DISK, type DiskFaults, GOOD_DISK, SimulatedDisk } from './simulated-disk.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf } from './store-fixtures.ts'

t.test('answers as the reference model does, slowly, and across crashes between requests', async t => {
  for (let run = 0; run < 10; run++) {
    const dice = new SeededEntropy(`disk ${run}`)
    const suite = new Conformance(dice)
    const { disk, ask } = world(`disk ${run}`, { ...BAD_DISK, full: 0, io: 0 })
    for (let step = 0; step < 300; step++) {
      const request = suite.next()
      const result = ask(request)
      const difference = 'value' in result ? suite.check(request, result.value) : result.detail
      if (difference) return t.fail(`run ${run} step ${step}: ${difference}`)
      if (!dice.chance(0.02)) continue
      disk.crash()
      suite.restart()
    }
  }
  t.pass('no difference')
})

t.test(
  'a crash at any moment: what was answered is there, once; what was not is there as a whole or not at all',
  async t => {
    for (let run = 0; run < 60; run++) {
      const { disk, ask, settle } = world(`crash ${run}`, { ...GOOD_DISK, flushMaxMs: 20 })
      ask(accountPut(BOB_AOR))
      const dice = new SeededEntropy(`crash at ${run}`)
      let at = disk.nextAt() ?? (0 as Instant)
      const acknowledged = new Set<number>()
      for (let id = 100; id < 140; id++) {
        at = (at + dice.below(4)) as Instant
        disk.submit(id, custodyOf(id), at)
        for (const answer of disk.advance(at)) if ('value' in answer.result) acknowledged.add(answer.id)
      }
      disk.crash()
      t.strictSame(settle(), [], 'a dead process answers nothing')
      const page = (ask(pageOf(BOB_AOR)) as { value: StoredMessage[] }).value
      const found = page.map(({ bytes }) => Number(/Subject: (\d+)/.exec(bytes.toString())![1]))
      t.equal(new Set(found).size, found.length)
      for (const id of acknowledged) t.ok(found.includes(id), `run ${run}: ${id} was answered`)
      t.match(ask({ verb: 'status' }), { value: { waiting: found.length } })
      for (const id of found) t.match(ask(custodyOf(id)), { value: { outcome: 'duplicate' } })
    }
  },
)

t.test('a flush that fails leaves nothing, and the disk is usable after it', async t => {
  const { disk, ask } = world('failing', GOOD_DISK)
  ask(accountPut(BOB_AOR))
  disk.faults = { ...GOOD_DISK, full: 1 }
  t.match(ask(custodyOf(1)), { failure: 'full' })
  disk.faults = { ...GOOD_DISK, io: 1 }
  t.match(ask(custodyOf(1)), { failure: 'io' })
  t.strictSame(ask(pageOf(BOB_AOR)), { value: [] })
  disk.faults = GOOD_DISK
  t.match(ask(custodyOf(1)), { value: { outcome: 'stored', seq: 1 } })
})

t.test('what comes during a flush goes together in the next', async t => {
  const { disk, ask, settle } = world('group', GOOD_DISK)
  ask(accountPut(BOB_AOR))
  const before = disk.flushes
  for (let id = 1; id <= 50; id++) disk.submit(id, custodyOf(id))
  disk.advance(disk.nextAt()!)
  for (let id = 51; id <= 100; id++) disk.submit(id, custodyOf(id))
  t.equal(settle().length, 100)
  t.equal(disk.flushes - before, 2)
})

t.test('too many outstanding are turned away at once', async t => {
  const { disk, ask, settle } = world('busy', GOOD_DISK)
  ask(accountPut(BOB_AOR))
  for (let id = 0; id < 5000; id++) disk.submit(id, custodyOf(id))
  t.equal(settle().filter(({ result }) => 'failure' in result && result.failure === 'busy').length, 5000 - 4096)
  t.match(ask(custodyOf(5001)), { value: { outcome: 'stored' } })
})

t.test('a damaged record found by a read is put right by a write before the read is answered', async t => {
  const { disk, ask } = world('damage', GOOD_DISK)
  ask(accountPut(BOB_AOR))
  for (const id of [1, 2]) ask(custodyOf(id))
  disk.durable.put(bodyKey(1), Buffer.from('rubbish'))
  t.match(ask(pageOf(BOB_AOR)), { value: [{ seq: 2 }] })
  t.match(ask({ verb: 'status' }), { value: { waiting: 1, damaged: 1 } })
})

t.test('the same seed gives the same run', async t => {
  const run = (): string => {
    const { disk, settle } = world('again', BAD_DISK)
    disk.submit(0, accountPut(BOB_AOR))
    for (let id = 1; id < 50; id++) disk.submit(id, custodyOf(id), (id * 7) as Instant)
    return JSON.stringify(settle())
  }
  t.equal(run(), run())
})

function world(seed: string, faults: DiskFaults) {
  const disk = new SimulatedDisk({ entropy: new SeededEntropy(seed), hostname: CONFORMANCE_HOSTNAME, faults })
  const settle = () => {
    const answers: { readonly id: number; readonly result: Result }[] = []
    for (let next = disk.nextAt(); next !== undefined; next = disk.nextAt()) answers.push(...disk.advance(next))
    return answers
  }
  const ask = (request: StoreRequest): Result => {
    disk.submit(-1, request)
    return settle().find(({ id }) => id === -1)!.result
  }
  return { disk, ask, settle }
}
