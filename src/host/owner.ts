import { readFileSync, statSync } from 'node:fs'
import { ControlClient } from './control-client.ts'
import { FolderLock } from './lock.ts'
import { codeOf, PlainError, troubleOf } from './plain-error.ts'

/** How long a box may be on its way up or down, or another command at work, before it is told as the reason to give up. */
const PATIENCE_MS = 6000
const PAUSE_MS = 100

const pause = () => new Promise(resolve => setTimeout(resolve, PAUSE_MS))

/** The lock for `serve`. A running box refuses at once by its process id; a command at work is waited for. */
export async function lockForServing(dataDir: string): Promise<FolderLock> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const lock = await FolderLock.take(dataDir)
    if (lock) return lock
    const client = await connected(dataDir)
    if (client) {
      const { pid } = await client.hello()
      client.close()
      throw new PlainError(
        `data_dir: ${dataDir} is in use by the restante that runs as process ${pid}. Stop that one, or choose another data_dir.`,
      )
    }
    if (performance.now() > end) throw inUse(dataDir)
    await pause()
  }
}

/** Who a command speaks to: the box that runs on this folder, or the folder itself, with its lock. */
export async function boxOrLock(dataDir: string): Promise<{ box: ControlClient } | { lock: FolderLock }> {
  checkFolder(dataDir)
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const box = await connected(dataDir)
    if (box) return { box }
    const lock = await FolderLock.take(dataDir)
    if (lock) {
      becomeOwner(dataDir)
      return { lock }
    }
    if (performance.now() > end) throw inUse(dataDir)
    await pause()
  }
}

/**
 * What root made in the folder of a service would be root's, and out of its reach: from here on the command is its user. `groups`: of the
 * machine, by name, and those of them that there are.
 */
export function becomeOwner(dataDir: string, groups: readonly string[] = []): void {
  const { uid, gid } = statSync(dataDir)
  if (process.getuid?.() !== 0 || uid === 0) return
  process.setgroups?.(groups.filter(isGroup))
  process.setgid?.(gid)
  process.setuid?.(uid)
}

function isGroup(name: string): boolean {
  try {
    return readFileSync('/etc/group', 'utf8').includes(`\n${name}:`)
  } catch {
    return false
  }
}

function checkFolder(dataDir: string): void {
  try {
    if (statSync(dataDir, { throwIfNoEntry: false })?.isDirectory()) return
  } catch (error) {
    throw new PlainError(`data_dir: ${dataDir} cannot be looked into: ${troubleOf(error)}`)
  }
  throw new PlainError(
    `data_dir: ${dataDir} is no folder, or does not exist. Has the box been started once with this configuration?`,
  )
}

async function connected(dataDir: string): Promise<ControlClient | undefined> {
  try {
    return await ControlClient.connect(dataDir)
  } catch (error) {
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error
    throw anotherUsers(dataDir)
  }
}

/** The box and its commands are run by one user, who alone may open what lies in the folder. */
function anotherUsers(dataDir: string): PlainError {
  const { uid } = statSync(dataDir)
  return new PlainError(
    `data_dir: ${dataDir} is another user's, as whom the box runs (user number ${uid}). Run this as that user: sudo -u '#${uid}' ...`,
  )
}

const inUse = (dataDir: string): PlainError =>
  new PlainError(`data_dir: ${dataDir} is in use by another process that does not answer. Wait for it, or stop it.`)
