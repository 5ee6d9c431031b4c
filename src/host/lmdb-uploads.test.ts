import { statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import { BLOCK_BYTES } from '../store/blocks.ts'
import { CONFORMANCE_HOSTNAME, Conformance } from '../store/conformance.ts'
import { blockKey } from '../store/keys.ts'
import { LARGE_MESSAGE_VERBS } from '../store/verb-mixes.fixture.ts'
import type { StoredMessage, StoreRequest } from '../store/verbs.ts'
import { ask, replyOf } from '../testing/asked-store.ts'
import { firstDifference } from '../testing/conforming.ts'
import { linesUntilKilled } from '../testing/killed-child.ts'
import * as large from '../testing/large-requests.ts'
import { SeededEntropy } from '../testing/seeded-entropy.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf, STORED_AT } from '../testing/store-fixtures.ts'
import { LmdbStore } from './lmdb.ts'
import { LmdbTable, openTable } from './lmdb-table.ts'

const MAP_BYTES = 2 ** 30
const PAGE_BYTES = 4096

t.test('large messages as the reference model has them, also when opened again (DM-STO-07..09)', async t => {
  const dir = t.testdir()
  const dice = new SeededEntropy('lmdb uploads')
  const suite = new Conformance(dice, LARGE_MESSAGE_VERBS)
  t.equal(await firstDifference(suite, dice, 600, () => openStore(dir)), undefined)
})

t.test('the chunks of all senders that come during a commit go in the next one (group commit)', async t => {
  const store = await opened(t, t.testdir())
  const uploads = await Promise.all(Array.from({ length: 10 }, (_, i) => begin(store, i)))
  const before = store.status.commits
  const bytes = large.bytes(64 * 1024)
  const chunks = uploads.flatMap(upload =>
    Array.from({ length: 16 }, (_, i) => ask(store, large.append(upload, i * bytes.length, bytes))),
  )
  for (const result of await Promise.all(chunks)) t.match(result, { value: 'kept' })
  t.ok(store.status.commits - before <= 2, `${store.status.commits - before} commits for 160 chunks`)
})

t.test('bytes that wait for the disk are bounded: more is turned away as busy', async t => {
  const store = await opened(t, t.testdir())
  const upload = await begin(store, 1)
  const bytes = Buffer.alloc(100 * 1024 * 1024)
  const asked = [0, 1, 2].map(i => ask(store, large.append(upload, i * bytes.length, bytes, { quotaBytes: 1 })))
  const refused = { value: { refused: 'byte quota' } }
  t.match(await Promise.all(asked), [refused, refused, { failure: 'busy' }])
})

t.test('blocks fill whole pages', async t => {
  const dir = t.testdir()
  const table = openTable(dir, MAP_BYTES)
  t.teardown(() => table.close())
  const lmdb = new LmdbTable(table)
  const used = async (length: number): Promise<number> => {
    const before = lmdb.space().used
    await table.childTransaction(() => {
      for (let number = 0; number < 64; number++) lmdb.put(blockKey(length, number), Buffer.alloc(length))
    })
    table.resetReadTxn()
    return (lmdb.space().used - before) / PAGE_BYTES
  }
  const whole = BLOCK_BYTES + 5
  const pages = await used(whole)
  t.ok(pages >= 64 * 16 && pages <= 64 * 16 + 4, `${pages} pages for 64 blocks`)
  t.ok((await used(whole + 1)) >= 64 * 17, 'one byte more would take a page more')
})

t.test('large messages that are small take as much of the flash as a MESSAGE of that size', async t => {
  const pages = async (requestOf: (number: number) => StoreRequest): Promise<number> => {
    const dir = t.testdir()
    const store = await openStore(dir)
    await replyOf(store, accountPut(BOB_AOR))
    await Promise.all(Array.from({ length: 512 }, (_, i) => replyOf(store, requestOf(i))))
    await store.close()
    const table = openTable(join(dir, 'mailbox'), MAP_BYTES)
    const { used } = new LmdbTable(table).space()
    await table.close()
    return used / PAGE_BYTES
  }
  for (const size of [200, 1024, 3000]) {
    const body = large.bytes(size)
    const bytes = Buffer.concat([large.HEAD, body])
    const message = await pages(number => custodyOf(number, { bytes }))
    const whole = await pages(number => large.whole(number, body))
    t.ok(whole <= message * 1.3, `${size} bytes: ${whole} pages for 512, ${message} for as many MESSAGEs`)
  }
})

t.test('what was swept is used again: the file does not grow with what passes through it', async t => {
  const dir = t.testdir()
  const store = await opened(t, dir)
  const body = large.bytes(1_500_000)
  const size = (): number => statSync(join(dir, 'mailbox', 'data.mdb')).size
  let first = 0
  for (let round = 0; round < 12; round++) {
    const seqs = await Promise.all([1, 2, 3, 4].map(i => upload(store, round * 4 + i, body)))
    if (round === 2) first = size()
    for (const seq of seqs) await replyOf(store, { verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
    while (((await replyOf(store, { verb: 'sweep', limit: 20 })) as number) > 0);
  }
  t.ok(size() <= first * 1.25, `${first} bytes after two rounds, ${size()} after twelve`)
})

t.test('a message larger than a piece is read back byte for byte, also when opened again', async t => {
  const dir = t.testdir()
  const body = large.bytes(5_000_000)
  const store = await openStore(dir)
  await replyOf(store, accountPut(BOB_AOR))
  const seq = await upload(store, 1, body)
  t.ok((await bodyOf(store, seq)).equals(body))
  await store.close()
  const again = await openStore(dir)
  t.ok((await bodyOf(again, seq)).equals(body))
  await again.close()
})

t.test(
  'DM-STO-07: killed with -9 in mid-transfer: what was answered is whole, of the rest nothing is left',
  async t => {
    const dir = t.testdir()
    const dice = new SeededEntropy('kill uploads')
    const stored = new Map<number, number>()
    const confirmed = new Set<number>()
    for (let kill = 0; kill < 6; kill++) {
      for (const line of await linesUntilKilled('upload-child.ts', dir, (kill + 1) * 1000, 1 + dice.below(40))) {
        const [what, number, seq] = line.split(' ')
        if (what === 'stored') stored.set(Number(number), Number(seq))
        else confirmed.add(Number(number))
      }
      const store = await openStore(dir)
      await replyOf(store, { verb: 'upload.clear' })
      const page = await waiting(store)
      const there = new Map(page.map(({ seq, large }) => [Number(large!.messageId.slice('message-'.length)), seq]))
      t.equal(there.size, page.length, 'none is there twice')
      for (const number of stored.keys()) t.ok(there.has(number) || number % 3 === 0, `${number} was answered`)
      for (const number of confirmed) t.notOk(there.has(number), `${number} was confirmed`)
      const wrong = []
      for (const [number, seq] of there) if (!(await bodyOf(store, seq)).equals(sent(number))) wrong.push(number)
      t.strictSame(wrong, [], 'byte for byte')
      await store.close()
    }
    t.ok(stored.size > confirmed.size && confirmed.size > 0)
    t.strictSame(await leftOf(dir), [])
  },
)

/** Keys of blocks, of the sweep list and of uploads, once all that waits was delivered. */
async function leftOf(dir: string): Promise<string[]> {
  const store = await openStore(dir)
  for (const { seq } of await waiting(store))
    await replyOf(store, { verb: 'confirm', aor: BOB_AOR, seq, at: STORED_AT, detail: '' })
  while (((await replyOf(store, { verb: 'sweep', limit: 64 })) as number) > 0);
  await store.close()
  const table = openTable(join(dir, 'mailbox'), MAP_BYTES)
  const lmdb = new LmdbTable(table)
  const left = ['c', 'g', 'u'].flatMap(first => lmdb.range(first, `${first}\xff`).map(({ key }) => key))
  await table.close()
  return left
}

/** As the child makes them. */
const sent = (number: number): Buffer => large.bytes(100_000 + ((number * 7919) % 200_000))

async function waiting(store: LmdbStore): Promise<StoredMessage[]> {
  return (await replyOf(store, pageOf(BOB_AOR))) as StoredMessage[]
}

async function bodyOf(store: LmdbStore, seq: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let at = 0; ; ) {
    const piece = (await replyOf(store, large.piece(seq, at, 1024 * 1024))) as Buffer
    if (piece.length === 0) return Buffer.concat(pieces)
    pieces.push(piece)
    at += piece.length
  }
}

async function upload(store: LmdbStore, number: number, body: Buffer): Promise<number> {
  const upload = await begin(store, number)
  for (let at = 0; at < body.length; at += 100_000)
    await replyOf(store, large.append(upload, at, body.subarray(at, at + 100_000)))
  return ((await replyOf(store, large.finish(upload, body.length))) as { seq: number }).seq
}

async function begin(store: LmdbStore, number: number): Promise<number> {
  return ((await replyOf(store, large.begin(number))) as { upload: number }).upload
}

async function openStore(dir: string): Promise<LmdbStore> {
  return LmdbStore.open({ dir, hostname: CONFORMANCE_HOSTNAME, mapBytes: MAP_BYTES, log: silentLog })
}

/** With bob's account; closed when the test ends. */
async function opened(t: Test, dir: string): Promise<LmdbStore> {
  const store = await openStore(dir)
  t.teardown(() => store.close())
  await replyOf(store, accountPut(BOB_AOR))
  return store
}
