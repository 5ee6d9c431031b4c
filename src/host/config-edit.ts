import { isDeepStrictEqual } from 'node:util'
import { parse, stringify } from 'smol-toml'

/** A value of a key; undefined: the key goes, and its default stands. */
export type ConfigValue = string | number | boolean | readonly string[] | undefined

/** By key as it is told in messages, e.g. `listen.sip_udp` or `domain`. */
export type ConfigChanges = ReadonlyMap<string, ConfigValue>

interface Edited {
  readonly text: string
  /** Comments and order of the file are lost: it is written in a way that cannot be edited in place. */
  readonly isRewritten: boolean
}

/**
 * A configuration file with other values, and every other line as its author wrote it. `text` has to be TOML. Throws TomlError where it is
 * not. Keys inside `[[user]]` are not changed.
 */
export function editConfig(text: string, changes: ConfigChanges): Edited {
  const wanted = withChanges(parse(text), changes)
  let edited = text
  for (const [key, value] of changes) edited = editKey(edited, key, value)
  if (isSame(edited, wanted)) return { text: edited, isRewritten: false }
  return { text: stringify(wanted), isRewritten: true }
}

type Table = Record<string, unknown>

function withChanges(file: Table, changes: ConfigChanges): Table {
  const wanted = structuredClone(file)
  for (const [key, value] of changes) {
    const [name, table] = partsOf(key)
    if (table !== undefined) wanted[table] ??= {}
    const holder = table === undefined ? wanted : (wanted[table] as Table)
    if (value === undefined) delete holder[name]
    else holder[name] = value
  }
  return wanted
}

const partsOf = (key: string): [name: string, table: string | undefined] => {
  const dot = key.indexOf('.')
  return dot < 0 ? [key, undefined] : [key.slice(dot + 1), key.slice(0, dot)]
}

function isSame(text: string, wanted: Table): boolean {
  try {
    return isDeepStrictEqual(withoutEmpty(parse(text)), withoutEmpty(wanted))
  } catch {
    return false
  }
}

/** An empty table says nothing. */
const withoutEmpty = (file: Table): Table =>
  Object.fromEntries(
    Object.entries(structuredClone(file)).filter(
      ([, value]) =>
        typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length > 0,
    ),
  )

/** One `key = value` or one table header. Offsets into the text. */
interface Statement {
  readonly start: number
  /** Behind its line end. */
  readonly end: number
  /** The table that it opens or stands in. */
  readonly table: string
  /** Absent of a header. */
  readonly key?: string
  readonly value?: readonly [start: number, end: number]
}

function editKey(text: string, key: string, value: ConfigValue): string {
  const [name, table = ''] = partsOf(key)
  const statements = statementsOf(text)
  const found = statements.find(each => each.key !== undefined && pathOf(each) === key)
  if (found) {
    if (value === undefined) return text.slice(0, found.start) + text.slice(found.end)
    return text.slice(0, found.value![0]) + written(value) + text.slice(found.value![1])
  }
  if (value === undefined) return text
  const line = `${name} = ${written(value)}\n`
  const last = statements.findLast(each => each.table === table)
  if (last) return insert(text, last.end, line)
  // What belongs to no table has to stand before the first one.
  return table === ''
    ? insert(text, statements[0]?.start ?? text.length, line)
    : insert(text, text.length, `\n[${table}]\n${line}`)
}

const pathOf = ({ table, key }: Statement): string => (table === '' ? key! : `${table}.${key}`)

const insert = (text: string, at: number, line: string): string => {
  const before = text.slice(0, at)
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  return before + gap + line + text.slice(at)
}

const written = (value: Exclude<ConfigValue, undefined>): string => stringify({ x: value }).trim().slice('x = '.length)

const HEADER = /^(\[\[?)[ \t]*([\w-]+)[ \t]*\]\]?/
const KEY = /^([\w-]+(?:[ \t]*\.[ \t]*[\w-]+)*)[ \t]*=[ \t]*/

/** What it does not understand it leaves out; the comparison at the end finds that something is missing. */
function statementsOf(text: string): Statement[] {
  const found: Statement[] = []
  let table = ''
  for (let at = 0; at < text.length; ) {
    const start = at
    const content = start + /^[ \t]*/.exec(text.slice(start, lineEnd(text, start)))![0].length
    const line = text.slice(content, lineEnd(text, content))
    const header = HEADER.exec(line)
    const key = KEY.exec(line)
    if (header) {
      // A list of tables has as many of the same name as there are elements; none of them is edited.
      table = header[1] === '[' ? header[2]! : `[${header[2]}]`
      at = lineEnd(text, content)
      found.push({ start, end: at, table })
    } else if (key) {
      const from = content + key[0].length
      const to = valueEnd(text, from)
      at = lineEnd(text, to)
      found.push({ start, end: at, table, key: key[1]!.replace(/[ \t]/g, ''), value: [from, to] })
    } else {
      if (line.startsWith('[')) table = '?'
      at = lineEnd(text, content)
    }
  }
  return found
}

/** Behind the line feed. */
const lineEnd = (text: string, from: number): number => {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end + 1
}

const QUOTES = ['"""', "'''", '"', "'"]

/** TOML 1.0: where the value that begins here ends, over line ends inside brackets and long strings; less the space behind it. */
function valueEnd(text: string, from: number): number {
  let depth = 0
  let last = from
  for (let at = from; at < text.length; ) {
    const quote = QUOTES.find(each => text.startsWith(each, at))
    const character = text[at]!
    if (quote) at = last = stringEnd(text, at, quote)
    else if (character === '#') at = lineEnd(text, at) - (depth === 0 ? 1 : 0)
    else if (character === '\n' && depth === 0) return last
    else {
      if ('[{'.includes(character)) depth++
      if (']}'.includes(character)) depth--
      at++
      if (!/\s/.test(character)) last = at
    }
    if (depth === 0 && character === '#') return last
  }
  return last
}

function stringEnd(text: string, from: number, quote: string): number {
  for (let at = from + quote.length; at < text.length; at++) {
    if (quote.startsWith('"') && text[at] === '\\') at++
    else if (text.startsWith(quote, at)) {
      // Up to two quotes more may belong to a long string.
      let end = at + quote.length
      while (quote.length === 3 && text[end] === quote[0] && end < at + 5) end++
      return end
    }
  }
  return text.length
}
