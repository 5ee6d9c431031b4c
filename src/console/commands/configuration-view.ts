import type {
  ConfigDifference,
  ConfigKey,
  ConfigurationService,
  ConfigValue,
  KeySchema,
} from '../../services/configuration.ts'
import { partOf, Refused } from '../command.ts'
import { field, type View } from '../fields.ts'
import type { ConsoleBox } from '../services.ts'

/** As TOML writes it. */
export const valueText = (value: ConfigValue): string => (value === undefined ? '(none)' : JSON.stringify(value))

const isEmpty = (value: ConfigValue): boolean => value === '' || value === undefined

/** A password is there or not; no more is said of it. */
export const keyText = ({ value, isSecret, isWritten }: ConfigKey): string =>
  (isSecret ? (isEmpty(value) ? '(none)' : '(set)') : valueText(value)) + (isWritten ? '' : '  (default)')

/** Keys that are meant: one in full, or a table, or all. */
export function keysNamed(configuration: ConfigurationService, names: readonly string[]): readonly ConfigKey[] {
  const { keys } = configuration.view()
  for (const name of names)
    if (!keys.some(({ key }) => isNamed(key, name)))
      throw new Refused(`There is no key ${name}. "show config" has all.`)
  return names.length === 0 ? keys : keys.filter(({ key }) => names.some(name => isNamed(key, name)))
}

const isNamed = (key: string, name: string): boolean => key === name || key.startsWith(`${name}.`)

export const keyNames = (box: ConsoleBox): readonly string[] =>
  box.configuration?.view().keys.flatMap(({ key, isFixed }) => (isFixed ? [] : [key])) ?? []

export function configView(box: ConsoleBox, names: readonly string[]): View {
  const configuration = partOf(box, 'configuration')
  const { file, pending, restartNeeded, lastFailure } = configuration.view()
  const keys = keysNamed(configuration, names)
  const width = Math.max(...keys.map(({ key }) => key.length)) + 2
  const lines = [
    field('File', file),
    ...(pending === undefined ? [] : [field('On trial', `by ${pending.who}, ${pending.leftS} s left: confirm`)]),
    ...(lastFailure === undefined ? [] : [field('Went back', lastFailure)]),
    ...(restartNeeded === undefined ? [] : [field('Restart needed', restartNeeded)]),
    ...keys.map(key => key.key.padEnd(width) + keyText(key)),
  ]
  return {
    json: {
      file,
      on_trial: pending ? { by: pending.who, left_s: pending.leftS } : null,
      last_failure: lastFailure ?? null,
      restart_needed: restartNeeded ?? null,
      keys: Object.fromEntries(
        keys.map(({ key, value, isWritten, isSecret }) => [
          key,
          { value: isSecret ? null : (value ?? null), written: isWritten, ...(isSecret && { set: !isEmpty(value) }) },
        ]),
      ),
    },
    lines,
  }
}

/** `-` what stands, `+` what would. */
export function differenceLines(differences: readonly ConfigDifference[], secrets: ReadonlySet<string>): string[] {
  if (differences.length === 0) return ['No differences.']
  return differences.flatMap(({ key, before, after }) =>
    secrets.has(key) ? [`~ ${key} = (hidden)`] : [`- ${key} = ${valueText(before)}`, `+ ${key} = ${valueText(after)}`],
  )
}

/** What was typed as a value of that key; the check of the configuration has the last word. */
export function valueTyped({ key, schema }: ConfigKey, words: readonly string[]): ConfigValue {
  const text = words.join(' ')
  if (schema.type === 'boolean') {
    const value = SWITCHES[text.toLowerCase()]
    if (value === undefined) throw new Refused(`${key} is true or false.`)
    return value
  }
  if (schema.type === 'integer') {
    if (!/^-?\d{1,16}$/.test(text)) throw new Refused(`${key} is a whole number${within(schema)}.`)
    return Number(text)
  }
  // A speed is one of some numbers.
  const listed = schema.enum?.find(value => `${value}` === text)
  if (listed !== undefined) return listed
  const isList = schema.type === 'array' || (schema.anyOf !== undefined && words.length > 1)
  if (isList) return words.flatMap(word => word.split(',')).filter(word => word !== '')
  return text
}

const within = ({ minimum, maximum }: KeySchema): string =>
  minimum === undefined || maximum === undefined ? '' : ` from ${minimum} to ${maximum}`

const SWITCHES: Readonly<Record<string, boolean>> = {
  true: true,
  on: true,
  yes: true,
  false: false,
  off: false,
  no: false,
}
