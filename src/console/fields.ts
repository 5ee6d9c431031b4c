import { isoText } from './ascii.ts'

/** For a person and for a program at once. */
export interface View {
  readonly json: object
  readonly lines: readonly string[]
}

const LABEL_WIDTH = 24

/** `Label                   value`. */
export const field = (label: string, value: string | number | undefined | null): string =>
  `${label.padEnd(LABEL_WIDTH)}${value ?? '-'}`

export const yesNo = (is: boolean): string => (is ? 'yes' : 'no')

const TIMES = /^(at|wall|floor)$|_at$/

/** Keys as the command line and the API have them, `waiting_bytes`; times as RFC 3339; what is not known as null. */
export function forPrograms(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forPrograms)
  if (typeof value !== 'object' || value === null) return value ?? null
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const key = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
      return [key, typeof inner === 'number' && TIMES.test(key) ? isoText(inner) : forPrograms(inner)]
    }),
  )
}

/** Page by page, one row after the other. */
export async function* paged<Row>(
  read: (after: string | undefined) => Promise<{ readonly rows: readonly Row[]; readonly next?: string | undefined }>,
): AsyncGenerator<Row> {
  let after: string | undefined
  do {
    const { rows, next } = await read(after)
    yield* rows
    after = next
  } while (after !== undefined)
}

export const PAGE_ROWS = 100
