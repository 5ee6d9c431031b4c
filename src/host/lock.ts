import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { type Native, native, nativeError } from './native.ts'
import { codeOf, PlainError, troubleOf } from './plain-error.ts'

/**
 * One process at a time works on a data folder: flock(2) on the folder itself, which the kernel frees whichever way its holder ends, so it
 * can never be stale. Without the addon a name in Linux's abstract socket namespace, made of the folder's device and inode, stands for it;
 * that one any user of the machine could take.
 */
export class FolderLock {
  #release: (() => void) | undefined

  private constructor(release: () => void) {
    this.#release = release
  }

  /** Undefined while another process holds it. */
  static async take(dataDir: string): Promise<FolderLock | undefined> {
    const parts = native()
    const release = 'missing' in parts ? await takeName(dataDir) : takeFolder(dataDir, parts)
    return release && new FolderLock(release)
  }

  /** Once more does nothing: the descriptor may be somebody else's by then. */
  release(): void {
    this.#release?.()
    this.#release = undefined
  }
}

function takeFolder(dataDir: string, { lockFolder }: Native): (() => void) | undefined {
  const folder = openSync(dataDir, constants.O_RDONLY | constants.O_DIRECTORY)
  const refused = lockFolder(folder)
  if (refused === 0) return () => closeSync(folder)
  closeSync(folder)
  if (nativeError(refused) === 'EAGAIN') return undefined
  throw new PlainError(`data_dir: ${dataDir} cannot be locked: ${nativeError(refused)}. Choose another data_dir.`)
}

async function takeName(dataDir: string): Promise<(() => void) | undefined> {
  const { dev, ino } = statSync(dataDir, { bigint: true })
  const server = createServer(socket => socket.destroy())
  const isTaken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', error => (codeOf(error) === 'EADDRINUSE' ? resolve(true) : reject(error)))
    server.listen({ path: `\0restante/${dev}/${ino}` }, () => resolve(false))
  })
  server.unref()
  return isTaken ? undefined : () => void server.close()
}

/** Only its owner may look into it: accounts and messages lie there. */
export function makeDataDir(dataDir: string): void {
  try {
    makeFolders(dataDir)
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new PlainError(
      `data_dir: cannot make or use the folder ${dataDir}: ${troubleOf(error)} Or choose another data_dir.`,
    )
  }
}

/** One level at a time: asked for all at once where no folder can be made (`/proc`), Node.js tries for ever. */
function makeFolders(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  if (dirname(folder) !== folder) makeFolders(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
}
