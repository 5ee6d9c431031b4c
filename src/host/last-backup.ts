import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from './write-whole.ts'

const fileOf = (dataDir: string): string => join(dataDir, 'last-backup')

/** When a backup was last made whole; milliseconds since 1970. Undefined: never, or nobody knows. */
export function lastBackupAt(dataDir: string): number | undefined {
  try {
    const at = Date.parse(readFileSync(fileOf(dataDir), 'latin1').trim())
    return Number.isNaN(at) ? undefined : at
  } catch {
    return undefined
  }
}

/** Where it cannot be noted, the backup is one all the same. */
export function noteBackup(dataDir: string, at: number): void {
  try {
    writeWhole(fileOf(dataDir), `${new Date(at).toISOString()}\n`)
  } catch {
    // The page then reminds somebody of a backup that there is.
  }
}

const DAY_MS = 86_400_000

/** Since the last backup, or since there is a store to lose; undefined: nobody knows. */
export function backupDays(dataDir: string, wall: number): number | undefined {
  const since = lastBackupAt(dataDir) ?? statSync(join(dataDir, 'mailbox'), { throwIfNoEntry: false })?.birthtimeMs
  return since === undefined || since === 0 ? undefined : Math.floor((wall - since) / DAY_MS)
}
