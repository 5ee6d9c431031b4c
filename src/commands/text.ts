import { isSea } from 'node:sea'
import { PlainError } from '../host/plain-error.ts'

/** How the person who reads a hint starts a command: from a checkout, unless the program was built as one file. */
export const COMMAND = isSea() || 'pkg' in process ? 'restante' : './scripts/restante'

/** Rows with their columns aligned, one a line. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]!.length)))
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')
  return rows.map(row => `${line(row).trimEnd()}\n`).join('')
}

/** RFC 3339 in UTC. */
export const timeText = (wall: number | undefined): string => (wall === undefined ? '-' : new Date(wall).toISOString())

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Text from the wire, on a terminal: no control character reaches it. */
export const safe = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f]/g, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)

export const noAccount = (aor: string): PlainError =>
  new PlainError(`There is no account ${aor}. \`${COMMAND} user list\` shows what there is.`)
