import type { FastifyReply } from 'fastify'
import type { OpenSession, Who } from '../../services/access.ts'
import { changeOwnPassword, endSession, visibleSessions } from '../access/operations.ts'
import { addressOf, needs } from '../guard.ts'
import { accountOthers, administratorsCard } from './account-others.ts'
import { type AccountView, fieldOf, type ShowAccount } from './account-parts.ts'
import { accountTokens, tokensCard } from './account-tokens.ts'
import { button, errorSummary, type FormErrors, field, form } from './form.ts'
import { time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import type { PagePart, Site } from './site.ts'
import { card, table } from './table.ts'
import { isAllowed, type Visit } from './visit.ts'

/** One's own password and sessions; for administrators those of all, the other administrators, and tokens. */
export const account: PagePart = (app, site) => {
  const desk = site.services
  const show: ShowAccount = (reply, visit, who, view) => showAccount(site, reply, visit, who, view)
  app.get('/account', async (request, reply) => show(reply, site.visit(request), needs(request, 'viewer'), {}))
  app.post<{ Body: unknown }>('/account/password', async (request, reply) => {
    const who = needs(request, 'viewer')
    const visit = site.visit(request)
    const [old, fresh, again] = ['old', 'fresh', 'again'].map(name => fieldOf(request.body, name))
    if (fresh !== again) return show(reply, visit, who, { errors: { again: visit.strings.setup.notSame } })
    const asked = { old: old!, fresh: fresh!, from: addressOf(request) }
    const refusal = await changeOwnPassword(desk, who, asked)
    if (refusal === undefined) return site.done(reply, '/account', 'passwordChanged')
    const name = refusal === 'wrong password' ? 'old' : 'fresh'
    return show(reply, visit, who, { errors: { [name]: visit.strings.accessRefusals[refusal] } })
  })
  app.post<{ Params: { id: string } }>('/account/sessions/:id/end', async (request, reply) => {
    if (!endSession(desk, needs(request, 'viewer'), request.params.id)) return showNotFound(site, request, reply)
    return site.done(reply, '/account', 'sessionEnded')
  })
  accountOthers(app, site, show)
  accountTokens(app, site, show)
}

function showAccount(site: Site, reply: FastifyReply, visit: Visit, who: Who, view: AccountView): FastifyReply {
  const { errors = {}, made } = view
  const { shell } = visit.strings
  const { access } = site.services
  const isAdmin = isAllowed(who.role, 'admin')
  const shown =
    made &&
    html`<section class="told done" role="status"><h2>${made.title}</h2><p><code class="secret">${made.secret}</code></p><p>${made.hint}</p></section>`
  const body = html`${errorSummary(visit, errors)}${shown}${passwordCard(visit, who, errors)}
${sessionsCard(visit, who, visibleSessions(site.services, who))}
${isAdmin && administratorsCard(visit, who, access.administrators(), view)}
${isAdmin && tokensCard(visit, access.tokens(), Date.now(), view)}`
  return site.show(reply, visit, { title: shell.account, body, status: Object.keys(errors).length > 0 ? 422 : 200 })
}

function passwordCard(visit: Visit, who: Who, errors: FormErrors): Html {
  const { account: words, setup } = visit.strings
  if (who.by === 'token') return card(words.passwordTitle, html`<p>${words.noPassword}</p>`)
  const one = { type: 'password', isRequired: true, maxLength: 256 } as const
  const fresh = { ...one, autocomplete: 'new-password' }
  const fields = html`<input type="hidden" name="username" value="${who.name}" autocomplete="username">
${field({ ...one, name: 'old', label: words.old, autocomplete: 'current-password', error: errors.old })}
${field({ ...fresh, name: 'fresh', label: words.fresh, hint: setup.passwordHint, error: errors.fresh })}
${field({ ...fresh, name: 'again', label: setup.again, error: errors.again })}
${button(words.changeOwn)}<p class="hint">${words.changeHint}</p>`
  return card(words.passwordTitle, form(visit, '/account/password', fields))
}

function sessionsCard(visit: Visit, who: Who, sessions: readonly OpenSession[]): Html {
  const { account: words, shell } = visit.strings
  const title = isAllowed(who.role, 'admin') ? words.allSessions : words.sessions
  const rows = [...sessions].sort((a, b) => b.seen - a.seen)
  const columns = [
    {
      title: words.name,
      cell: (row: OpenSession) => html`${foreign(row.name)}${row.id === who.session && html` (${words.thisOne})`}`,
    },
    { title: words.since, cell: ({ since }: OpenSession) => time(visit, since) },
    { title: words.seen, cell: ({ seen }: OpenSession) => time(visit, seen) },
    { title: words.from, cell: ({ from }: OpenSession) => foreign(from) },
    { title: words.agent, cell: ({ agent }: OpenSession) => foreign(agent, 120) },
    {
      title: words.end,
      cell: ({ id }: OpenSession) => form(visit, `/account/sessions/${id}/end`, button(words.end, { kind: 'plain' })),
    },
  ]
  return card(title, html`${table(title, columns, rows, shell.none)}<p class="hint">${words.sessionsHint}</p>`)
}
