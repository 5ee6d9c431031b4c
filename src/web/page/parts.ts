import type { FastifyRequest } from 'fastify'
import { button, form } from './form.ts'
import { type Html, html } from './html.ts'
import type { Visit } from './visit.ts'

/** What the pages of users, messages and histories have in common. */

export const ROWS = 50

/** The longest text that is looked for, or that names a place in a list. */
const TEXT_LENGTH_MAX = 3072

export const userPath = (aor: string): string => `/users/${encodeURIComponent(aor)}`
export const messagePath = (id: string): string => `/queue/${encodeURIComponent(id)}`
export const historyPath = (aor: string): string => `/history/${encodeURIComponent(aor)}`
export const jobPath = (id: string): string => `/jobs/${encodeURIComponent(id)}`

/** They would come back in the form; nothing that is looked for has one. */
const UNSEEN = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** Fields of a form or a query, each one line of text, trimmed and clipped; what is something else, or not there, is empty. Not for passwords or for what stands on several lines. */
export function textsIn<Name extends string>(given: unknown, names: readonly Name[]): Record<Name, string> {
  const fields = (typeof given === 'object' && given !== null ? given : {}) as Readonly<Record<string, unknown>>
  const texts = names.map(name => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined
    return [name, typeof value === 'string' ? value.slice(0, TEXT_LENGTH_MAX).trim().replace(UNSEEN, '\ufffd') : '']
  })
  return Object.fromEntries(texts) as Record<Name, string>
}

/** Only those that say something. */
export const filled = <Name extends string>(texts: Readonly<Record<Name, string>>): { [name in Name]?: string } =>
  Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')) as { [name in Name]?: string }

/** The path with what is asked of it. */
export function pathWith(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '')
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

interface Pages {
  readonly path: string
  /** What was searched for. */
  readonly query: Readonly<Record<string, string | undefined>>
  readonly after: string
  readonly next: string | undefined
  /** In place of "next page", where it goes on with a search. */
  readonly label?: string
}

/** To the first page, and to the next one. */
export function pager({ strings }: Visit, { path, query, after, next, label }: Pages): Html | false {
  if (after === '' && next === undefined) return false
  return html`<p class="row">${after !== '' && html`<a class="button" href="${pathWith(path, query)}">${strings.shell.first}</a>`}${next !== undefined && html`<a class="button" href="${pathWith(path, { ...query, after: next })}">${label ?? strings.shell.next}</a>`}</p>`
}

/** A form that only looks: its fields stand in the address. */
export const searchForm = (path: string, fields: Html, label: string): Html =>
  html`<form method="get" action="${path}" role="search"><div class="row">${fields}${button(label)}</div></form>`

/** What is about to be destroyed or done, in words, and the way back. */
export const confirmForm = (visit: Visit, { path, back, text, fields, label, kind = 'danger' }: ConfirmOptions): Html =>
  html`${text}${form(visit, path, html`${fields}<div class="row">${button(label, { kind })}<a class="button" href="${back}">${visit.strings.shell.cancel}</a></div>`)}`

interface ConfirmOptions {
  readonly path: string
  readonly back: string
  readonly text: Html
  /** Asked for with it. */
  readonly fields?: Html
  readonly label: string
  readonly kind?: 'main' | 'danger'
}

/** Without what follows it. */
export const hostOf = ({ headers }: FastifyRequest): string => (headers.host ?? '').replace(/:\d*$/, '')
