import { type FileHandle, open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Config } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { printable } from '../base/quoted.ts'
import { backupFile } from '../host/backup-write.ts'
import { readConfig } from '../host/config-file.ts'
import { noteBackup } from '../host/last-backup.ts'
import { boxOrLock } from '../host/owner.ts'
import { PlainError, troubleOf } from '../host/plain-error.ts'
import { undoSwap } from '../host/restore-swap.ts'
import { choosePassphrase } from './passphrase.ts'
import { stoppable } from './stoppable.ts'
import type { World } from './world.ts'

export interface BackupOptions {
  readonly config?: string
  readonly passphraseStdin?: boolean
}

type Progress = (done: number, total: number) => void

/** Everything of the box in one file; from the running box, or from its folder. */
export async function makeBackup(world: World, path: string, options: BackupOptions): Promise<void> {
  const { config, text } = readConfig(options.config)
  const passphrase = await choosePassphrase(world, options.passphraseStdin ?? false, 'twice')
  const file = await opened(path)
  let bytes = 0
  try {
    await stoppable(async signal => {
      for await (const part of backupOf(world, config, text, passphrase, signal, told(world))) {
        signal.throwIfAborted()
        await file.writeFile(part)
        bytes += part.length
      }
    })
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
  world.err(`${bytes} octets in ${printable(path)}. Without the passphrase nobody can open it.\n`)
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    throw new PlainError(`${printable(path)} cannot be written: ${troubleOf(error)}`)
  }
}

async function* backupOf(
  world: World,
  config: Config,
  configText: string,
  passphrase: string,
  signal: AbortSignal,
  progress: Progress,
): AsyncGenerator<Buffer> {
  const dataDir = resolve(config.data_dir)
  const found = await boxOrLock(dataDir)
  if ('box' in found) {
    try {
      yield* found.box.backup(passphrase, progress)
    } finally {
      found.box.close()
    }
    return
  }
  try {
    undoSwap(dataDir)
    const store = await world.openStore(dataDir, config, silentLog)
    try {
      const { hostname, domain } = config
      const createdAt = Date.now()
      const snapshot = () => {
        if (!store.snapshot) throw new PlainError('This store cannot be copied.')
        return store.snapshot()
      }
      const parts = { dataDir, configText, hostname, domain, createdAt, snapshot, passphrase, signal, progress }
      yield* backupFile(parts)
      noteBackup(dataDir, createdAt)
    } finally {
      await store.close()
    }
  } finally {
    found.lock.release()
  }
}

const STEPS = 10

/** A line at each tenth. */
function told(world: World): Progress {
  let step = 0
  return (done, total) => {
    const now = total === 0 ? 0 : Math.floor((done / total) * STEPS)
    if (now > step) world.err(`${done} of ${total} records\n`)
    step = Math.max(step, now)
  }
}
