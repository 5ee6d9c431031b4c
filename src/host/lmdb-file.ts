import { chmod, mkdir, open as openFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { latestMeta } from './lmdb-meta.ts'
import { areTreesWhole } from './lmdb-pages.ts'
import { codeOf } from './plain-error.ts'

/** The native library ends the process on what is not its own, so what it will open and read first is looked at here before. */

/** The file cannot be used as it is, and nothing of it was changed. */
export class StoreDamage extends Error {
  override readonly name = 'StoreDamage'
}

/** Makes the folder, private to its owner, and refuses a file that is not a store or has lost its end. Throws plain messages. */
export async function prepareFolder(folder: string): Promise<void> {
  const isNew = await makeFolder(folder)
  await chmod(folder, 0o700)
  if (isNew) await syncFolder(dirname(folder))
  await checkLock(join(folder, 'lock.mdb'))
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

/** What is in it does not matter: the library writes it anew. */
async function checkLock(path: string): Promise<void> {
  if ((await sizeOf(path)) === undefined) return
  const file = await openFile(path, 'r+')
  await file.close()
}

/** Undefined where there is none; a plain error where it is something else than a file. */
async function sizeOf(path: string): Promise<number | undefined> {
  const status = await stat(path).catch(ignoreAbsent)
  if (status && !status.isFile()) throw new StoreDamage(`${path} is no file`)
  return status?.size
}

/** `usedMark` is there once a first start was completed, and with that the store was written. */
async function checkFile(path: string, usedMark: string): Promise<void> {
  const size = await sizeOf(path)
  if (size === undefined) return
  const file = await openFile(path, 'r+')
  try {
    if (size === 0) {
      if (await isThere(usedMark))
        throw new StoreDamage(`${path} is empty, though this folder has been in use: it was lost`)
      return
    }
    const meta = await latestMeta(file)
    if (!meta) throw new StoreDamage(`${path} is not a store of this program, or its beginning is damaged`)
    const { lastPage, pageSize, free, records } = meta
    const wanted = (lastPage + 1) * pageSize
    if (size >= wanted) return
    // Pages that one transaction took and gave back are counted, and need not have been written.
    if (!(await areTreesWhole(file, [free.root, records.root], { pageSize, pages: lastPage + 1, size })))
      throw new StoreDamage(`${path} has lost its end: ${size} bytes of ${wanted} are there`)
    await file.truncate(wanted)
  } finally {
    await file.close()
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreAbsent)) !== undefined
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
