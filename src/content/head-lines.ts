import { headerKey } from '../sip-parser-lite/names.ts'

/** One line of a SIP head with its continuation lines (RFC 3261 7.3.1) and its line end, as it stands; latin1. */
interface HeadLine {
  /** Long name in lower case; empty for the start line. */
  readonly key: string
  readonly text: string
}

/** Start line first; each line is ended by CRLF, and what is not is left out. */
export function headLines(head: Buffer): readonly HeadLine[] {
  const lines = head.toString('latin1').match(/[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*/g) ?? []
  return lines.map((text, index) => ({
    key: index === 0 ? '' : headerKey(text.slice(0, Math.max(text.indexOf(':'), 0)).trim()),
    text,
  }))
}
