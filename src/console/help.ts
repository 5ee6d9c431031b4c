import { ascii } from './ascii.ts'
import type { Command } from './command.ts'
import { type Choice, choicesAfter, type Wrong } from './grammar.ts'
import type { ConsoleBox } from './services.ts'
import { wordsOf } from './words.ts'

const NAME_WIDTH = 21

/** A line each: what may be typed, and what it is. */
export const choiceLines = (choices: readonly Choice[]): string[] =>
  choices.map(({ text, help }) => `  ${text.padEnd(NAME_WIDTH)}${help}`.trimEnd())

/** `?`: what may come next. Undefined: it is a character here. */
export function helpLines(
  commands: readonly Command[],
  before: string,
  box: ConsoleBox,
): readonly string[] | undefined {
  const { words, openAt, isEnded } = wordsOf(before)
  if (openAt !== undefined) return undefined
  const found = choicesAfter(commands, isEnded ? words : words.slice(0, -1), box)
  if ('why' in found) return [`% ${found.why}.`, ...choiceLines(found.allowed)]
  const begun = isEnded ? '' : words.at(-1)!.text.toLowerCase()
  const choices = found.choices.filter(({ text, isWord }) => !isWord || text.startsWith(begun))
  return [...choiceLines(choices), ...(found.isEnough && isEnded ? choiceLines([ENTER]) : [])]
}

const ENTER: Choice = { text: '<Enter>', help: 'that is all', isWord: false }

/** Columns of the line that are shown before the place, where it is shown again. */
const BEFORE_SHOWN = 40

/** A caret under the word, why, and what is allowed. `indent`: columns of the prompt, behind which the line stands on the screen. */
export function errorLines(indent: number, text: string, { at, why, allowed }: Wrong, width: number): string[] {
  const isInSight = indent + text.length < width
  const from = isInSight ? 0 : Math.max(0, at - BEFORE_SHOWN)
  return [
    ...(isInSight ? [] : [ascii(text).slice(from, from + width)]),
    `${' '.repeat(at - from + (isInSight ? indent : 0))}^`,
    `% ${why}${allowed.length > 0 ? ':' : '.'}`,
    ...choiceLines(allowed),
  ]
}

interface Completion {
  readonly more: string
  readonly choices: readonly string[]
}

const NOTHING: Completion = { more: '', choices: [] }

/** What Tab puts in: as much as all choices have in common, and a space behind the only one. */
export function completion(commands: readonly Command[], before: string, box: ConsoleBox): Completion {
  const { words, openAt, isEnded } = wordsOf(before)
  if (openAt !== undefined) return NOTHING
  const begun = isEnded ? '' : words.at(-1)!.text
  const found = choicesAfter(commands, isEnded ? words : words.slice(0, -1), box)
  if ('why' in found) return NOTHING
  const names = found.choices
    .flatMap(({ text, isWord, suggested = [] }) => (isWord ? [text] : suggested))
    .filter(name => name.startsWith(begun.toLowerCase()) && !/[ "]/.test(name))
  if (names.length === 0) return NOTHING
  const common = names.reduce(commonStart)
  const more = common.slice(begun.length) + (names.length === 1 ? ' ' : '')
  return { more, choices: names.map(name => `  ${name}`) }
}

function commonStart(a: string, b: string): string {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return a.slice(0, at)
}
