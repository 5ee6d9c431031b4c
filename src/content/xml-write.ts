import { xmlEscaped } from './xml-read.ts'

/** What XML 1.0 has no characters for, and halves of characters. */
const NO_CHARACTER = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/** Any text, as an attribute value between double quotes or as text of an element. */
export const xmlText = (text: string): string => xmlEscaped(text.replace(NO_CHARACTER, '\ufffd'))
