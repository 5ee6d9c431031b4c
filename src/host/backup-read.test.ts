import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { PRODUCT } from '../base/product.ts'
import { locked } from './age-file.ts'
import {
  ABOUT,
  ADMINISTRATORS,
  CONFIGURATION,
  decodePiece,
  encodePiece,
  FORMAT,
  MANIFEST,
  pieceName,
  TAR_END,
  tarFile,
} from './backup-format.ts'
import { readBackup } from './backup-read.ts'
import { openTable } from './lmdb-table.ts'

const PASSPHRASE = 'correct horse battery'
const CREATED = new Date(Date.UTC(2030, 0, 2))

/** In their order. */
const recordsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `${index}`.padStart(6, '0'), value: Buffer.from('v') }))

/** A backup with one piece, as anybody could make one. */
async function backupWith(t: Test, piece: Buffer): Promise<string> {
  const dir = t.testdir({})
  const texts = { format: FORMAT, product: PRODUCT, version: '1', hostname: 'a', domain: 'b' }
  const about = { ...texts, created: CREATED.toISOString() }
  const files: [string, Buffer][] = [
    [ABOUT, Buffer.from(JSON.stringify(about))],
    [CONFIGURATION, Buffer.from('domain = "b"')],
    [ADMINISTRATORS, Buffer.from('{}')],
    [pieceName(1), piece],
  ]
  const listed = files.map(([name, bytes]) => {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { name, bytes: bytes.length, sha256 }
  })
  files.push([MANIFEST, Buffer.from(JSON.stringify({ ...about, files: listed }))])
  const tar = await Promise.all(files.map(([name, bytes]) => tarFile(name, bytes, CREATED)))
  const file = join(dir, 'one.age')
  const packed = Readable.from([gzipSync(Buffer.concat([...tar, TAR_END]))])
  await pipeline(Readable.from(locked(packed, PASSPHRASE)), createWriteStream(file))
  return file
}

const read = (file: string, signal = new AbortController().signal) => {
  const into = `${file}.new`
  return readBackup({ file, into, passphrase: PASSPHRASE, reserveBytes: 0, signal, progress: () => {} })
}

t.test('a piece is taken apart in slices, and is whole', async t => {
  const records = recordsOf(5001)
  const slices = [...decodePiece(encodePiece(records))]
  t.same(
    slices.map(({ length }) => length),
    [2000, 2000, 1001],
  )
  t.same(slices.flat(), records)
  t.same([...decodePiece(encodePiece(recordsOf(2000)))].length, 1, 'no empty one')
  t.same([...decodePiece(Buffer.alloc(0))], [])
})

t.test('more records than a piece can have are refused, and so is what is none', async t => {
  const taken = (count: number) => {
    let seen = 0
    for (const { length } of decodePiece(encodePiece(recordsOf(count)))) seen += length
    return seen
  }
  t.equal(taken(200_000), 200_000)
  const damaged = { name: 'PlainError', message: /a piece of the store is not one/ }
  t.throws(() => taken(200_001), damaged)
  const one = encodePiece(recordsOf(1))
  for (const bad of [one.subarray(0, 5), one.subarray(0, -1), Buffer.alloc(8)])
    t.throws(() => [...decodePiece(bad)], damaged)
})

t.test('records of all slices are in the store that was unpacked', async t => {
  const file = await backupWith(t, encodePiece(recordsOf(5001)))
  t.match(await read(file), { about: { hostname: 'a' }, configText: 'domain = "b"' })
  const table = openTable(join(`${file}.new`, 'mailbox'), 1e8)
  t.equal([...table.getKeys({ start: '0', end: 'a' })].length, 5001)
  await table.close()
})

t.test('order is looked at from slice to slice', async t => {
  const records = recordsOf(4000)
  const mixed = [...records.slice(0, 2000), records[1999]!, ...records.slice(2001)]
  await t.rejects(read(await backupWith(t, encodePiece(mixed))), { message: /is not in order/ })
})

t.test('a stranger’s piece of very many records is refused', async t => {
  await t.rejects(read(await backupWith(t, encodePiece(recordsOf(200_001)))), { message: /is not one/ })
})
