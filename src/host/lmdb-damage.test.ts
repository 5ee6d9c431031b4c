import { createHash, randomFillSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { type Config, loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { ask } from '../testing/asked-store.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf } from '../testing/store-fixtures.ts'
import { LmdbStore } from './lmdb.ts'
import { openTable } from './lmdb-table.ts'
import { openStore } from './open-store.ts'

/** What a store may find where its file should be. Whatever it is: a plain message, or all of it; and the file stays as it was. */

const MAP_BYTES = 2 ** 26
const PAGE_BYTES = 4096
const MESSAGES = 30

const loaded = loadConfig('domain = "example.org"\nhostname = "edge1.example.org"', 'x')
const config = (loaded as { config: Config }).config

/** Of a store with messages that fill pages of their own; what was set ahead of it is left off. */
async function wholeFile(t: Test): Promise<Buffer> {
  const dir = t.testdir()
  const store = await LmdbStore.open({ dir, hostname: config.hostname, mapBytes: MAP_BYTES, log: silentLog })
  await ask(store, accountPut(BOB_AOR))
  for (let i = 0; i < MESSAGES; i++) await ask(store, custodyOf(i, { bytes: Buffer.alloc(9000, i) }))
  await store.close()
  const bytes = readFileSync(join(dir, 'mailbox', 'data.mdb'))
  const lastPages = [0, PAGE_BYTES].map(at => ({
    page: Number(bytes.readBigUInt64LE(at + 144)),
    transaction: bytes.readBigUInt64LE(at + 152),
  }))
  const { page } = lastPages.sort((a, b) => Number(b.transaction - a.transaction))[0]!
  return bytes.subarray(0, (page + 1) * PAGE_BYTES)
}

interface Found {
  /** How many wait; undefined: it was refused. */
  readonly waiting?: number
  readonly message?: string
  readonly isUnchanged: boolean
}

async function tried(dir: string, bytes: Buffer): Promise<Found> {
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(join(dir, 'mailbox'), { recursive: true })
  const file = join(dir, 'mailbox', 'data.mdb')
  writeFileSync(file, bytes)
  const isUnchanged = (): boolean => sumOf(readFileSync(file)) === sumOf(bytes)
  try {
    const store = await openStore(dir, config, silentLog)
    const status = await ask(store, { verb: 'status' })
    const page = await ask(store, pageOf(BOB_AOR))
    await store.close()
    return {
      waiting: 'value' in page && 'value' in status ? (status.value as { waiting: number }).waiting : -1,
      isUnchanged: isUnchanged(),
    }
  } catch (error) {
    return { message: (error as Error).message, isUnchanged: isUnchanged() }
  }
}

const sumOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

t.test('a file cut anywhere is refused in plain words and left as it is, or it has everything', async t => {
  const whole = await wholeFile(t)
  const dir = join(t.testdirName, 'cut')
  const odd: string[] = []
  let served = 0
  for (let size = 1; size < whole.length; size += size % PAGE_BYTES === 1 ? PAGE_BYTES - 1 : 1) {
    const { waiting, message = '', isUnchanged } = await tried(dir, whole.subarray(0, size))
    if (waiting === MESSAGES) served++
    else if (waiting !== undefined || !isUnchanged) odd.push(`${size}: ${waiting} wait, unchanged: ${isUnchanged}`)
    else if (
      !/(has lost its end|is not a store|its beginning is damaged).* Nothing was changed\. Put a backup/.test(message)
    )
      odd.push(`${size}: ${message}`)
  }
  t.same(odd, [])
  t.match(await tried(dir, whole), { waiting: MESSAGES })
  t.comment(`${whole.length} bytes; ${served} cuts took nothing that is in use`)
})

t.test('files of others are refused and left as they are', async t => {
  const dir = t.testdir()
  const whole = await wholeFile(t)
  const swapped = Buffer.from(whole.subarray(0, whole.length & ~3))
  const others: Record<string, Buffer> = {
    zeros: Buffer.alloc(1_000_000),
    noise: randomFillSync(Buffer.alloc(100_000)),
    text: Buffer.from('domain = "example.org"\n'.repeat(1000)),
    SQLite: sqliteFile(join(dir, 'other.sqlite')),
    'another endianness': swapped.swap32(),
    'an older format of LMDB': withVersion(whole, 1),
    'a newer format of LMDB': withVersion(whole, 3),
    'the first page lost': Buffer.concat([Buffer.alloc(PAGE_BYTES), whole.subarray(PAGE_BYTES)]),
    'the second page lost': Buffer.concat([
      whole.subarray(0, PAGE_BYTES),
      Buffer.alloc(PAGE_BYTES),
      whole.subarray(2 * PAGE_BYTES),
    ]),
    'LMDB of another program': await foreignTable(join(dir, 'foreign')),
    'all but the first pages zeros': Buffer.concat([
      whole.subarray(0, 2 * PAGE_BYTES),
      Buffer.alloc(whole.length - 2 * PAGE_BYTES),
    ]),
  }
  for (const [name, bytes] of Object.entries(others)) {
    const { waiting, message, isUnchanged } = await tried(join(dir, 'tried'), bytes)
    t.equal(waiting, undefined, `${name}: refused`)
    t.match(message, /tried: the store cannot be opened: .*(not a store of this program|are damaged)/, name)
    t.notMatch(message, /MDB_/, `${name}: in words`)
    t.ok(isUnchanged, `${name}: left as it is`)
  }
})

t.test('what is no file is refused before the library opens it', async t => {
  const whole = await wholeFile(t)
  const cases: Record<string, (mailbox: string) => void> = {
    'data.mdb is a folder': mailbox => mkdirSync(join(mailbox, 'data.mdb')),
    'data.mdb is a device': mailbox => symlinkSync('/dev/null', join(mailbox, 'data.mdb')),
    'lock.mdb is a folder': mailbox => {
      writeFileSync(join(mailbox, 'data.mdb'), whole)
      mkdirSync(join(mailbox, 'lock.mdb'))
    },
  }
  for (const [name, make] of Object.entries(cases)) {
    const dir = join(t.testdirName, name.replaceAll(' ', '-'))
    mkdirSync(join(dir, 'mailbox'), { recursive: true })
    make(join(dir, 'mailbox'))
    await t.rejects(openStore(dir, config, silentLog), { message: /mailbox\/(data|lock)\.mdb is no file/ }, name)
  }
  const file = join(t.testdirName, 'file')
  mkdirSync(file)
  writeFileSync(join(file, 'mailbox'), 'x')
  await t.rejects(openStore(file, config, silentLog), { message: /not a folder/ })
})

t.test('a lock file of any content is written anew', async t => {
  const whole = await wholeFile(t)
  for (const content of [
    Buffer.alloc(0),
    Buffer.from('x'),
    randomFillSync(Buffer.alloc(8272)),
    Buffer.alloc(100_000, 0xff),
  ]) {
    const dir = join(t.testdirName, `lock-${content.length}`)
    mkdirSync(join(dir, 'mailbox'), { recursive: true })
    writeFileSync(join(dir, 'mailbox', 'data.mdb'), whole)
    writeFileSync(join(dir, 'mailbox', 'lock.mdb'), content)
    const store = await openStore(dir, config, silentLog)
    t.match(await ask(store, { verb: 'status' }), { value: { waiting: MESSAGES } })
    await store.close()
    t.ok(existsSync(join(dir, 'mailbox', 'lock.mdb')))
  }
})

function sqliteFile(path: string): Buffer {
  const database = new DatabaseSync(path)
  database.exec('CREATE TABLE message (id INTEGER PRIMARY KEY, body TEXT); INSERT INTO message VALUES (1, 1)')
  database.close()
  return readFileSync(path)
}

async function foreignTable(folder: string): Promise<Buffer> {
  mkdirSync(folder)
  const table = openTable(folder, MAP_BYTES)
  await table.put('zebra', Buffer.from('striped'))
  await table.flushed
  await table.close()
  return readFileSync(join(folder, 'data.mdb'))
}

function withVersion(whole: Buffer, version: number): Buffer {
  const bytes = Buffer.from(whole)
  for (const at of [0, PAGE_BYTES]) bytes.writeUInt32LE(version, at + 28)
  return bytes
}
