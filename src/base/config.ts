import { Ajv, type ErrorObject } from 'ajv'
import { parse, TomlError } from 'smol-toml'
import { parseEndpoint } from './address.ts'
import { type ConfigError, checkConfig, listOf } from './config-check.ts'
import { type Config, configSchema, type ListenKey } from './config-schema.ts'
import type { Endpoint, Transport } from './flow.ts'

export type { Config }

/** `verbose` puts the value and its schema into each error, from which the message is made. */
const validate = new Ajv({ allErrors: true, useDefaults: true, verbose: true }).compile<Config>(configSchema)

export type Loaded = { readonly config: Config } | { readonly errors: readonly string[] }

/**
 * A checked configuration with every default filled in, or every error at once as `FILE:KEY: what is wrong, what is
 * allowed`. `systemName` stands in for `hostname`.
 */
export function loadConfig(text: string, fileName: string, systemName = 'localhost'): Loaded {
  let value: Record<string, unknown>
  try {
    value = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    return { errors: [`${fileName}:${error.line}:${error.column}: ${tomlReason(error)}`] }
  }
  const written = (errors: readonly ConfigError[]) => ({
    errors: errors.map(({ key, wrong, allowed }) => `${fileName}:${key}: ${wrong}, allowed: ${allowed}`),
  })
  const errors = validate(value) ? [] : relevant(validate.errors ?? [])
  const found = errors.map(schemaError)
  for (const error of errors) removeAt(value, error)
  if (errors.length > 0 && !validate(value)) return written(found)
  const config = withNames(value as Config, systemName)
  found.push(...checkConfig(config).filter(error => !isFollowOf(found, error)))
  return found.length > 0 ? written(found) : { config }
}

/** Puts the default in place of what the schema refused, so that the checks across keys can still say what they find. */
function removeAt(root: Record<string, unknown>, error: ErrorObject): void {
  const path = error.instancePath.split('/').slice(1)
  if (error.keyword === 'additionalProperties') path.push(String(error.params.additionalProperty))
  const last = path.pop()
  let node: unknown = root
  for (const part of path) node = (node as Record<string, unknown> | undefined)?.[part]
  if (last !== undefined && typeof node === 'object' && node !== null && !Array.isArray(node))
    delete (node as Record<string, unknown>)[last]
}

/** An error that may only come of the default that was put in place. */
const isFollowOf = (found: readonly ConfigError[], error: ConfigError): boolean =>
  found.some(({ key }) => key.startsWith(error.key) || error.wrong.includes(key) || error.allowed.includes(key))

const withNames = (config: Config, systemName: string): Config => {
  const domain = config.domain.toLowerCase()
  const { history } = config
  return {
    ...config,
    domain,
    hostname: (config.hostname || systemName).toLowerCase(),
    history: {
      ...history,
      uri: history.uri || `sip:history@${domain}`,
      deferred_uri: history.deferred_uri || `sip:deferred@${domain}`,
    },
  }
}

/** The library's message goes on with a picture of the line, which may hold a password. */
const tomlReason = (error: TomlError): string => {
  const first = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '')
  return `${first}, allowed: TOML 1.0`
}

/** Of a choice that failed as a whole, not also why each of its branches failed. */
const relevant = (errors: readonly ErrorObject[]): ErrorObject[] => {
  const choices = errors.filter(error => error.keyword === 'anyOf').map(error => error.schemaPath)
  return errors.filter(error => !choices.some(path => error.schemaPath.startsWith(`${path}/`)))
}

const keyOf = (instancePath: string): string =>
  instancePath
    .slice(1)
    .split('/')
    .map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : index > 0 ? `.${part}` : part))
    .join('')

const under = (parent: string, name: string): string => (parent === '' ? name : `${parent}.${name}`)

function schemaError(error: ErrorObject): ConfigError {
  const key = keyOf(error.instancePath)
  const schema = (error.parentSchema ?? {}) as SchemaNode
  if (error.keyword === 'additionalProperties') {
    const name = String(error.params.additionalProperty)
    const names = Object.keys(schema.properties ?? {})
    const near = nearest(name, names)
    const guess = near ? ` (did you mean ${near}?)` : ''
    return { key: under(key, name), wrong: `unknown key${guess}`, allowed: names.join(', ') }
  }
  if (error.keyword === 'required') {
    const name = String(error.params.missingProperty)
    return { key: under(key, name), wrong: 'missing', allowed: allowedBy(schema.properties?.[name] ?? {}) }
  }
  return { key, wrong: `${shown(key, error.data)} is not valid`, allowed: allowedBy(schema) }
}

interface SchemaNode {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly (string | number)[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly properties?: Record<string, SchemaNode>
}

/** Never the value of a secret, and never much of anything. */
const shown = (key: string, value: unknown): string => {
  if (/(password|ha1_\w+)$/.test(key)) return 'the value'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

function allowedBy(schema: SchemaNode): string {
  if (schema.description) return schema.description
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(', ')
  if (schema.type === 'integer') return `a whole number from ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'object') return 'a table'
  if (schema.type === 'string' && schema.maxLength)
    return `a text of ${schema.minLength ?? 0} to ${schema.maxLength} characters`
  return 'a text'
}

const nearest = (name: string, names: readonly string[]): string | undefined => {
  const best = names
    .map(candidate => ({ candidate, distance: editDistance(name.toLowerCase(), candidate) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return best && best.distance <= Math.max(2, name.length / 3) ? best.candidate : undefined
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= Math.min(a.length, 64); i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

export interface ConfiguredListener {
  readonly transport: Transport
  readonly endpoint: Endpoint
  /** For messages, e.g. `listen.sip_udp`. */
  readonly key: string
}

const configured = (config: Config, key: ListenKey, transport: Transport): ConfiguredListener[] =>
  listOf(config.listen[key]).map(text => ({ transport, endpoint: parseEndpoint(text)!, key: `listen.${key}` }))

export const listeners = (config: Config): { sip: ConfiguredListener[]; msrp: ConfiguredListener[] } => ({
  sip: [
    ...configured(config, 'sip_udp', 'udp'),
    ...configured(config, 'sip_tcp', 'tcp'),
    ...configured(config, 'sip_tls', 'tls'),
    ...configured(config, 'sip_ws', 'ws'),
  ],
  msrp: [...configured(config, 'msrp_tcp', 'tcp'), ...configured(config, 'msrp_tls', 'tls')],
})

export const httpListeners = (config: Config): ConfiguredListener[] => configured(config, 'http', 'tcp')
