import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Whoever could read the file before may read it afterwards; of a new one its owner alone. */
const OWNER_ALONE = 0o600

/** The file has all of the text or what it had before, whatever happens to the power. Throws what the disk throws. */
export function writeWhole(path: string, text: string, mode = modeOf(path)): void {
  const fresh = `${path}.new`
  try {
    withFile(fresh, 'w', file => {
      fchmodSync(file, mode)
      writeFileSync(file, text)
    })
    renameSync(fresh, path)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  }
  flushFolder(path)
}

/** One file takes the place of another, in one step. */
export function moveWhole(from: string, to: string): void {
  renameSync(from, to)
  flushFolder(to)
}

/** Not there any more, also after a power cut. */
export function removeWhole(path: string): void {
  rmSync(path, { force: true })
  flushFolder(path)
}

export const modeOf = (path: string): number => {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode
  return mode === undefined ? OWNER_ALONE : mode & 0o777
}

/** Names in the folder of the file are on stable storage. */
export const flushFolder = (path: string): void => withFile(dirname(path), 'r')

/** What is done to it is on stable storage afterwards. */
function withFile(path: string, flags: 'w' | 'r', work: (file: number) => void = () => {}): void {
  const file = openSync(path, flags, OWNER_ALONE)
  try {
    work(file)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
