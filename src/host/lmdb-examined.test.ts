import { readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import { ask } from '../testing/asked-store.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { LmdbStore } from './lmdb.ts'
import { faultIn } from './lmdb-examined.ts'

const PAGE = 4096
const HEADER = 24
const FLAGS_AT = 18
const LOWER_AT = 20
const BRANCH = 0x01
const LEAF = 0x02
const OVERFLOW = 0x04
/** Of the first pages: the roots of what is free and of the records. */
const ROOTS_AT = [88, 136]

/** Of a store that was used in many commits: a tree of several levels, large records, and pages that came free. */
async function usedFile(t: Test): Promise<Buffer> {
  const dir = t.testdir()
  const random = new SeededEntropy('examined')
  const store = await LmdbStore.open({ dir, hostname: 'edge1.example.org', mapBytes: 2 ** 28, log: silentLog })
  await ask(store, accountPut(BOB_AOR))
  for (let i = 1; i <= 600; i++) {
    await ask(store, custodyOf(i, { bytes: Buffer.alloc(i % 20 === 0 ? 9000 : 300 + random.below(500), i) }))
    const seq = 1 + random.below(i)
    if (i % 3 === 0) await ask(store, { verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
    if (i % 50 === 0) t.equal(await faultOf(t, readFileSync(join(dir, 'mailbox', 'data.mdb'))), undefined, `after ${i}`)
  }
  await store.close()
  const bytes = readFileSync(join(dir, 'mailbox', 'data.mdb'))
  return bytes.subarray(0, (Number(bytes.readBigUInt64LE(latestAt(bytes) + 144)) + 1) * PAGE)
}

const latestAt = (bytes: Buffer): number => (bytes.readBigUInt64LE(152) > bytes.readBigUInt64LE(PAGE + 152) ? 0 : PAGE)

async function faultOf(t: Test, bytes: Buffer): Promise<string | undefined> {
  const path = join(t.testdirName, 'examined.mdb')
  writeFileSync(path, bytes)
  const file = await open(path)
  try {
    return await faultIn(file)
  } finally {
    await file.close()
  }
}

/** Where the pages of that kind are that something leads to. */
function placesOf(bytes: Buffer, kind: number, roots = ROOTS_AT): number[] {
  const found: number[] = []
  const look = (number: number): void => {
    const at = number * PAGE
    const flags = bytes.readUInt16LE(at + FLAGS_AT)
    if (flags === kind) found.push(at)
    if (flags === OVERFLOW) return
    for (const node of nodesAt(bytes, at)) {
      if (flags === BRANCH) look(bytes.readUInt32LE(node))
      else if (bytes.readUInt16LE(node + 4) === 1) look(bytes.readUInt32LE(dataAt(bytes, node)))
    }
  }
  for (const root of roots) look(Number(bytes.readBigUInt64LE(latestAt(bytes) + root)))
  return found
}

const nodesAt = (bytes: Buffer, at: number): number[] =>
  Array.from(
    { length: bytes.readUInt16LE(at + LOWER_AT) / 2 },
    (_, index) => at + HEADER + bytes.readUInt16LE(at + HEADER + 2 * index),
  )

const dataAt = (bytes: Buffer, node: number): number => node + 8 + bytes.readUInt16LE(node + 6)

t.test('a store that is well has no fault, and each kind of damage to its pages is one', async t => {
  const whole = await usedFile(t)
  const [branch, leaf, large] = [BRANCH, LEAF, OVERFLOW].map(kind => placesOf(whole, kind)[0]!)
  const [free] = placesOf(whole, LEAF, [ROOTS_AT[0]!])
  const damages: Record<string, (bytes: Buffer) => unknown> = {
    'both first pages': bytes => bytes.fill(0, 0, 2 * PAGE),
    'a page of no size': bytes => bytes.writeUInt32LE(0, 48),
    'a page of gigabytes': bytes => bytes.writeUInt32LE(0x8000_0000, latestAt(bytes) + 48),
    'more pages than there can be': bytes => bytes.writeBigUInt64LE(2n ** 52n, latestAt(bytes) + 144),
    'flags of a tree': bytes => bytes.writeUInt16LE(0x04, latestAt(bytes) + 100),
    'the depth of a tree': bytes => bytes.writeUInt16LE(9, latestAt(bytes) + 102),
    'a count of a tree': bytes => bytes.writeBigUInt64LE(7n, latestAt(bytes) + 128),
    'a root behind the end': bytes => bytes.writeBigUInt64LE(10_000_000n, latestAt(bytes) + 136),
    'a page of zeros': bytes => bytes.fill(0, leaf!, leaf! + PAGE),
    'another page': bytes => bytes.copy(bytes, leaf!, branch!, branch! + PAGE),
    'a page of no commit': bytes => bytes.writeBigUInt64LE(1_000_000n, leaf! + 8),
    'its kind': bytes => bytes.writeUInt16LE(LEAF | 0x20, leaf! + FLAGS_AT),
    'its bounds': bytes => bytes.writeUInt16LE(5000, leaf! + LOWER_AT + 2),
    'nothing in it': bytes => bytes.writeUInt16LE(0, leaf! + LOWER_AT),
    'a place out of the page': bytes => bytes.writeUInt16LE(4090, leaf! + HEADER),
    'a key that goes on': bytes => bytes.writeUInt16LE(5000, nodesAt(bytes, leaf!)[0]! + 6),
    'a record that goes on': bytes => bytes.writeUInt16LE(0x3fff, nodesAt(bytes, leaf!)[0]! + 2),
    'a kind of record that is never written': bytes => bytes.writeUInt16LE(2, nodesAt(bytes, leaf!)[0]! + 4),
    'keys in disorder': bytes => {
      const [one, other] = [bytes.readUInt16LE(leaf! + HEADER), bytes.readUInt16LE(leaf! + HEADER + 2)]
      bytes.writeUInt16LE(other, leaf! + HEADER)
      bytes.writeUInt16LE(one, leaf! + HEADER + 2)
    },
    'a branch that leads to one page twice': bytes => {
      const [one, other] = nodesAt(bytes, branch!)
      bytes.writeUInt32LE(bytes.readUInt32LE(one!), other!)
    },
    'a branch that leads nowhere': bytes => bytes.writeUInt16LE(2, branch! + LOWER_AT),
    'how many pages a large record has': bytes => bytes.writeUInt32LE(77, large! + 20),
    'a list of free pages that is too long': bytes =>
      bytes.writeBigUInt64LE(100_000n, dataAt(bytes, nodesAt(bytes, free!)[0]!)),
    'a free page that is in use': bytes => {
      const data = dataAt(bytes, nodesAt(bytes, free!)[0]!)
      bytes.writeBigUInt64LE(1n, data)
      bytes.writeBigUInt64LE(BigInt(leaf! / PAGE), data + 8)
    },
    'the end': bytes => bytes.copy(bytes, 0, 0, 0),
  }
  for (const [name, damage] of Object.entries(damages)) {
    const bytes = Buffer.from(whole)
    damage(bytes)
    t.type(await faultOf(t, name === 'the end' ? bytes.subarray(0, bytes.length - PAGE * 8) : bytes), 'string', name)
  }
  t.equal(await faultOf(t, whole), undefined)
})
