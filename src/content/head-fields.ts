import { unfold } from '../sip-parser-lite/chars.ts'
import { headerKey } from '../sip-parser-lite/names.ts'

/**
 * The first field of each name in the beginning of a stored request, by its long lower-case name: unfolded, as text of latin1. Of a beginning
 * that was cut off the last line is left out.
 */
export function headFields(head: Buffer): Map<string, string> {
  const text = head.toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  const lines = (end < 0 ? text.slice(0, text.lastIndexOf('\r\n') + 2) : text.slice(0, end)).split(/\r\n(?![ \t])/)
  const fields = new Map<string, string>()
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const key = headerKey(line.slice(0, colon).trim())
    if (!fields.has(key)) fields.set(key, unfold(line.slice(colon + 1)).trim())
  }
  return fields
}
