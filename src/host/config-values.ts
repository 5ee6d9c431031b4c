import { isDeepStrictEqual } from 'node:util'
import { parse } from 'smol-toml'
import type { Config } from '../base/config.ts'
import { configSchema } from '../base/config-schema.ts'
import type { ConfigDifference, ConfigKey, ConfigValue } from '../services/configuration.ts'

/** The configuration as a list of keys, and what is different between two. */

interface SchemaNode {
  readonly type?: string
  readonly default?: ConfigValue
  readonly writeOnly?: boolean
  readonly properties?: Readonly<Record<string, SchemaNode>>
}

/** What waits lies there: it has to be moved by hand, while nothing runs. */
const FIXED = new Set(['data_dir'])

/** In place of a password that is there. */
const HIDDEN = '••••••'

const SCHEMAS: ReadonlyMap<string, SchemaNode> = new Map(schemas())

/** Every key that can be changed, with its schema. Accounts are not among them: they are made on pages of their own. */
function* schemas(): Iterable<[key: string, schema: SchemaNode]> {
  for (const [name, node] of Object.entries(configSchema.properties as Record<string, SchemaNode>)) {
    if (node.type === 'object')
      for (const [inner, schema] of Object.entries(node.properties!)) yield [`${name}.${inner}`, schema]
    else if (name !== 'user') yield [name, node]
  }
}

export const isKey = (key: string): boolean => SCHEMAS.has(key)
export const isFixed = (key: string): boolean => FIXED.has(key)

/** `text`: of the file that it was read from. */
export function keysOf(text: string, config: Config): ConfigKey[] {
  const written = parse(text) as Record<string, unknown>
  return [...SCHEMAS].map(([key, schema]) => ({
    key,
    value: shown(key, valueIn(config, key)),
    fallback: schema.default,
    isWritten: at(written, key) !== undefined,
    isSecret: isSecret(key),
    isFixed: isFixed(key),
    schema,
  }))
}

export function differencesOf(before: Config, after: Config): ConfigDifference[] {
  return [...SCHEMAS.keys()].flatMap(key => {
    const values = [valueIn(before, key), valueIn(after, key)]
    if (isDeepStrictEqual(values[0], values[1])) return []
    return [{ key, before: shown(key, values[0]), after: shown(key, values[1]) }]
  })
}

/** Without what only the box has to know. */
export const publicOf = ({ user: _, ...config }: Config): Omit<Config, 'user'> => ({
  ...config,
  xdms: { ...config.xdms, password: shown('xdms.password', config.xdms.password) as string },
})

const isSecret = (key: string): boolean => SCHEMAS.get(key)?.writeOnly === true

const shown = (key: string, value: ConfigValue): ConfigValue =>
  isSecret(key) && value !== undefined && value !== '' ? HIDDEN : value

const valueIn = (config: Config, key: string): ConfigValue =>
  at(config as unknown as Record<string, unknown>, key) as ConfigValue

function at(tables: Record<string, unknown>, key: string): unknown {
  const [first, second] = key.split('.') as [string, string?]
  const value = tables[first]
  return second === undefined ? value : (value as Record<string, unknown> | undefined)?.[second]
}
