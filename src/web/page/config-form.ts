import { isDeepStrictEqual } from 'node:util'
import type { ConfigKey, ConfigurationView, ConfigValue } from '../services/configuration.ts'
import { area, checkbox, type FormErrors, field, select } from './form.ts'
import { bytes, duration } from './format.ts'
import { type Html, html } from './html.ts'
import type { ConfigText } from './strings/config.en.ts'
import type { Visit } from './visit.ts'

/** Keys of the configuration as fields of a form, made from their schema: what the file may have the page may have, and nothing else. */

interface Schema {
  readonly type?: string
  readonly anyOf?: readonly Schema[]
  readonly enum?: readonly (string | number)[]
  readonly minimum?: number
  readonly maximum?: number
}

/** Keys whose value is never shown; an empty field leaves it as it is. */
const SECRET = new Set(['xdms.password'])

/** A group of keys with a title. `values`: what the candidate says, in place of what runs. */
export function configFields(
  visit: Visit,
  view: ConfigurationView,
  keys: readonly string[],
  changes: ReadonlyMap<string, ConfigValue>,
  errors: FormErrors,
): Html[] {
  return keys.map(key => {
    const found = view.keys.find(each => each.key === key)!
    const value = changes.has(key) ? (changes.get(key) ?? found.fallback) : found.value
    return configField(visit, found, value, errors[key])
  })
}

function configField(
  visit: Visit,
  { key, schema, fallback }: ConfigKey,
  value: ConfigValue,
  error: string | undefined,
): Html {
  const words: ConfigText = visit.strings.config.keys[key as keyof typeof visit.strings.config.keys]
  const { label } = words
  const shape = schema as Schema
  const hint = [words.hint, isText(shape) ? undefined : standing(visit, key, fallback)].filter(Boolean).join(' ')
  const common = { name: key, label, hint, error }
  if (shape.type === 'boolean') return checkbox({ ...common, isOn: value === true })
  if (shape.enum) {
    const names = words.choices ?? {}
    const choices = shape.enum.map(each => ({ value: String(each), label: names[String(each)] ?? String(each) }))
    return select({ ...common, value: String(value), choices })
  }
  if (shape.type === 'integer')
    return field({
      ...common,
      type: 'number',
      value: value as number,
      ...limits(shape),
      unit: unitOf(visit, key, value as number),
    })
  if (isList(shape)) return area({ ...common, value: [value ?? []].flat().join('\n'), rows: 3 })
  if (SECRET.has(key))
    return field({ ...common, type: 'password', autocomplete: 'new-password', hint: visit.strings.config.secretHint })
  return field({ ...common, value: value as string, isMonospaced: true })
}

const isList = (schema: Schema): boolean => schema.type === 'array' || schema.anyOf !== undefined
const isText = (schema: Schema): boolean => schema.type === 'string' && schema.enum === undefined

const limits = ({ minimum, maximum }: Schema) => ({
  ...(minimum !== undefined && { min: minimum }),
  ...(maximum !== undefined && { max: maximum }),
})

/** What an amount comes to, for whoever does not count in seconds and octets. */
function unitOf(visit: Visit, key: string, value: number): string {
  if (key.endsWith('_s')) return `s = ${duration(visit, value * 1000)}`
  if (key.endsWith('_bytes')) return `B = ${bytes(visit, value)}`
  return key.endsWith('_percent') ? '%' : ''
}

function standing(visit: Visit, key: string, fallback: ConfigValue): string {
  if (fallback === undefined || Array.isArray(fallback) || fallback === '') return ''
  return visit.strings.config.fallback(shownValue(visit, key, fallback))
}

/** For people, e.g. in a list of differences. */
export function shownValue(visit: Visit, key: string, value: ConfigValue): string {
  const { shell, config } = visit.strings
  if (SECRET.has(key)) return value === '' || value === undefined ? config.empty : '••••••'
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return config.empty
  if (typeof value === 'boolean') return value ? shell.yes : shell.no
  if (typeof value === 'number') {
    const unit = unitOf(visit, key, value)
    return unit === '' ? String(value) : `${value} ${unit}`
  }
  return [value].flat().join(', ')
}

/** What the form says otherwise than the box runs with, as changes; fields that are not in it stay as they are. */
export function readConfigForm(
  body: unknown,
  view: ConfigurationView,
  keys: readonly string[],
): { changes: Map<string, ConfigValue>; errors: FormErrors } {
  const changes = new Map<string, ConfigValue>()
  const errors: Record<string, string> = {}
  const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  for (const key of keys) {
    const known = view.keys.find(each => each.key === key)
    const texts = [given[key] ?? []].flat().filter(each => typeof each === 'string')
    if (!known || texts.length === 0 || (SECRET.has(key) && texts[0] === '')) continue
    const value = readValue(known.schema as Schema, texts)
    if (value === undefined) errors[key] = texts.at(-1)!
    else if (!isDeepStrictEqual(value, plain(known.value))) changes.set(key, value)
  }
  return { changes, errors }
}

/** A list of one is written as its element. */
const plain = (value: ConfigValue): ConfigValue =>
  Array.isArray(value) && value.length < 2 ? (value.length === 0 ? value : value) : value

/** Undefined: not what the schema takes at all, e.g. letters for a number. */
function readValue(schema: Schema, texts: readonly string[]): ConfigValue {
  const last = texts.at(-1)!.trim()
  if (schema.type === 'boolean') return last === 'on'
  if (schema.type === 'integer' || typeof schema.enum?.[0] === 'number')
    return /^\d{1,16}$/.test(last) ? Number(last) : undefined
  if (!isList(schema)) return last
  const lines = last
    .split(/[\r\n,]+/)
    .map(line => line.trim())
    .filter(line => line !== '')
  if (schema.type === 'array') return lines
  return lines.length > 1 ? lines : (lines[0] ?? '')
}

export const group = (title: string, fields: readonly Html[]): Html =>
  html`<fieldset><legend>${title}</legend>${fields}</fieldset>`
