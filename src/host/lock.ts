import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { dirname } from 'node:path'
import { codeOf, PlainError, troubleOf } from './plain-error.ts'

/**
 * One process at a time works on a data folder. The lock is a name in Linux's abstract socket namespace made of the
 * folder's device and inode: the kernel frees it whichever way its holder ends, so it can never be stale.
 */
export class FolderLock {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** Undefined while another process holds it. */
  static async take(dataDir: string): Promise<FolderLock | undefined> {
    const { dev, ino } = statSync(dataDir, { bigint: true })
    const server = createServer(socket => socket.destroy())
    const isTaken = await new Promise<boolean>((resolve, reject) => {
      server.once('error', error => (codeOf(error) === 'EADDRINUSE' ? resolve(true) : reject(error)))
      server.listen({ path: `\0restante/${dev}/${ino}` }, () => resolve(false))
    })
    server.unref()
    return isTaken ? undefined : new FolderLock(server)
  }

  release(): void {
    this.#server.close()
  }
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
