import type { FastifyInstance } from 'fastify'
import type { AccessRefusal, Administrator, Who } from '../../services/access.ts'
import { addAdministrator, changeRole, isRole, removeAdministrator, resetPassword } from '../access/operations.ts'
import { needs } from '../guard.ts'
import { type AccountView, fieldOf, roles, type ShowAccount, sure } from './account-parts.ts'
import { button, field, form } from './form.ts'
import { time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import type { Site } from './site.ts'
import { card, table } from './table.ts'
import type { Visit } from './visit.ts'

const PATH = '/account/administrators'

interface Named {
  readonly Params: { readonly name: string }
  readonly Body: unknown
}

/** Those who look after the box: added, given another role or password, removed. */
export function accountOthers(app: FastifyInstance, site: Site, show: ShowAccount): void {
  const desk = site.services
  app.post<{ Body: unknown }>(PATH, async (request, reply) => {
    const who = needs(request, 'admin')
    const visit = site.visit(request)
    const { account: words, accessRefusals } = visit.strings
    const [name, role] = [fieldOf(request.body, 'name').trim(), fieldOf(request.body, 'role')]
    const given = { name, role }
    if (!isRole(role)) return show(reply, visit, who, { given, errors: { role: words.noRole } })
    const made = await addAdministrator(desk, who, { name, role })
    if ('refused' in made) return show(reply, visit, who, { given, errors: { name: accessRefusals[made.refused] } })
    return show(reply, visit, who, { made: { title: words.made(name), secret: made.password, hint: words.madeHint } })
  })
  app.post<Named>(`${PATH}/:name/role`, async (request, reply) => {
    const who = needs(request, 'admin')
    const visit = site.visit(request)
    const role = fieldOf(request.body, `role-${request.params.name}`)
    if (!isRole(role)) return show(reply, visit, who, { errors: { others: visit.strings.account.noRole } })
    const refused = changeRole(desk, who, request.params.name, role)
    return refused ? show(reply, visit, who, refusedBy(visit, refused)) : site.done(reply, '/account', 'roleChanged')
  })
  app.post<Named>(`${PATH}/:name/password`, async (request, reply) => {
    const who = needs(request, 'admin')
    const visit = site.visit(request)
    const { account: words } = visit.strings
    const { name } = request.params
    const made = await resetPassword(desk, who, name)
    if ('refused' in made) return show(reply, visit, who, refusedBy(visit, made.refused))
    return show(reply, visit, who, { made: { title: words.made(name), secret: made.password, hint: words.madeHint } })
  })
  app.post<Named>(`${PATH}/:name/remove`, async (request, reply) => {
    const who = needs(request, 'admin')
    const visit = site.visit(request)
    const refused = removeAdministrator(desk, who, request.params.name)
    return refused ? show(reply, visit, who, refusedBy(visit, refused)) : site.done(reply, '/account', 'removed')
  })
}

const refusedBy = ({ strings }: Visit, refusal: AccessRefusal): AccountView => ({
  errors: { others: strings.accessRefusals[refusal] },
})

export function administratorsCard(
  visit: Visit,
  who: Who,
  administrators: readonly Administrator[],
  { errors = {}, given = {} }: AccountView,
): Html {
  const { account: words, shell } = visit.strings
  const columns = [
    { title: words.name, cell: ({ name }: Administrator) => foreign(name) },
    { title: words.role, cell: ({ role }: Administrator) => shell.roles[role] },
    { title: words.changed, cell: ({ changedAt }: Administrator) => time(visit, changedAt) },
    { title: words.change, cell: (each: Administrator) => (isOwn(who, each) ? words.thisOne : acts(visit, each)) },
  ]
  const add = html`${field({ name: 'name', label: words.name, value: given.name ?? '', hint: words.nameHint, error: errors.name, isRequired: true, maxLength: 32, autocomplete: 'off' })}${roles(visit, 'role', given.role ?? 'viewer', errors.role)}${button(words.addNow)}`
  return card(
    words.administrators,
    html`${errors.others !== undefined && html`<p class="error" id="f-others">${errors.others}</p>`}${table(words.administrators, columns, administrators, shell.none)}<p class="hint">${words.administratorsHint}</p>
<h3>${words.add}</h3>${form(visit, PATH, add)}`,
  )
}

const isOwn = (who: Who, { name }: Administrator): boolean => who.by !== 'token' && who.name === name

/** The account `admin` keeps its role and stays. */
function acts(visit: Visit, { name, role }: Administrator): Html {
  const { account: words } = visit.strings
  const path = `${PATH}/${encodeURIComponent(name)}`
  const act = (what: string, label: string, kind: 'plain' | 'danger', field?: Html): Html =>
    form(visit, `${path}/${what}`, html`${field}${button(label, { kind })}`)
  const reset = sure(words.reset, html`<p>${words.resetText(name)}</p>${act('password', words.resetNow, 'danger')}`)
  if (name === 'admin') return reset
  return html`<div>${sure(words.changeRole, act('role', words.changeRole, 'plain', roles(visit, `role-${name}`, role)))}
${reset}${sure(words.remove, html`<p>${words.removeText(name)}</p>${act('remove', words.removeNow, 'danger')}`)}</div>`
}
