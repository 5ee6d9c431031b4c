import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { codeOf } from './plain-error.ts'
import { flushFolder } from './write-whole.ts'

/** Written at once; so often somebody is told that it goes on. */
const ZEROES = Buffer.alloc(1024 * 1024)

/** What a slow card takes within the minute that somebody who waits allows for each step. */
const UNFLUSHED_BYTES = 16 * 1024 * 1024

/** Made by the file system itself; empty as long as it was never repaired. */
const OF_THE_FILE_SYSTEM = 'lost+found'

interface Erasing {
  /** Paths that stay. */
  readonly kept: ReadonlySet<string>
  /** What could not be erased, or lies on another file system, is added to it. */
  readonly left: string[]
  readonly alive: () => void
  readonly step: (name: string) => void
}

/** Everything in a folder, but not the folder. Links are removed, never followed; what is mounted in it is left. */
export function eraseFolder(folder: string, erasing: Erasing, device = lstatSync(folder).dev): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (!erasing.kept.has(path) && name !== OF_THE_FILE_SYSTEM) erase(path, erasing, device)
  }
  flushFolder(join(folder, '.'))
}

function erase(path: string, erasing: Erasing, device: number): void {
  try {
    const stat = lstatSync(path)
    if (stat.dev !== device) {
      erasing.left.push(path)
    } else if (stat.isDirectory()) {
      eraseFolder(path, erasing, device)
      if (![...erasing.kept].some(kept => kept.startsWith(`${path}/`))) rmdirSync(path)
    } else {
      eraseFile(path, erasing.alive)
      erasing.step(`erased ${path}`)
    }
  } catch (error) {
    // Of a folder that something is left in this was said of what is left.
    if (codeOf(error) !== 'ENOTEMPTY') erasing.left.push(path)
  }
}

/** Its octets are written over before it goes, as far as the file system writes them where they were. None there: nothing happens. */
export function eraseFile(path: string, alive: () => void = () => {}): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  // What has another name too is somebody else's as well.
  if (stat?.isFile() && stat.nlink === 1) overwrite(path, alive)
  rmSync(path, { force: true })
}

/** A medium that fails here may still let go of the name. */
function overwrite(path: string, alive: () => void): void {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW)
    const { size } = fstatSync(file)
    let flushed = 0
    for (let at = 0; at < size; ) {
      at += writeSync(file, ZEROES, 0, Math.min(ZEROES.length, size - at), at)
      if (at - flushed >= UNFLUSHED_BYTES) {
        fdatasyncSync(file)
        flushed = at
      }
      alive()
    }
    fsyncSync(file)
    ftruncateSync(file, 0)
  } catch {
    // It is removed in any case.
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
