import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { type Config, loadConfig } from '../../base/config.ts'
import { decodeConfig } from '../../base/config-text.ts'
import { editConfig } from '../config-edit.ts'
import { whyUnreadable } from '../config-file.ts'
import { troubleOf } from '../plain-error.ts'

/** A file that people wrote has a handful of errors; each round takes out one at least. */
const ROUNDS_MAX = 500
/** Stands where the file names no domain that could be served: nobody can have it (RFC 6761 6.4). */
const NO_DOMAIN = 'unset.invalid'

export interface MendedConfig {
  readonly text: string
  readonly config: Config
  /** What was wrong, each as the command `check` says it; empty: nothing was. */
  readonly errors: readonly string[]
}

/**
 * A configuration file, and where it cannot be served, as much of it as can: lines that are no TOML are made comments, keys with values that
 * are not allowed go, and the defaults stand. Never throws.
 */
export function mendedConfig(file: string): MendedConfig {
  const read = textOf(file)
  let text = read.text
  const errors: string[] = [...read.errors]
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const loaded = loadConfig(text, file, hostname(), whyUnreadable)
    if ('config' in loaded) return { text, config: loaded.config, errors }
    errors.push(...loaded.errors)
    text = loaded.found.length === 0 ? withoutLine(text, loaded.errors[0]!) : withoutKeys(text, loaded.found)
  }
  return { text: ALONE, config: configOf(ALONE, file), errors }
}

const ALONE = `domain = "${NO_DOMAIN}"\n`

function configOf(text: string, file: string): Config {
  const loaded = loadConfig(text, file, hostname(), whyUnreadable)
  if ('config' in loaded) return loaded.config
  throw new Error(loaded.errors.join('\n'))
}

function textOf(file: string): { text: string; errors: readonly string[] } {
  try {
    const decoded = decodeConfig(readFileSync(file), file)
    return 'errors' in decoded ? { text: '', errors: decoded.errors } : { text: decoded.text, errors: [] }
  } catch (error) {
    return { text: '', errors: [`${file}: cannot be read: ${troubleOf(error)}`] }
  }
}

/** Of a string or a list that does not end the parser names a line behind: the last one that still says something goes then. */
function withoutLine(text: string, error: string): string {
  const lines = text.split('\n')
  const named = Number(/:(\d+):\d+: /.exec(error)?.[1] ?? lines.length) - 1
  const says = (line: string | undefined): boolean => line !== undefined && !/^\s*(#|$)/.test(line)
  const at = says(lines[named]) ? named : lines.findLastIndex((line, index) => index <= named && says(line))
  const wrong = at < 0 ? lines.findIndex(says) : at
  if (wrong < 0) return ALONE
  lines[wrong] = `# ${lines[wrong]}`
  return lines.join('\n')
}

/** Of a list of tables, e.g. `user[2].aor`, no key alone can be taken. */
const SIMPLE = /^[\w-]+(\.[\w-]+)?$/

function withoutKeys(text: string, found: readonly { readonly key: string }[]): string {
  const changes = new Map<string, string | undefined>()
  for (const { key } of found)
    if (key === 'domain') changes.set(key, NO_DOMAIN)
    else changes.set(SIMPLE.test(key) ? key : key.split(/[.[]/)[0]!, undefined)
  return editConfig(text, changes).text
}
