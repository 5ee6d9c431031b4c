import { type Html, html } from './html.ts'
import { LANGUAGES, type Language } from './strings/languages.ts'
import type { Visit } from './visit.ts'

/** Numbers, amounts and times as the language of the page writes them. */

type Speaking = Pick<Visit, 'language'>

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

const STEPS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** To make one of these takes longer than all else on a page with hundreds of numbers. */
interface Formats {
  readonly plain: Intl.NumberFormat
  readonly amount: Intl.NumberFormat
  readonly whole: Intl.NumberFormat
  readonly time: Intl.DateTimeFormat
  readonly clock: Intl.DateTimeFormat
  readonly dayAndClock: Intl.DateTimeFormat
  readonly durations: ReadonlyMap<string, Intl.NumberFormat>
}

const formatsOf = (language: Language): Formats => {
  const clock = { timeZone: 'UTC', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  return {
    plain: new Intl.NumberFormat(language),
    amount: new Intl.NumberFormat(language, { maximumFractionDigits: 1 }),
    whole: new Intl.NumberFormat(language, { maximumFractionDigits: 0 }),
    time: new Intl.DateTimeFormat(language, {
      dateStyle: 'medium',
      timeStyle: 'medium',
      hourCycle: 'h23',
      timeZone: 'UTC',
    }),
    clock: new Intl.DateTimeFormat(language, clock),
    dayAndClock: new Intl.DateTimeFormat(language, { ...clock, weekday: 'short' }),
    durations: new Map(
      STEPS.map(([unit]) => [unit, new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' })]),
    ),
  }
}

const FORMATS = Object.fromEntries(
  (Object.keys(LANGUAGES) as Language[]).map(language => [language, formatsOf(language)]),
) as Readonly<Record<Language, Formats>>

export const number = ({ language }: Speaking, value: number): string => FORMATS[language].plain.format(value)

/** Powers of 1000, as they stand on memory cards. */
export function bytes({ language }: Speaking, value: number): string {
  let unit = 0
  let amount = value
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1000
    unit++
  }
  const { whole, amount: tenths } = FORMATS[language]
  return `${(unit === 0 || amount >= 100 ? whole : tenths).format(amount)} ${UNITS[unit]}`
}

/** To the second, in UTC: boxes and whoever looks after them are seldom in one zone. */
export const time = ({ language }: Speaking, at: number): Html => {
  const date = new Date(at)
  return html`<time datetime="${date.toISOString()}">${FORMATS[language].time.format(date)} UTC</time>`
}

/** Hours and minutes in UTC; with the day where a plot spans several. */
export const clockTime = ({ language }: Speaking, at: number, isWithDay: boolean): string =>
  FORMATS[language][isWithDay ? 'dayAndClock' : 'clock'].format(at)

/** In the largest unit that fits, e.g. `3 hours`. */
export function duration({ language }: Speaking, ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [unit, size] = STEPS.find(([, each]) => seconds >= each) ?? STEPS.at(-1)!
  return FORMATS[language].durations.get(unit)!.format(Math.floor(seconds / size))
}
