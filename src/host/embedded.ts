import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedFile, isOneFile, PROGRAM_ROOT } from '../embedded.ts'
import { PlainError } from './plain-error.ts'

const loaded = new Map<string, unknown>()

/**
 * What a compiled addon exports. In a checkout those of `native/` lie in node_modules/.native, where scripts/lib/native puts them; in the one
 * file all of them are inside. Throws where it cannot be loaded: not compiled here, or no folder whose programs may be run.
 */
export function addon(name: string): unknown {
  const found = loaded.get(name) ?? (isOneFile ? fromInside(name) : fromCheckout(name))
  loaded.set(name, found)
  return found
}

const fromCheckout = (name: string): unknown =>
  createRequire(join(PROGRAM_ROOT, 'package.json'))(`./node_modules/.native/${name}-linux-${process.arch}.node`)

/** The system loads code from files alone: one is written, loaded and removed at once. Debian mounts /run without leave to run anything. */
function fromInside(name: string): unknown {
  const bytes = embeddedFile(`addons/${name}.node`)
  const refused: string[] = []
  for (const folder of foldersToRunFrom()) {
    try {
      return loadedFrom(folder, name, bytes)
    } catch (error) {
      refused.push(`${folder}: ${(error as Error).message}`)
    }
  }
  throw new PlainError(
    `A part of the program (${name}) cannot be loaded: no folder allows it (${refused.join('; ')}). Let TMPDIR name a folder that is not mounted noexec.`,
  )
}

function loadedFrom(parent: string, name: string, bytes: Buffer): unknown {
  const folder = mkdtempSync(join(parent, 'restante-'))
  try {
    const file = join(folder, `${name}.node`)
    writeFileSync(file, bytes, { mode: 0o700 })
    const module: { exports: unknown } = { exports: {} }
    process.dlopen(module, file, constants.dlopen.RTLD_NOW)
    return module.exports
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** In memory first. */
const foldersToRunFrom = (): string[] => {
  const { RUNTIME_DIRECTORY = '', TMPDIR } = process.env
  const named = [...RUNTIME_DIRECTORY.split(':'), TMPDIR ?? '']
  return [...new Set([...named.filter(folder => folder !== ''), '/dev/shm', tmpdir()])]
}
