import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { type Config, loadConfig } from '../base/config.ts'
import { messageOf, PlainError } from '../host/plain-error.ts'

const DEFAULT_FILES = ['restante.toml', '/etc/restante/restante.toml']

/** The file named, or the first of the default ones that exists. */
export function configFile(named: string | undefined): string {
  const file = named ?? DEFAULT_FILES.find(candidate => existsSync(candidate))
  if (file !== undefined) return file
  throw new PlainError(
    `No configuration: neither ./${DEFAULT_FILES[0]} nor ${DEFAULT_FILES[1]} exists. Name one with --config FILE.`,
  )
}

/** Throws with every error, one a line. */
export function readConfig(named: string | undefined): { file: string; config: Config } {
  const file = configFile(named)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new PlainError(`${file}: cannot be read: ${messageOf(error)}.`)
  }
  const loaded = loadConfig(text, file, hostname())
  if ('errors' in loaded) throw new PlainError(loaded.errors.join('\n'))
  const missing = (['certificate', 'key'] as const).filter(key => !isReadable(loaded.config.tls[key]))
  if (missing.length === 0) return { file, config: loaded.config }
  const errors = missing.map(key => `${file}:tls.${key}: cannot be read, allowed: a PEM file that this user may read`)
  throw new PlainError(errors.join('\n'))
}

const isReadable = (path: string): boolean => {
  if (path === '') return true
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
