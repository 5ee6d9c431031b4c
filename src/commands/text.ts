import { isSea } from 'node:sea'
import { PlainError } from '../host/plain-error.ts'

/** How the person who reads a hint starts a command: from a checkout, unless the program was built as one file. */
export const COMMAND = isSea() || 'pkg' in process ? 'restante' : './scripts/restante'

/** One long name does not push the columns of all others off the screen: its own line alone is out of line. */
const WIDTH_MAX = 48

/** Rows with their columns aligned, one a line. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((width, row) => (row[column]!.length > WIDTH_MAX ? width : Math.max(width, row[column]!.length)), 0),
  )
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')
  return rows.map(row => `${line(row).trimEnd()}\n`).join('')
}

/** RFC 3339 in UTC. */
export const timeText = (wall: number | undefined): string => (wall === undefined ? '-' : new Date(wall).toISOString())

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

export const noAccount = (aor: string): PlainError =>
  new PlainError(`There is no account ${aor}. \`${COMMAND} user list\` shows what there is.`)
