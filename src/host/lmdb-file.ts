import { chmod, mkdir, open as openFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from './plain-error.ts'

/** The native library ends the process on a file that is not its own, so what it will read first is checked here before. */

const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const META_BYTES = 160
const MAGIC_AT = 24
const PAGE_FLAGS_AT = 18
const META_PAGE_FLAG = 0x08
const PAGE_SIZE_AT = 48
const LAST_PAGE_AT = 144
const TRANSACTION_AT = 152

/** Pages that one transaction took and gave back are counted but need not have been written; more missing than this is damage. */
const MISSING_BYTES_MAX = 16 * 1024 * 1024

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: bigint
}

/** Makes the folder, private to its owner, and refuses a file that is not a store or has lost its end. Throws plain messages. */
export async function prepareFolder(folder: string): Promise<void> {
  const isNew = await makeFolder(folder)
  await chmod(folder, 0o700)
  if (isNew) await syncFolder(dirname(folder))
  await checkFile(join(folder, 'data.mdb'), join(dirname(folder), 'admin'))
}

/** After the first open: the files are private, and their names are on stable storage. */
export async function settleFolder(folder: string): Promise<void> {
  for (const name of ['data.mdb', 'lock.mdb']) await chmod(join(folder, name), 0o600)
  await syncFolder(folder)
}

async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 })
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    return false
  }
}

/** `usedMark` is there once a first start was completed, and with that the store was written. */
async function checkFile(path: string, usedMark: string): Promise<void> {
  const file = await openFile(path, 'r+').catch(ignoreAbsent)
  if (!file) return
  try {
    const { size } = await file.stat()
    if (size === 0) {
      if (await isThere(usedMark)) throw new Error(`${path} is empty, though this folder has been in use: it was lost`)
      return
    }
    const first = await readMeta(file, 0)
    const second = first && (await readMeta(file, first.pageSize))
    if (!first || !second) throw new Error(`${path} is not a store of this program, or its beginning is damaged`)
    const { lastPage, pageSize } = first.transaction > second.transaction ? first : second
    const wanted = (lastPage + 1) * pageSize
    if (size >= wanted) return
    if (wanted - size > MISSING_BYTES_MAX)
      throw new Error(`${path} has lost its end: ${size} bytes of ${wanted} are there`)
    await file.truncate(wanted)
  } finally {
    await file.close()
  }
}

type File = Awaited<ReturnType<typeof openFile>>

async function readMeta(file: File, at: number): Promise<Meta | undefined> {
  const bytes = Buffer.alloc(META_BYTES)
  const { bytesRead } = await file.read(bytes, 0, META_BYTES, at)
  const isMeta =
    bytesRead === META_BYTES &&
    (bytes.readUInt16LE(PAGE_FLAGS_AT) & META_PAGE_FLAG) !== 0 &&
    bytes.readUInt32LE(MAGIC_AT) === MAGIC &&
    bytes.readUInt32LE(MAGIC_AT + 4) === DATA_VERSION
  if (!isMeta) return undefined
  return {
    pageSize: bytes.readUInt32LE(PAGE_SIZE_AT),
    lastPage: Number(bytes.readBigUInt64LE(LAST_PAGE_AT)),
    transaction: bytes.readBigUInt64LE(TRANSACTION_AT),
  }
}

async function isThere(path: string): Promise<boolean> {
  const file = await openFile(path, 'r').catch(ignoreAbsent)
  await file?.close()
  return file !== undefined
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await openFile(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function ignoreAbsent(error: unknown): undefined {
  if (codeOf(error) !== 'ENOENT') throw error
  return undefined
}
