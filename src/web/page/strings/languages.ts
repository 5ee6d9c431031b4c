import { de } from './de.ts'
import { en } from './en.ts'
import type { Strings } from './strings.ts'

export type Language = 'en' | 'de'

export const LANGUAGES: Readonly<Record<Language, { readonly name: string; readonly strings: Strings }>> = {
  en: { name: 'English', strings: en },
  de: { name: 'Deutsch', strings: de },
}

export const isLanguage = (text: string): text is Language => Object.hasOwn(LANGUAGES, text)

/** RFC 9110 12.5.4: the first of ours that the browser prefers; English otherwise. */
export function preferred(acceptLanguage: string | undefined): Language {
  const wanted = (acceptLanguage ?? '')
    .slice(0, 200)
    .split(',')
    .map(part => {
      const [range = '', quality] = part.trim().split(/;\s*q=/)
      return { language: range.slice(0, 2).toLowerCase(), q: quality === undefined ? 1 : Number(quality) || 0 }
    })
    .filter(({ q }) => q > 0)
    .sort((a, b) => b.q - a.q)
  return wanted.map(({ language }) => language).find(isLanguage) ?? 'en'
}
