import type { FastifyReply, FastifyRequest } from 'fastify'
import type { UserPage } from '../../services/users.ts'
import { needs } from '../guard.ts'
import { button, errorSummary, type FormErrors, field, form } from './form.ts'
import { bytes, number } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { filled, pager, ROWS, searchForm, textsIn, userPath } from './parts.ts'
import type { PagePart, Site } from './site.ts'
import { card, table } from './table.ts'
import { isAllowed, type Visit } from './visit.ts'

/** Who has an account, who is registered, and for whom something waits. */
export const users: PagePart = (app, site) => {
  app.get('/users', async (request, reply) => {
    needs(request, 'viewer')
    return show(site, request, reply, {}, '')
  })
  app.post('/users', async (request, reply) => {
    needs(request, 'operator')
    const visit = site.visit(request)
    const { users: words } = visit.strings
    const { aor, password } = given(request.body)
    const made = await site.services.users.add(aor, password === '' ? undefined : password)
    if (!('refused' in made)) return showPassword(site, reply, visit, words.addedTitle, words.added, made)
    const isPassword = made.refused.startsWith('password')
    return show(site, request, reply, { [isPassword ? 'password' : 'aor']: words.refusals[made.refused] }, aor)
  })
}

/** A password is taken as it is. */
function given(body: unknown): { aor: string; password: string } {
  const { password } = (body ?? {}) as { password?: unknown }
  return { ...textsIn(body, ['aor']), password: typeof password === 'string' ? password : '' }
}

async function show(site: Site, request: FastifyRequest, reply: FastifyReply, errors: FormErrors, typed: string) {
  const visit = site.visit(request)
  const { users: words, shell } = visit.strings
  const { search, after } = textsIn(request.query, ['search', 'after'])
  const page = await site.services.users.list({ ...filled({ search, after }), limit: ROWS })
  const body = html`${errorSummary(visit, errors)}
<p>${words.totals(number(visit, page.accounts), number(visit, page.contacts))}</p>
${searchForm('/users', field({ name: 'search', label: words.search, type: 'search', value: search, maxLength: 300 }), words.searchButton)}
${search !== '' && html`<p><a href="/users">${words.all}</a></p>`}
${accounts(visit, page)}
${search !== '' && page.next !== undefined && page.users.length < ROWS && html`<p class="hint">${words.partly}</p>`}
${pager(visit, { path: '/users', query: { search }, after, next: page.next, ...(search !== '' && { label: words.searchOn }) })}
${isAllowed(visit.who?.role, 'operator') && addForm(visit, errors, typed)}`
  const status = Object.keys(errors).length > 0 ? 422 : 200
  return site.show(reply, visit, { title: shell.users, body, status })
}

function accounts(visit: Visit, { users: rows }: UserPage): Html {
  const { users: words, shell } = visit.strings
  return table(
    words.caption,
    [
      { title: words.address, cell: ({ aor }) => html`<a href="${userPath(aor)}">${foreign(aor, 120)}</a>` },
      { title: words.origin, cell: ({ origin }) => words.origins[origin] },
      {
        title: words.registered,
        cell: ({ contacts }) =>
          contacts === 0
            ? html`<span class="soft">${words.notRegistered}</span>`
            : html`<span class="good">${words.contacts(contacts, number(visit, contacts))}</span>`,
      },
      { title: words.waiting, cell: ({ waiting }) => number(visit, waiting), isNumber: true },
      {
        title: words.waitingBytes,
        cell: row => (row.waiting === 0 ? '–' : bytes(visit, row.waitingBytes)),
        isNumber: true,
      },
    ],
    rows,
    rows.length === 0 ? words.none : shell.none,
  )
}

function addForm(visit: Visit, errors: FormErrors, typed: string): Html {
  const { users: words } = visit.strings
  return card(
    words.addTitle,
    form(
      visit,
      '/users',
      html`${field({ name: 'aor', label: words.addAddress, hint: words.addAddressHint(visit.domain), value: typed, error: errors.aor, isRequired: true, maxLength: 1024, autocomplete: 'off' })}${field({ name: 'password', label: words.password, hint: words.passwordHint, error: errors.password, type: 'password', autocomplete: 'new-password', maxLength: 256 })}${button(words.add)}`,
    ),
  )
}

/** The one time that a password is shown. */
export function showPassword(
  site: Site,
  reply: FastifyReply,
  visit: Visit,
  title: string,
  text: string,
  { aor, password }: { readonly aor: string; readonly password?: string },
) {
  const { users: words } = visit.strings
  const secret =
    password === undefined
      ? html`<p>${words.passwordOfYours}</p>`
      : html`<p class="big mono">${password}</p><p>${words.passwordOnce}</p>`
  const body = html`<p>${text}</p>${card(aor, html`${secret}`)}<p><a class="button" href="${userPath(aor)}">${words.toUser}</a></p>`
  return site.show(reply, visit, { title, body })
}
