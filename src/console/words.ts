/** A word as it was typed, and where. */
export interface Word {
  readonly text: string
  readonly at: number
  /** In quotes: never a keyword, a pipe or an option. */
  readonly isQuoted: boolean
}

export interface Words {
  readonly words: readonly Word[]
  /** Where a quote was opened that nobody closed. */
  readonly openAt?: number
  /** The line ends with a space: the next word has not begun. */
  readonly isEnded: boolean
}

/** Words between spaces; in double quotes spaces belong to a word, and `\"` and `\\` stand for `"` and `\`. */
export function wordsOf(line: string): Words {
  const words: Word[] = []
  let at = 0
  while (at < line.length) {
    if (line[at] === ' ') {
      at++
      continue
    }
    const start = at
    let text = ''
    let quotedAt: number | undefined
    let isQuoted = false
    while (at < line.length && (quotedAt !== undefined || line[at] !== ' ')) {
      const isEscape = line[at] === '\\' && quotedAt !== undefined && '"\\'.includes(line[at + 1] ?? ' ')
      if (isEscape) text += line[++at]
      else if (line[at] !== '"') text += line[at]
      else {
        quotedAt = quotedAt === undefined ? at : undefined
        isQuoted = true
      }
      at++
    }
    words.push({ text, at: start, isQuoted })
    if (quotedAt !== undefined) return { words, openAt: quotedAt, isEnded: false }
  }
  return { words, isEnded: line === '' || line.endsWith(' ') }
}
