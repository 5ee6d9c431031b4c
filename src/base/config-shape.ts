import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { ConfigError, ConfigKeys } from './config-keys.ts'
import { type Config, configSchema, NO_CONTROLS } from './config-schema.ts'
import { nearest } from './nearest.ts'
import { printable, quoted } from './quoted.ts'

/**
 * `verbose` puts the value and its schema into each error, from which the message is made. A schema that TypeBox made is one, and what is run once is not
 * worth making shorter: that would be half of the compiling, which is a tenth of a start.
 */
const OPTIONS = { allErrors: true, useDefaults: true, verbose: true, meta: false, validateSchema: false } as const

let compiled: ValidateFunction<Config> | undefined

const shape = (): ValidateFunction<Config> =>
  (compiled ??= new Ajv({ ...OPTIONS, code: { optimize: false } }).compile<Config>(configSchema))

/**
 * Everything that the schema refuses. Puts defaults in where nothing is written or what is written was refused, so that the
 * checks across keys can still say what they find; refused elements of lists stay as they are.
 */
export function checkShape(value: Record<string, unknown>, keys: ConfigKeys): ConfigError[] {
  const validate = shape()
  if (validate(value)) return []
  const errors = relevant(validate.errors ?? [])
  const misspelt = new Set(errors.map(meantKey).filter(key => key !== undefined && !keys.isWritten(key)))
  const found = errors.map(schemaError).filter(({ key, wrong }) => !(wrong === MISSING && misspelt.has(key)))
  for (const key of misspelt) keys.refuse(key!)
  for (const error of errors) {
    keys.refuse(schemaError(error).key)
    removeFrom(value, error)
  }
  validate(value)
  return found
}

/** Of any other file with keys: what its compiled schema refuses. It has to be compiled with `allErrors` and `verbose`. */
export const checkedShape = (validate: ValidateFunction, value: unknown): ConfigError[] =>
  validate(value) ? [] : relevant(validate.errors ?? []).map(schemaError)

const MISSING = 'missing'

/** What is wrong with a list as a whole is no reason not to look at its elements. */
const OF_LISTS = new Set(['minItems', 'maxItems', 'uniqueItems'])

function removeFrom(root: Record<string, unknown>, error: ErrorObject): void {
  if (OF_LISTS.has(error.keyword) || error.keyword === 'required') return
  const path = error.instancePath.split('/').slice(1)
  if (error.keyword === 'additionalProperties') path.push(String(error.params.additionalProperty))
  const last = path.pop()
  let node: unknown = root
  for (const part of path) node = (node as Record<string, unknown> | undefined)?.[part]
  if (last !== undefined && typeof node === 'object' && node !== null && !Array.isArray(node))
    delete (node as Record<string, unknown>)[last]
}

/** Of a choice between a text and a list, what is wrong with the one that was meant. */
function relevant(errors: readonly ErrorObject[]): ErrorObject[] {
  const choices = errors.filter(error => error.keyword === 'anyOf')
  return errors.filter(error => {
    const choice = choices.find(({ schemaPath }) => error.schemaPath.startsWith(schemaPath))
    if (!choice) return true
    const isOfList = error !== choice && error.instancePath !== choice.instancePath
    return Array.isArray(choice.data) ? isOfList || OF_LISTS.has(error.keyword) : error === choice
  })
}

const keyOf = (instancePath: string): string =>
  instancePath
    .slice(1)
    .split('/')
    .map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : index > 0 ? `.${part}` : part))
    .join('')

const under = (parent: string, name: string): string => {
  const written = /^[\w-]+$/.test(name) ? name : quoted(name)
  return parent === '' ? written : `${parent}.${written}`
}

/** The key that an unknown one was probably meant to be. */
function meantKey(error: ErrorObject): string | undefined {
  if (error.keyword !== 'additionalProperties') return undefined
  const near = nearest(String(error.params.additionalProperty), namesIn(error))
  return near && under(keyOf(error.instancePath), near)
}

const namesIn = (error: ErrorObject): string[] => Object.keys((error.parentSchema as SchemaNode).properties ?? {})

function schemaError(error: ErrorObject): ConfigError {
  const key = keyOf(error.instancePath)
  const schema = error.parentSchema as SchemaNode
  if (error.keyword === 'additionalProperties') {
    const name = String(error.params.additionalProperty)
    const near = nearest(name, namesIn(error))
    const guess = near ? ` (did you mean ${near}?)` : ''
    return { key: under(key, name), wrong: `unknown key${guess}`, allowed: namesIn(error).join(', ') }
  }
  if (error.keyword === 'required') {
    const name = String(error.params.missingProperty)
    return { key: under(key, name), wrong: MISSING, allowed: allowedBy(schema.properties?.[name] ?? {}) }
  }
  return { key, wrong: wrongOf(key, error, schema), allowed: allowedBy(schema) }
}

interface SchemaNode {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly (string | number)[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly properties?: Record<string, SchemaNode>
}

function wrongOf(key: string, error: ErrorObject, schema: SchemaNode): string {
  if (error.keyword === 'minLength' || error.keyword === 'minItems') return 'empty'
  if (error.keyword === 'maxLength') return `longer than ${schema.maxLength} characters`
  if (error.keyword === 'maxItems') return `has more than ${schema.maxItems} entries`
  if (error.keyword === 'uniqueItems') return 'names one twice'
  if (error.keyword === 'pattern' && schema.pattern === NO_CONTROLS) return controlIn(String(error.data))
  return `${shown(key, error.data)} is not valid`
}

function controlIn(text: string): string {
  const at = text.search(/[\x00-\x1f\x7f-\x9f]/)
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')
  return `has a control character, U+${code}, as character ${at + 1}`
}

/** Never the value of a secret, and never much of anything. */
function shown(key: string, value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Date) return 'a date'
  if (typeof value === 'object') return 'a table'
  if (isSecret(key)) return 'the value'
  return typeof value === 'string' ? quoted(value) : printable(String(value))
}

/** What stands where a table [[user]] belongs may be a password as well. */
const isSecret = (key: string): boolean => /^user(\[\d+\])?$/.test(key) || /(password|ha1_\w+)$/.test(key)

function allowedBy(schema: SchemaNode): string {
  if (schema.description) return schema.description
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(', ')
  if (schema.type === 'integer') return `a whole number from ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'object') return 'a table'
  return 'a text'
}
