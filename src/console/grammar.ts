import { nearest } from '../base/nearest.ts'
import type { Args, Command, Param } from './command.ts'
import type { ConsoleBox } from './services.ts'
import type { Element } from './syntax.ts'
import type { Word } from './words.ts'

/** What may stand at a place: a word to be typed as it is, or what is to be put there. */
export interface Choice {
  readonly text: string
  readonly help: string
  readonly isWord: boolean
  /** What Tab offers in place of a value. */
  readonly suggested?: readonly string[]
}

export interface Wrong {
  /** Column of the word. */
  readonly at: number
  readonly why: string
  readonly allowed: readonly Choice[]
}

interface Parsed {
  readonly command: Command
  readonly args: Args
}

/** Fits a word that was typed: in full, or as the only one that it begins. */
export function fitting(typed: string, names: readonly string[]): readonly string[] {
  const lower = typed.toLowerCase()
  return names.includes(lower) ? [lower] : names.filter(name => name.startsWith(lower))
}

/** Where the words lead; `rest` are those behind the words of the command. */
type Place =
  | { readonly kind: 'within'; readonly commands: readonly Command[]; readonly depth: number }
  | { readonly kind: 'command'; readonly command: Command; readonly rest: readonly Word[] }
  | { readonly kind: 'wrong'; readonly wrong: Wrong }

function placeOf(commands: readonly Command[], words: readonly Word[]): Place {
  let left = commands
  for (let depth = 0; ; depth++) {
    const own = left.find(command => command.words.length === depth)
    const further = left.filter(command => command.words.length > depth)
    const word = words[depth]
    if (own && (further.length === 0 || word === undefined))
      return { kind: 'command', command: own, rest: words.slice(depth) }
    if (word === undefined) return { kind: 'within', commands: left, depth }
    const names = [...new Set(further.map(command => command.words[depth]!))]
    const found = word.isQuoted ? [] : fitting(word.text, names)
    if (found.length === 1) left = further.filter(command => command.words[depth] === found[0])
    else if (own && own.elements.length > 0 && found.length === 0)
      return { kind: 'command', command: own, rest: words.slice(depth) }
    else {
      const choices = nextWords(further, depth)
      const wrong = found.length === 0 ? unknownWord(word, choices) : ambiguous(word, choices, found)
      return { kind: 'wrong', wrong }
    }
  }
}

/** More of them than this are for `?`: a slow line takes a second for a screen. */
const CHOICES_TOLD_MAX = 8

function unknownWord({ text, at, isQuoted }: Word, choices: readonly Choice[]): Wrong {
  const why = 'There is no such word here'
  const meant = isQuoted
    ? undefined
    : nearest(
        text,
        choices.map(each => each.text),
      )
  if (meant !== undefined)
    return { at, why: `${why}. Did you mean`, allowed: choices.filter(each => each.text === meant) }
  if (choices.length > CHOICES_TOLD_MAX) return { at, why: `${why}; "?" shows all`, allowed: [] }
  return { at, why, allowed: choices }
}

const ambiguous = ({ at }: Word, choices: readonly Choice[], found: readonly string[]): Wrong => ({
  at,
  why: 'More than one word begins so',
  allowed: choices.filter(({ text }) => found.includes(text)),
})

const nextWords = (commands: readonly Command[], depth: number): Choice[] => {
  const names = [...new Set(commands.map(command => command.words[depth]!))]
  return names.sort().map(text => {
    const own = commands.filter(command => command.words[depth] === text)
    const last = own.find(command => command.words.length === depth + 1)
    return { text, isWord: true, help: last?.help ?? GROUPS[text] ?? '' }
  })
}

/** Words that begin several commands and are none themselves. */
const GROUPS: Readonly<Record<string, string>> = {
  show: 'look at something',
  test: 'try something on the spot',
  capture: 'watch what passes',
  terminal: 'how this terminal is',
  user: 'accounts of users',
  history: 'what users keep of what was said',
  administrator: 'who may sign in here',
  log: 'what is logged',
  clock: 'the clock',
  jobs: 'long work',
  setup: 'the first run',
}

interface Filling {
  readonly args: Map<string, string>
  /** Keyword that waits for its value. */
  readonly pending?: Element
  readonly wrong?: Wrong
}

function fill(command: Command, words: readonly Word[]): Filling {
  const args = new Map<string, string>()
  let pending: Element | undefined
  for (const [index, word] of words.entries()) {
    const target: Element | Wrong = pending ?? nextElement(command, args, word)
    if ('why' in target) return { args, wrong: target }
    const isKeyword = !pending && (target.isFlag || (target.keyword !== undefined && !isRequired(target)))
    if (target.isFlag) args.set(target.name, 'yes')
    else if (isKeyword) {
      pending = target
      continue
    } else if (target.isRest) {
      const text = words.slice(index).map(({ text: each }) => each)
      args.set(target.name, text.join(' '))
      return { args }
    } else {
      const value = valueAt(command.params[target.name], word)
      if (typeof value !== 'string') return { args, wrong: value }
      args.set(target.name, value)
    }
    pending = undefined
  }
  return { args, ...(pending && { pending }) }
}

