import { type BigIntStats, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'

export interface LockOwner {
  /** Undefined: somebody holds it whom this user may not look at. */
  readonly pid: number | undefined
  /** As proc(5) has it: `running`, `sleeping`, `stopped`, `waiting for a disk`. */
  readonly state: string | undefined
}

const STATES: Record<string, string> = {
  R: 'running',
  S: 'sleeping',
  D: 'waiting for a disk',
  T: 'stopped',
  t: 'stopped',
  Z: 'ended',
}

/** Who works on that data folder (`FolderLock`); undefined: nobody. Takes nothing and waits for nobody. */
export function lockOwner(dataDir: string): LockOwner | undefined {
  const folder = statSync(dataDir, { bigint: true, throwIfNoEntry: false })
  if (!folder) return undefined
  const pid = folderHolder(folder)
  if (pid !== undefined) return { pid, state: stateOf(pid) }
  const inode = socketInode(`@restante/${folder.dev}/${folder.ino}`)
  if (inode === undefined) return undefined
  const holder = holderOf(`socket:[${inode}]`)
  return { pid: holder, state: holder === undefined ? undefined : stateOf(holder) }
}

/** proc_locks(5): `1: FLOCK  ADVISORY  WRITE 708 08:01:13548 0 EOF`. The device is not compared: stacked file systems tell another there. */
function folderHolder({ ino }: BigIntStats): number | undefined {
  const columns = read('/proc/locks')
    .split('\n')
    .map(line => line.split(/\s+/))
    .find(([, kind, , , , file]) => kind === 'FLOCK' && file?.endsWith(`:${ino}`))
  return columns && Number(columns[4])
}

/** proc_net(5): the seventh column is the inode, the eighth the name. */
function socketInode(name: string): string | undefined {
  const line = read('/proc/net/unix')
    .split('\n')
    .find(each => each.endsWith(` ${name}`))
  return line?.trim().split(/\s+/)[6]
}

function holderOf(socket: string): number | undefined {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name)))
    for (const fd of entries(`/proc/${pid}/fd`)) if (linkOf(`/proc/${pid}/fd/${fd}`) === socket) return Number(pid)
  return undefined
}

function stateOf(pid: number): string | undefined {
  const letter = /^State:\s+(\S)/m.exec(read(`/proc/${pid}/status`))?.[1]
  return letter && (STATES[letter] ?? letter)
}

/** Of others' processes, and of those that are gone meanwhile, nothing. */
const read = (path: string): string => tried(() => readFileSync(path, 'utf8')) ?? ''
const entries = (path: string): string[] => tried(() => readdirSync(path)) ?? []
const linkOf = (path: string): string | undefined => tried(() => readlinkSync(path))

function tried<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
