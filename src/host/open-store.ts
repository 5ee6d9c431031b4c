import { statfsSync } from 'node:fs'
import type { Config } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import { LmdbStore } from './lmdb.ts'
import { PlainError, troubleOf } from './plain-error.ts'
import type { Store } from './watched-store.ts'

const GIB = 2 ** 30

/** Address space, not memory and not disk: as much as the folder's file system could ever hold, within what every 64-bit CPU maps. */
const MAP_BYTES_MAX = 1024 * GIB

/** As much as the store of that folder can ever become. */
export function mapBytesOf(dataDir: string): number {
  const { blocks, bsize } = statfsSync(dataDir)
  return Math.min(Math.max(Math.ceil((blocks * bsize) / GIB), 1) * GIB, MAP_BYTES_MAX)
}

/** The store of a data folder whose lock is held. */
export async function openStore(dataDir: string, { hostname }: Config, log: Log): Promise<Store> {
  try {
    return await LmdbStore.open({ dir: dataDir, hostname, mapBytes: mapBytesOf(dataDir), log })
  } catch (error) {
    throw new PlainError(`${dataDir}: the store cannot be opened: ${troubleOf(error)}`)
  }
}