const isRequired = (element: Element): boolean => !element.isOptional

function nextElement(command: Command, args: Args, word: Word): Element | Wrong {
  const open = command.elements.filter(({ name }) => !args.has(name))
  const required = open.find(isRequired)
  if (required) return required
  const value = open.find(({ isFlag, keyword }) => !isFlag && keyword === undefined)
  const keywords = open.filter(element => element !== value)
  const names = keywords.map(({ keyword, name }) => keyword ?? name)
  const exact = names.includes(word.text)
  const found = word.isQuoted || (value && !exact) ? [] : fitting(word.text, names)
  const element = found.length === 1 ? keywords[names.indexOf(found[0]!)] : value
  if (element) return element
  const why = found.length > 1 ? 'More than one word begins so' : 'Nothing of this kind may stand here'
  return { at: word.at, why, allowed: choicesOf(command, args) }
}

function valueAt({ values, range }: Param = { help: '' }, word: Word): string | Wrong {
  if (values) {
    const found = fitting(word.text, values)
    if (found.length === 1) return found[0]!
    return { at: word.at, why: 'Not one of what is allowed', allowed: values.map(wordChoice) }
  }
  if (range) {
    const number = /^\d{1,15}$/.test(word.text) ? Number(word.text) : Number.NaN
    if (number >= range[0] && number <= range[1]) return word.text
    return { at: word.at, why: `A whole number from ${range[0]} to ${range[1]} is wanted here`, allowed: [] }
  }
  return word.text
}

const wordChoice = (text: string): Choice => ({ text, help: '', isWord: true })

function choicesOf(command: Command, args: Args, box?: ConsoleBox): Choice[] {
  const open = command.elements.filter(({ name }) => !args.has(name))
  const required = open.find(isRequired)
  return (required ? [required] : open).flatMap(element => elementChoices(command, element, box))
}

function elementChoices(command: Command, element: Element, box?: ConsoleBox, isPending = false): Choice[] {
  const { name, keyword, isFlag } = element
  const param = command.params[name]
  const help = param?.help ?? ''
  if (isFlag) return [{ text: name, help, isWord: true }]
  if (keyword !== undefined && !isPending) return [{ text: keyword, help, isWord: true }]
  if (param?.values) return param.values.map(text => ({ text, help: param.valueHelp?.[text] ?? help, isWord: true }))
  const suggested = box && param?.suggest?.(box)
  return [{ text: name, help, isWord: false, ...(suggested && { suggested }) }]
}

/** The command that was typed. `end`: column behind the line. */
export function parse(commands: readonly Command[], words: readonly Word[], end: number): Parsed | Wrong {
  const place = placeOf(commands, words)
  if (place.kind === 'wrong') return place.wrong
  if (place.kind === 'within')
    return { at: end, why: 'More is needed', allowed: nextWords(place.commands, place.depth) }
  const { command, rest } = place
  const { args, pending, wrong } = fill(command, rest)
  if (wrong) return wrong
  if (pending) return { at: end, why: 'More is needed', allowed: elementChoices(command, pending, undefined, true) }
  if (command.elements.some(element => isRequired(element) && !args.has(element.name)))
    return { at: end, why: 'More is needed', allowed: choicesOf(command, args) }
  return { command, args }
}

/** What may come behind words that are whole, and whether they would do as they stand. */
export function choicesAfter(
  commands: readonly Command[],
  words: readonly Word[],
  box: ConsoleBox,
): { readonly choices: readonly Choice[]; readonly isEnough: boolean } | Wrong {
  const place = placeOf(commands, words)
  if (place.kind === 'wrong') return place.wrong
  if (place.kind === 'within') return { choices: nextWords(place.commands, place.depth), isEnough: false }
  const { command, rest } = place
  const longer = commands.filter(
    other => other.words.length > command.words.length && command.words.every((word, at) => other.words[at] === word),
  )
  const { args, pending, wrong } = fill(command, rest)
  if (wrong) return wrong
  if (pending) return { choices: elementChoices(command, pending, box, true), isEnough: false }
  const isEnough = command.elements.every(element => !isRequired(element) || args.has(element.name))
  const further = rest.length === 0 ? nextWords(longer, command.words.length) : []
  return { choices: [...further, ...choicesOf(command, args, box)], isEnough }
}
