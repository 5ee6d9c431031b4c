import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { type Config, loadConfig } from '../base/config.ts'
import { decodeConfig } from '../base/config-text.ts'
import { PlainError, reasonOf, troubleOf } from './plain-error.ts'

const DEFAULT_FILES = ['restante.toml', '/etc/restante/restante.toml']

/** As many accounts as may stand in a file, each with eight hundred characters. */
const BYTES_MAX = 8_000_000

const PART_BYTES = 65536

/** The file named, or the first of the default ones that is there. */
export function configFile(named: string | undefined): string {
  const file = named ?? DEFAULT_FILES.find(isThere)
  if (file) return file
  if (named === '') throw new PlainError('--config names no file. Give its path.')
  throw new PlainError(
    `No configuration: neither ./${DEFAULT_FILES[0]} nor ${DEFAULT_FILES[1]} exists. Name one with --config FILE, or write one: domain = "example.org" with your own domain is enough.`,
  )
}

/** Also where this user may not look: what is wrong is then told of that file. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

/** Throws with every error, one a line. */
export function readConfig(named: string | undefined): { file: string; text: string; config: Config } {
  const file = configFile(named)
  const decoded = decodeConfig(bytesOf(file), file)
  if ('errors' in decoded) throw new PlainError(decoded.errors.join('\n'))
  const loaded = loadConfig(decoded.text, file, hostname(), whyUnreadable)
  if ('errors' in loaded) throw new PlainError(loaded.errors.join('\n'))
  return { file, text: decoded.text, config: loaded.config }
}

function bytesOf(file: string): Buffer {
  let bytes: Buffer | undefined
  try {
    const wrong = notText(statSync(file))
    if (wrong) throw new PlainError(`${file}: cannot be read: it is ${wrong}. Name a file of TOML with --config FILE.`)
    bytes = readAtMost(file, BYTES_MAX)
  } catch (error) {
    if (error instanceof PlainError) throw error
    throw new PlainError(`${file}: cannot be read: ${troubleOf(error)}`)
  }
  if (bytes) return bytes
  throw new PlainError(
    `${file}: is larger than ${BYTES_MAX} bytes. Is it the configuration? Make accounts with \`user add\` instead of [[user]].`,
  )
}

/** A pipe is fine: `--config <(...)`. A device may never end. */
function notText(status: Stats): string | undefined {
  if (status.isFile() || status.isFIFO()) return undefined
  return status.isDirectory() ? 'a folder' : 'a device or a socket'
}

/** Undefined where there is more. */
function readAtMost(path: string, bytesMax: number): Buffer | undefined {
  const parts: Buffer[] = []
  const file = openSync(path, 'r')
  try {
    for (let total = 0; total <= bytesMax; ) {
      const part = Buffer.alloc(PART_BYTES)
      const count = readSync(file, part)
      if (count === 0) return Buffer.concat(parts)
      parts.push(part.subarray(0, count))
      total += count
    }
    return undefined
  } finally {
    closeSync(file)
  }
}

/** Why a file that the configuration names cannot be read, in plain words; undefined where it can. */
export function whyUnreadable(path: string): string | undefined {
  try {
    const status = statSync(path)
    if (status.isFile()) closeSync(openSync(path, 'r'))
    else return status.isDirectory() ? 'it is a folder' : 'it is no file'
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}
