import { LANGUAGES } from '../web/page/strings/languages.ts'

/**
 * Loaded into a box before its own program (`node --import`): every English text becomes longer, bracketed and accented. What is then
 * seen without accents comes from no catalogue; where a bracket is missing a text was cut off.
 */

const ACCENTED: Readonly<Record<string, string>> = {
  ...{ a: 'å', e: 'é', i: 'ï', o: 'ö', u: 'ü', A: 'Å', E: 'É', I: 'Ï', O: 'Ö', U: 'Ü' },
  ...{ c: 'ç', n: 'ñ', s: 'š', y: 'ÿ', z: 'ž' },
}
/** What German and others need beyond English, as a share of its length. */
const LONGER = 0.4

const pseudo = (text: string): string => {
  if (!/[a-z]/i.test(text)) return text
  const accented = text.replace(/[a-z]/gi, letter => ACCENTED[letter] ?? letter)
  const more = 'ö'.repeat(Math.max(1, Math.min(12, Math.round(text.length * LONGER))))
  return `⟦${accented} ${more}⟧`
}

function change(table: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(table)) {
    if (typeof value === 'string') table[key] = pseudo(value)
    else if (typeof value === 'function')
      table[key] = (...args: unknown[]) => {
        const made: unknown = value(...args)
        return typeof made === 'string' ? pseudo(made) : made
      }
    else if (typeof value === 'object' && value !== null) change(value as Record<string, unknown>)
  }
}

change(LANGUAGES.en.strings as unknown as Record<string, unknown>)
