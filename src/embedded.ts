import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getAssetKeys, getRawAsset, isSea } from 'node:sea'

/** Files that travel with the program: beside it in a checkout, inside of it where it was built as one file (docs/building.md). */

export const isOneFile = isSea()

/** Of the checkout; unused where the program is one file. */
export const PROGRAM_ROOT = join(import.meta.dirname, '..')

const inside: ReadonlySet<string> = new Set(isOneFile ? getAssetKeys() : [])

/** `name`: its path in the checkout, e.g. `docs/manual.md`. Not to be written to. Undefined: this build has no such file. */
export function foundEmbedded(name: string): Buffer | undefined {
  if (isOneFile) return inside.has(name) ? Buffer.from(getRawAsset(name)) : undefined
  try {
    return readFileSync(join(PROGRAM_ROOT, name))
  } catch {
    return undefined
  }
}

/** For what every build has. */
export function embeddedFile(name: string): Buffer {
  const found = foundEmbedded(name)
  if (!found) throw new Error(`${name} did not travel with the program`)
  return found
}
