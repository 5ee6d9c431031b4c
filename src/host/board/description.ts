import { Ajv, type ValidateFunction } from 'ajv'
import { parse, TomlError } from 'smol-toml'
import { checkedShape } from '../../base/config-shape.ts'
import { type BoardDescription, boardSchema } from './schema.ts'

let compiled: ValidateFunction<BoardDescription> | undefined

/** Compiled for the first description: most machines have none, and start sooner. */
const validator = (): ValidateFunction<BoardDescription> =>
  (compiled ??= new Ajv({ allErrors: true, useDefaults: true, verbose: true }).compile<BoardDescription>(boardSchema))

type Read = { readonly board: BoardDescription } | { readonly errors: readonly string[] }

/** A checked description, or every error as `FILE:KEY: what is wrong, what is allowed`. */
export function readDescription(text: string, fileName: string): Read {
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    return { errors: [`${fileName}:${error.line}:${error.column}: it is not TOML 1.0`] }
  }
  const board = value as BoardDescription
  const found = checkedShape(validator(), value)
  if (found.length === 0) found.push(...incomplete(board))
  if (found.length === 0) return { board }
  return { errors: found.map(({ key, wrong, allowed }) => `${fileName}:${key}: ${wrong}, allowed: ${allowed}`) }
}

interface Found {
  readonly key: string
  readonly wrong: string
  readonly allowed: string
}

/** What the schema cannot say. */
function incomplete({ leds, flash, button }: BoardDescription): Found[] {
  const found: Found[] = []
  for (const [state, list] of Object.entries(leds ?? {}))
    for (const [index, { trigger, on_ms, off_ms, pattern }] of list.entries()) {
      const key = `leds.${state}[${index}]`
      if (trigger === 'timer' && (on_ms === undefined || off_ms === undefined))
        found.push({ key, wrong: 'a timer without its times', allowed: 'on_ms and off_ms' })
      if (trigger === 'pattern' && pattern === undefined)
        found.push({ key, wrong: 'no pattern', allowed: 'pairs of brightness and milliseconds' })
    }
  const labels = flash.partitions.map(({ label }) => label)
  if (new Set(labels).size < labels.length)
    found.push({ key: 'flash.partitions', wrong: 'two have the same label', allowed: 'a label of its own for each' })
  if (!flash.partitions.some(({ mount }) => mount !== '' && isBelow(flash.data_dir, mount)))
    found.push({ key: 'flash.data_dir', wrong: 'lies on no partition', allowed: 'a path below a mount' })
  if (button && button.reset_s <= button.presence_s)
    found.push({ key: 'button.reset_s', wrong: 'not longer than presence_s', allowed: 'more seconds' })
  return found
}

const isBelow = (path: string, mount: string): boolean => mount === '/' || `${path}/`.startsWith(`${mount}/`)
