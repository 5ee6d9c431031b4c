import { fitting, type Wrong } from './grammar.ts'
import type { Filter } from './report.ts'
import type { Word, Words } from './words.ts'

interface Piped {
  readonly words: readonly Word[]
  /** Column behind the command. */
  readonly end: number
  readonly filter: Filter | undefined
  readonly isJson: boolean
  readonly jsonAt: number
}

export const FILTERS = ['include', 'exclude', 'begin', 'count'] as const

const choices = FILTERS.map(text => ({ text, help: '', isWord: true }))

/** `COMMAND [--json] [| include TEXT]`. */
export function readPipe({ words, openAt }: Words, end: number): Piped | Wrong {
  if (openAt !== undefined) return { at: openAt, why: 'This quote is not closed', allowed: [] }
  const pipe = words.findIndex(({ text, isQuoted }) => text === '|' && !isQuoted)
  const before = pipe < 0 ? words : words.slice(0, pipe)
  const json = before.find(({ text, isQuoted }) => text === '--json' && !isQuoted)
  const filter = pipe < 0 ? undefined : filterOf(words.slice(pipe + 1), end)
  if (filter && 'why' in filter) return filter
  if (filter && json) return { at: json.at, why: 'A document for programs is not filtered', allowed: [] }
  return {
    words: before.filter(word => word !== json),
    end: pipe < 0 ? end : words[pipe]!.at,
    filter,
    isJson: json !== undefined,
    jsonAt: json?.at ?? 0,
  }
}

function filterOf([kind, ...rest]: readonly Word[], end: number): Filter | Wrong {
  if (!kind) return { at: end, why: 'More is needed', allowed: choices }
  const found = fitting(kind.text, FILTERS)
  if (found.length !== 1) return { at: kind.at, why: 'Not one of what is allowed', allowed: choices }
  const second = rest.find(({ text, isQuoted }) => text === '|' && !isQuoted)
  if (second) return { at: second.at, why: 'One filter alone. Where "|" is looked for, quote it', allowed: [] }
  const filter = { kind: found[0] as Filter['kind'], text: rest.map(({ text }) => text).join(' ') }
  if (filter.kind !== 'count' && filter.text === '')
    return { at: end, why: 'A text to look for is wanted', allowed: [] }
  return filter
}
