import { type Html, html } from './html.ts'
import type { Visit } from './visit.ts'

type Speaking = Pick<Visit, 'language'>

/** Numbers, amounts and times as the language of the page writes them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

export const number = ({ language }: Speaking, value: number): string => new Intl.NumberFormat(language).format(value)

/** Powers of 1000, as they stand on memory cards. */
export function bytes({ language }: Speaking, value: number): string {
  let unit = 0
  let amount = value
  while (amount >= 1000 && unit < UNITS.length - 1) {
    amount /= 1000
    unit++
  }
  const digits = unit === 0 || amount >= 100 ? 0 : 1
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(amount)} ${UNITS[unit]}`
}

/** To the second, in UTC: boxes and whoever looks after them are seldom in one zone. */
export const time = ({ language }: Speaking, at: number): Html => {
  const date = new Date(at)
  const shown = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })
  return html`<time datetime="${date.toISOString()}">${shown.format(date)} UTC</time>`
}

/** Hours and minutes in UTC; with the day where a plot spans several. */
export const clockTime = ({ language }: Speaking, at: number, isWithDay: boolean): string =>
  new Intl.DateTimeFormat(language, {
    timeZone: 'UTC',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(isWithDay && { weekday: 'short' }),
  }).format(at)

/** In the largest unit that fits, e.g. `3 hours`. */
export function duration({ language }: Speaking, ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [unit, size] = STEPS.find(([, each]) => seconds >= each) ?? STEPS.at(-1)!
  const amount = Math.floor(seconds / size)
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(amount)
}

const STEPS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const
