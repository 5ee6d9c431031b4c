import { readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parse, stringify } from 'smol-toml'
import { type Config, loadConfig } from '../base/config.ts'
import type { ResetLevel } from '../services/diagnosis.ts'
import { type ConfigValue, editConfig } from './config-edit.ts'
import { whyUnreadable } from './config-file.ts'

interface Asked {
  readonly dataDir: string
  readonly level: ResetLevel
  readonly file: string
  readonly target: string
  readonly shipped?: string | undefined
}

/** As many octets as a configuration may have. */
const BYTES_MAX = 8_000_000

/**
 * What stays where accounts and messages stay: whose they are, where they lie, who the box is. Without `domain` nobody could sign in any more,
 * and without `[[user]]` the accounts of the file would go, with all that waits for them.
 */
const IDENTITY = ['domain', 'hostname', 'tls.certificate', 'tls.key'] as const

/**
 * What `target` has after the reset; `text` undefined: it goes, and `file` stands. Undefined: nobody knows what the box was shipped with, or
 * that cannot be read.
 */
export function configurationAfter(asked: Asked): { readonly text: string | undefined } | undefined {
  const { file, target, shipped, level, dataDir } = asked
  const isApart = resolve(file) !== resolve(target)
  const base = textOf(shipped ?? (isApart ? file : undefined))
  if (base === undefined) return undefined
  const present = textOf(target) ?? textOf(file)
  const wanted = [...(level === 'config' && present !== undefined ? [withIdentity(base, present)] : []), base].map(
    text => text && inFolder(text, dataDir),
  )
  const text = wanted.find(each => each !== undefined && configOf(each))
  if (text === undefined) return undefined
  return { text: isApart && text === textOf(file) ? undefined : text }
}

/** Where the box of that configuration keeps its data, also where it has errors. */
export function dataDirIn(file: string): string | undefined {
  const text = textOf(file)
  if (text === undefined) return undefined
  const config = configOf(text)
  if (config) return resolve(config.data_dir)
  const [, quoted] = /^[ \t]*data_dir[ \t]*=[ \t]*["']([^"'\\\n]+)["']/m.exec(text) ?? []
  return quoted === undefined ? undefined : resolve(quoted)
}

/** Also of a configuration with errors in other keys: accounts of its file would go with all that waits for them. */
function withIdentity(base: string, present: string): string | undefined {
  const before = tableOf(present)
  if (!before) return undefined
  const values = IDENTITY.map(key => [key, valueIn(before, key) as ConfigValue] as const)
  const named = values.filter(([key, value]) => key !== 'domain' || value !== undefined)
  return withUsers(edited(base, new Map(named)), before.user)
}

/** Only what differs, so that a file that says the same stays as its author wrote it. */
function edited(text: string, wanted: ReadonlyMap<string, ConfigValue>): string {
  const table = tableOf(text) ?? {}
  const changes = [...wanted].filter(([key, value]) => !isDeepStrictEqual(valueIn(table, key), value))
  return editConfig(text, new Map(changes)).text
}

function withUsers(text: string, user: unknown): string {
  const table = tableOf(text) ?? {}
  if (isDeepStrictEqual(table.user, user)) return text
  if (table.user === undefined) return `${text.trimEnd()}\n\n${stringify({ user })}`
  const { user: _, ...others } = table
  return stringify(user === undefined ? others : { ...others, user })
}

function inFolder(text: string, dataDir: string): string {
  const config = configOf(text)
  if (!config || isSameFolder(config.data_dir, dataDir)) return text
  return edited(text, new Map([['data_dir', dataDir]]))
}

/** By any name: a link may lead there. */
function isSameFolder(a: string, b: string): boolean {
  const [first, second] = [a, b].map(path => statSync(resolve(path), { throwIfNoEntry: false }))
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev
}

type Table = Record<string, unknown>

function valueIn(table: Table, key: string): unknown {
  const [first = '', second] = key.split('.')
  return second === undefined ? table[first] : (table[first] as Table | undefined)?.[second]
}

function tableOf(text: string): Table | undefined {
  try {
    return parse(text)
  } catch {
    return undefined
  }
}

function configOf(text: string): Config | undefined {
  const loaded = loadConfig(text, 'the configuration', hostname(), whyUnreadable)
  return 'errors' in loaded ? undefined : loaded.config
}

function textOf(file: string | undefined): string | undefined {
  try {
    if (file === undefined || !statSync(file).isFile() || statSync(file).size > BYTES_MAX) return undefined
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '')
  } catch {
    return undefined
  }
}
