import { readFileSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import { LmdbStore } from './lmdb.ts'
import { StoreDamage } from './lmdb-file.ts'
import { messageOf, StoreDamaged, StoreTrouble, troubleOf } from './plain-error.ts'
import { heldFor } from './store-hold.ts'
import type { Store } from './watched-store.ts'

const GIB = 2 ** 30

/** Address space, not memory and not disk. Some kernels give a program on arm64 no more than 512 GiB of it, all others 128 TiB and more. */
const MAP_BYTES_MAX = (process.arch === 'arm64' ? 256 : 1024) * GIB

/** As much as the store of that folder can ever become: as its file system can hold, within half of what the process may address (ulimit -v). */
export function mapBytesOf(dataDir: string, limits = '/proc/self/limits'): number {
  const { blocks, bsize } = statfsSync(dataDir)
  return Math.max(Math.min(Math.ceil((blocks * bsize) / GIB) * GIB, addressableBytes(limits) / 2, MAP_BYTES_MAX), GIB)
}

/** A container without /proc has no limit that is known. */
function addressableBytes(limits: string): number {
  try {
    const [, bytes] = /^Max address space +(\d+)/m.exec(readFileSync(limits, 'latin1')) ?? []
    return bytes === undefined ? Number.POSITIVE_INFINITY : Number(bytes)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** The store of a data folder whose lock is held. */
export async function openStore(dataDir: string, { hostname }: Config, log: Log): Promise<Store> {
  const held = heldFor(dataDir)
  if (held !== undefined) throw new StoreTrouble(`${dataDir}: the store is not opened: ${held}. ${remedy(dataDir)}`)
  try {
    return await LmdbStore.open({ dir: dataDir, hostname, mapBytes: mapBytesOf(dataDir), log })
  } catch (error) {
    const damage = damageIn(error, dataDir)
    if (damage !== undefined) throw new StoreDamaged(`${dataDir}: the store cannot be opened: ${damage}`)
    throw new StoreTrouble(`${dataDir}: the store cannot be opened: ${troubleOf(error)}`)
  }
}

/** What the library says of pages that are not what they should be. */
const LIBRARY_DAMAGE = /^MDB_(CORRUPTED|PAGE_NOTFOUND|PANIC|INVALID|VERSION_MISMATCH|BAD_\w+|INCOMPATIBLE)/

function damageIn(error: unknown, dataDir: string): string | undefined {
  const message = messageOf(error)
  const isLibrary = LIBRARY_DAMAGE.test(message)
  if (!isLibrary && !(error instanceof StoreDamage)) return undefined
  const reason = isLibrary ? `pages of ${join(dataDir, 'mailbox', 'data.mdb')} are damaged` : message
  return `${reason}. Nothing was changed. ${remedy(dataDir)}`
}

const remedy = (dataDir: string): string =>
  `Put a backup in its place (\`restante restore FILE\`); or move ${join(dataDir, 'mailbox')} away to begin with an empty store: what waited there is not delivered then.`
