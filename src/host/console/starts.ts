import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Reset } from '../../services/status.ts'

/** Why the box was started, the latest first, as it wrote that down (`RunBook`); nothing where that cannot be read. */
export function startsIn(dataDir: string): readonly Reset[] {
  try {
    const book: { resets?: readonly Reset[] } | null = JSON.parse(readFileSync(join(dataDir, 'runs.json'), 'utf8'))
    return Array.isArray(book?.resets) ? book.resets : []
  } catch {
    return []
  }
}
