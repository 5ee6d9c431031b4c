import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeptData } from '../services/backup.ts'
import { folderBytes } from './folder-size.ts'
import { isKeptName } from './restore-swap.ts'

/** What stood in the box before its restores, the newest first. */
export async function keptData(dataDir: string): Promise<KeptData[]> {
  const names = readdirSync(dataDir).filter(isKeptName).sort().reverse()
  return Promise.all(names.map(async name => ({ name, bytes: await folderBytes(join(dataDir, name)) })))
}

/** False: there is none of that name. */
export async function removeKept(dataDir: string, name: string): Promise<boolean> {
  if (!isKeptName(name) || !readdirSync(dataDir).includes(name)) return false
  await rm(join(dataDir, name), { recursive: true })
  return true
}
