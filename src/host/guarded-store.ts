import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../base/log.ts'
import type { ServeOptions } from './box-options.ts'
import { faultIn } from './lmdb-examined.ts'
import { codeOf, StoreTrouble, troubleOf } from './plain-error.ts'
import { heldFor, holdStore } from './store-hold.ts'
import type { NativeEnds } from './watchdog/native-ends.ts'

/** A third time is no accident, whatever was found in the file. */
const ENDS_MAX = 3

type OpenStore = ServeOptions['openStore']

interface Guard {
  readonly ends: NativeEnds
  /** The look takes as long as reading the file: called again and again meanwhile. */
  readonly told: () => void
}

/**
 * After a run that ended in compiled code the file is looked through before the library has it again; one that is damaged, or that ended
 * three runs while they opened it, is not opened any more.
 */
export function guardedStore(openStore: OpenStore, { ends, told }: Guard): OpenStore {
  let isLooked = !ends.isLast
  let own: string | undefined
  return async (dataDir, config, log) => {
    own ??= dataDir
    // A backup that is looked at: what it does says nothing of the store here.
    if (dataDir !== own) return openStore(dataDir, config, log)
    if (!isLooked && heldFor(dataDir) === undefined) await look(dataDir, ends, log, told)
    isLooked = true
    ends.opening()
    try {
      return await openStore(dataDir, config, log)
    } finally {
      ends.opened()
    }
  }
}

async function look(dataDir: string, { whileOpening }: NativeEnds, log: Log, told: () => void): Promise<void> {
  log.warn('the run before ended in compiled code: the store is looked through before it is opened')
  const path = join(dataDir, 'mailbox', 'data.mdb')
  const fault = await faultOf(path, dataDir, told)
  const reason =
    fault !== undefined
      ? `pages of ${path} are damaged (${fault})`
      : whileOpening >= ENDS_MAX && `it ended the program ${whileOpening} times within an hour`
  if (!reason) return log.info('nothing is wrong with the store')
  log.error('the store is not opened any more', { reason })
  holdStore(dataDir, reason)
}

async function faultOf(path: string, dataDir: string, told: () => void): Promise<string | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      return await faultIn(file, told)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new StoreTrouble(`${dataDir}: the store cannot be read: ${troubleOf(error)}`)
  }
}
