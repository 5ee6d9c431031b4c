import { isDeepStrictEqual } from 'node:util'
import type { ConfigKey, ConfigurationView, ConfigValue, KeySchema } from '../../services/configuration.ts'
import { area, checkbox, type FormErrors, field, select } from './form.ts'
import { bytes, duration } from './format.ts'
import { type Html, html } from './html.ts'
import type { ConfigText } from './strings/config.en.ts'
import type { Visit } from './visit.ts'

/** Keys of the configuration as fields of a form, made from their schema: what the file may have the page may have, and nothing else. */

/** A secret that goes when the field beside it is emptied; an empty field alone leaves it as it is. */
const GOES_WITH: Readonly<Record<string, string>> = { 'xdms.password': 'xdms.user' }

/** The fields of these keys. `changes`: what the candidate says, in place of what stands. */
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

function configField(visit: Visit, found: ConfigKey, value: ConfigValue, error: string | undefined): Html {
  const { key, schema, isSecret, isFixed } = found
  const words = wordsOf(visit, key)
  if (isFixed) return fixed(words, value)
  const hint = [words.hint, isText(schema) ? undefined : standing(visit, found)].filter(Boolean).join(' ')
  const common = { name: key, label: words.label, ...(hint !== '' && { hint }), error }
  if (isSecret)
    return field({ ...common, type: 'password', autocomplete: 'new-password', hint: secretHint(visit, found) })
  if (schema.type === 'boolean') return checkbox({ ...common, isOn: value === true })
  if (schema.enum) {
    const choices = schema.enum.map(each => ({ value: String(each), label: choiceName(words, each) }))
    return select({ ...common, value: String(value), choices })
  }
  if (schema.type === 'integer')
    return field({
      ...common,
      type: 'number',
      value: value as number,
      ...limits(schema),
      unit: unitOf(visit, key, value as number),
    })
  if (isList(schema))
    return area({ ...common, value: [value ?? []].flat().join('\n'), rows: Math.max(2, [value].flat().length + 1) })
  return field({ ...common, value: (value ?? '') as string, isMonospaced: true })
}

const wordsOf = ({ strings }: Visit, key: string): ConfigText =>
  strings.config.keys[key as keyof typeof strings.config.keys]

const fixed = ({ label, hint }: ConfigText, value: ConfigValue): Html =>
  html`<div class="field"><span class="label">${label}</span>${hint !== undefined && html`<p class="hint">${hint}</p>`}<code>${String(value)}</code></div>`

const secretHint = ({ strings }: Visit, { value }: ConfigKey): string =>
  value === '' || value === undefined ? strings.config.noSecretHint : strings.config.secretHint

const choiceName = ({ choices }: ConfigText, value: string | number): string =>
  choices?.[String(value)] ?? String(value)

const isList = (schema: KeySchema): boolean => schema.type === 'array' || schema.anyOf !== undefined
const isText = (schema: KeySchema): boolean => schema.type === 'string' && schema.enum === undefined

const limits = ({ minimum, maximum }: KeySchema) => ({
  ...(minimum !== undefined && { min: minimum }),
  ...(maximum !== undefined && { max: maximum }),
})

/** What an amount comes to, for whoever does not count in seconds and octets. */
function unitOf(visit: Visit, key: string, value: number): string {
  if (!Number.isFinite(value)) return ''
  if (key.endsWith('_s')) return `s = ${duration(visit, value * 1000)}`
  if (key.endsWith('_bytes')) return `B = ${bytes(visit, value)}`
  return key.endsWith('_percent') ? '%' : ''
}

function standing(visit: Visit, { key, fallback }: ConfigKey): string {
  if (fallback === undefined || Array.isArray(fallback) || fallback === '') return ''
  return visit.strings.config.fallback(shownValue(visit, key, fallback))
}

/** For people, e.g. in a list of differences. */
export function shownValue(visit: Visit, key: string, value: ConfigValue): string {
  const { shell, config } = visit.strings
  if (value === undefined || value === '' || (Array.isArray(value) && value.length === 0)) return config.empty
  if (typeof value === 'boolean') return value ? shell.yes : shell.no
  if (typeof value === 'number') {
    const unit = unitOf(visit, key, value)
    return unit === '' ? choiceName(wordsOf(visit, key), value) : `${value} ${unit}`
  }
  return [value]
    .flat()
    .map(each => choiceName(wordsOf(visit, key), each))
    .join(', ')
}

/** What the form says otherwise than the file, as changes; fields that are not in it stay as they are. `errors`: in words of the visitor. */
export function readConfigForm(
  visit: Visit,
  body: unknown,
  view: ConfigurationView,
  keys: readonly string[],
): { changes: Map<string, ConfigValue>; errors: FormErrors } {
  const changes = new Map<string, ConfigValue>()
  const errors: Record<string, string> = {}
  const given = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  for (const key of keys) {
    const known = view.keys.find(each => each.key === key)
    const texts = textsOf(given, key)
    if (!known || known.isFixed || texts.length === 0) continue
    const value = known.isSecret ? readSecret(given, key, texts[0]!) : readValue(known.schema, texts)
    if (known.isSecret && value === undefined) continue
    const error =
      value === undefined ? visit.strings.config.notNumber(shortly(texts.at(-1)!)) : outside(visit, known, value)
    if (error !== undefined) errors[key] = error
    if (value !== undefined && !isSame(value, known.value)) changes.set(key, value)
  }
  return { changes, errors }
}

/** A list of one is written as its element, too. */
const isSame = (a: ConfigValue, b: ConfigValue): boolean => isDeepStrictEqual(listed(a), listed(b))
const listed = (value: ConfigValue): unknown[] => [value ?? []].flat().filter(each => each !== '')

const textsOf = (given: Record<string, unknown>, key: string): string[] =>
  [Object.hasOwn(given, key) ? given[key] : []].flat().filter(each => typeof each === 'string')

/** Of what somebody wrote, enough to know it by. */
const shortly = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text)

/** Undefined: as it is. */
function readSecret(given: Record<string, unknown>, key: string, text: string): string | undefined {
  if (text !== '') return text
  const [beside] = textsOf(given, GOES_WITH[key] ?? '')
  return beside?.trim() === '' ? '' : undefined
}

/** What the schema's bounds say of a number, in the visitor's language. */
function outside(visit: Visit, { key, schema }: ConfigKey, value: ConfigValue): string | undefined {
  const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema
  if (typeof value !== 'number' || schema.enum || (value >= minimum && value <= maximum)) return undefined
  return visit.strings.config.outside(wordsOf(visit, key).label, minimum, maximum)
}

/** Undefined: not what the schema takes at all, e.g. letters for a number. */
function readValue(schema: KeySchema, texts: readonly string[]): ConfigValue {
  const last = texts.at(-1)!.trim()
  if (schema.type === 'boolean') return last === 'on'
  if (schema.type === 'integer' || typeof schema.enum?.[0] === 'number')
    return /^\d{1,15}$/.test(last) ? Number(last) : undefined
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
