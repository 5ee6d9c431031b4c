import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { removeWhole, writeWhole } from './write-whole.ts'

/**
 * A store that ended the process is not opened any more, by nobody: a note beside its file says why. It goes where the file goes, and is of
 * this file alone, so that one that is put in its place is opened.
 */

const noteOf = (dataDir: string): string => join(dataDir, 'mailbox', 'held')

/** Which file it is, and what it was when it was last written. Undefined: there is none. */
export function storeFileState(dataDir: string): string | undefined {
  const status = statSync(join(dataDir, 'mailbox', 'data.mdb'), { throwIfNoEntry: false })
  return status && `${status.ino} ${status.size} ${status.mtimeMs}`
}

/** Throws what the disk throws. */
export function holdStore(dataDir: string, reason: string): void {
  writeWhole(noteOf(dataDir), JSON.stringify({ file: storeFileState(dataDir), reason }))
}

/** Why the store is not to be opened; undefined: it may be. */
export function heldFor(dataDir: string): string | undefined {
  let note: { readonly file?: unknown; readonly reason?: unknown }
  try {
    note = Object(JSON.parse(readFileSync(noteOf(dataDir), 'utf8')))
  } catch {
    return undefined
  }
  if (typeof note.file === 'string' && note.file === storeFileState(dataDir)) return `${note.reason}`
  removeWhole(noteOf(dataDir))
  return undefined
}
