/** What follows the words of a command, as it is written in the table: `show log [level LEVEL] [lines N] [follow]`. */
export interface Element {
  /** `LEVEL`, `config|full`; of a flag its word. */
  readonly name: string
  /** `level`: stands before the value. */
  readonly keyword?: string
  readonly isOptional: boolean
  /** A word alone, without a value. */
  readonly isFlag: boolean
  /** Takes the rest of the line. */
  readonly isRest: boolean
}

export interface Syntax {
  readonly words: readonly string[]
  readonly elements: readonly Element[]
}

const TOKEN = /\[([^\]]+)\]|(\S+)/g

export function syntaxOf(text: string): Syntax {
  const words: string[] = []
  const elements: Element[] = []
  for (const [, optional, plain] of text.matchAll(TOKEN)) {
    if (optional !== undefined) elements.push(elementOf(optional.split(' '), true))
    else if (/^[a-z-]+$/.test(plain!)) words.push(plain!)
    else elements.push(elementOf([plain!], false))
  }
  return { words, elements }
}

function elementOf(parts: readonly string[], isOptional: boolean): Element {
  const last = parts.at(-1)!
  const isFlag = parts.length === 1 && /^[a-z-]+$/.test(last)
  return {
    name: last.replace('...', ''),
    ...(parts.length > 1 && { keyword: parts[0]! }),
    isOptional,
    isFlag,
    isRest: last.endsWith('...'),
  }
}
