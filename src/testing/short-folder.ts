import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A folder whose path does not grow with that of the checkout: a console folds lines of paths at 80 columns. */
export function shortFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'r-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}
