import { allCommands } from './catalogue.ts'
import type { Shell } from './command.ts'
import { fitting, parse } from './grammar.ts'
import type { ConsoleBox } from './services.ts'
import type { Word } from './words.ts'

/** What leads to where those words are a command, as they are none here. */
export function otherMode(shell: Shell, words: readonly Word[], box: ConsoleBox): string | undefined {
  const [first, second] = words
  if (!first || first.isQuoted) return undefined
  const here = firstFitting(shell, first)
  const other = { ...shell, isConfiguring: !shell.isConfiguring }
  if (shell.isConfiguring) {
    const isShow = here.length === 1 && here[0] === 'show'
    const isElsewhere = isShow
      ? second !== undefined && !isKey(box, second) && !('why' in parse(allCommands(other), words, 0))
      : here.length === 0 && firstFitting(other, first).length === 1
    return isElsewhere ? '"exit"' : undefined
  }
  const there = firstFitting(other, first)
  // `set` begins `setup`, too.
  const isMeantThere = there[0] === first.text && here[0] !== first.text
  if (there.length !== 1 || (here.length > 0 && !isMeantThere)) return undefined
  return shell.isEnabled ? '"configure"' : '"enable", then "configure",'
}

const firstFitting = (shell: Shell, { text }: Word): readonly string[] =>
  fitting(text, [...new Set(allCommands(shell).map(({ words }) => words[0]!))])

/** `history` is a table of the configuration, too. */
const isKey = ({ configuration }: ConsoleBox, { text }: Word): boolean =>
  configuration?.view().keys.some(({ key }) => key === text || key.startsWith(`${text}.`)) === true
