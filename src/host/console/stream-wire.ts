import type { ConsoleEnd, ConsoleLine } from '../../console/options.ts'

/** What passes on the control socket once a connection was turned into a console: a JSON object a line each way. */

/** What a connection asks with: the verb `console`, and this. */
export type StreamAsk = Omit<ConsoleLine, 'place'>

export type FromTerminal =
  /** Octets as they were typed, base64. */
  | { readonly keys: string }
  /** Answered at once: whether the box is still there. */
  | { readonly ask: number }

export type FromBox =
  /** The first one. From then on `FromTerminal` is understood. `window`: so many octets of keys may be under way. */
  | { readonly console: 'open'; readonly window: number }
  /** Instead of the first one: why not, in words. */
  | { readonly refused: string }
  /** So many octets of keys were taken: as many more may come. */
  | { readonly took: number }
  | { readonly text: string }
  | { readonly alive: number }
  /** The last one. */
  | { readonly end: ConsoleEnd }

export const encoded = (message: FromTerminal | FromBox): string => `${JSON.stringify(message)}\n`

/** Undefined: nothing that a console says. */
export function decoded<T extends FromTerminal | FromBox>(line: string): T | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as T) : undefined
  } catch {
    return undefined
  }
}

const COLUMNS_MAX = 1000
const NAME_LENGTH_MAX = 100

/** As the other side asked, within what there is. */
export function lineOf(asked: Partial<Record<keyof StreamAsk, unknown>>): StreamAsk {
  const { isPhysical, name, columns, rows } = asked
  return {
    isPhysical: isPhysical === true,
    name: typeof name === 'string' ? name.replace(/[^\x20-\x7e]/g, '?').slice(0, NAME_LENGTH_MAX) : 'console',
    columns: sizeOf(columns, 80, 1),
    rows: sizeOf(rows, 24, 0),
  }
}

const sizeOf = (value: unknown, usual: number, least: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= COLUMNS_MAX ? value : usual
