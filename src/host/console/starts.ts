import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reset } from '../../services/status.ts'
import { isReset } from '../watchdog/run-book.ts'

/** Why the box was started, the latest first, as it wrote that down (`RunBook`); nothing where that cannot be read. */
export function startsIn(dataDir: string): readonly Reset[] {
  const { resets } = bookIn(dataDir)
  return Array.isArray(resets) ? resets.filter(isReset) : []
}

/** How often; undefined where that cannot be read. */
export function startCountIn(dataDir: string): number | undefined {
  const { starts } = bookIn(dataDir)
  return typeof starts === 'number' ? starts : undefined
}

function bookIn(dataDir: string): { readonly starts?: unknown; readonly resets?: unknown } {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'runs.json'), 'utf8')) ?? {}
  } catch {
    return {}
  }
}
