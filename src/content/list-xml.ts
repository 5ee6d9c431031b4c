import { xmlText } from './xml-write.ts'

/** What the lists of OMA IM XDM 1.0 have in common: of what waits, and of what was said. Made piece by piece, as they may be long. */

export const LIST_NAMESPACE = 'urn:oma:xml:im:history-list'

export const LIST_ROOT = `<history-list xmlns="${LIST_NAMESPACE}">`
export const LIST_START = `<?xml version="1.0" encoding="UTF-8"?>\n${LIST_ROOT}\n`
export const LIST_END = '</history-list>'

/** One entry, of lines that `element` and `group` made. */
export const listed = (reference: string, lines: readonly string[]): string =>
  `  <history history-reference="${xmlText(reference)}">\n${lines.join('')}  </history>\n`

/** Nothing where there is nothing to say. Values are latin1 of what mostly is UTF-8. */
export const element = (name: string, value: string | undefined, indent: number): string =>
  value === undefined || value === '' ? '' : `${' '.repeat(indent)}<${name}>${shown(value)}</${name}>\n`

export const group = (name: string, lines: readonly string[], indent: number): string =>
  `${' '.repeat(indent)}<${name}>\n${lines.join('')}${' '.repeat(indent)}</${name}>\n`

/** RFC 3339, whole seconds. */
export const dateTime = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`

const shown = (value: string): string => xmlText(Buffer.from(value, 'latin1').toString('utf8'))
