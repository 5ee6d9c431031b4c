import { readdirSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'

export interface SourceFile {
  /** From the root of the sources, e.g. `sip/digest.ts`. */
  readonly path: string
  readonly text: string
  /** The text with every comment, string and regular expression blanked out, line by line as it was. */
  readonly code: string
  /** Relative imports, as paths like `path`. */
  readonly imports: readonly string[]
}

/** Every TypeScript file below a folder. */
export function sourcesBelow(root: string): SourceFile[] {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts'))
  return paths.sort().map(path => {
    const text = readFileSync(join(root, path), 'utf8')
    const imports = [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(match => match[1]!)
    return { path, text, code: withoutText(text), imports: imports.map(name => normalize(join(path, '..', name))) }
  })
}

/** One piece at a time: a comment, a string, a template without its expressions, a regular expression where one may stand. */
const PIECE =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(?<=[=(,:!&|?{};[\n]\s*|return |=> )\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g

/** What is inside a template stays, so that its expressions are seen. */
export const withoutText = (text: string): string =>
  text.replace(PIECE, piece => piece.replace(/[^\n]/g, character => (character === "'" ? character : ' ')))
