import type { FastifyReply } from 'fastify'
import type { Who } from '../../services/access.ts'
import { type FormErrors, select } from './form.ts'
import { type Html, html } from './html.ts'
import type { Visit } from './visit.ts'

/** What a form left behind: what was wrong with it, what it said, and what is shown once. */
export interface AccountView {
  readonly errors?: FormErrors
  readonly given?: Readonly<Record<string, string>>
  readonly made?: { readonly title: string; readonly secret: string; readonly hint: string }
}

export type ShowAccount = (reply: FastifyReply, visit: Visit, who: Who, view: AccountView) => FastifyReply

/** One text of a form; empty where there is none. */
export function fieldOf(body: unknown, name: string): string {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : ''
}

/** A second look before something is done, without script. */
export const sure = (title: string, content: Html): Html =>
  html`<details class="sure"><summary>${title}</summary>${content}</details>`

/** `name` is the only one of the page. */
export const roles = ({ strings }: Visit, name: string, value: string, error?: string): Html =>
  select({
    name,
    label: strings.account.role,
    value,
    error,
    choices: (['viewer', 'operator', 'admin'] as const).map(role => ({
      value: role,
      label: strings.shell.roles[role],
    })),
  })
