import type { FastifyInstance } from 'fastify'
import type { Token } from '../../services/access.ts'
import { addToken, isRole, removeToken } from '../access/operations.ts'
import { needs } from '../guard.ts'
import { type AccountView, fieldOf, roles, type ShowAccount, sure } from './account-parts.ts'
import { button, field, form } from './form.ts'
import { time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import type { Site } from './site.ts'
import { card, table } from './table.ts'
import type { Visit } from './visit.ts'

const PATH = '/account/tokens'
const DAY_MS = 86_400_000
/** What is meant for longer is meant to stand. */
const DAYS_MAX = 3650

/** What scripts come in with. */
export function accountTokens(app: FastifyInstance, site: Site, show: ShowAccount): void {
  const desk = site.services
  app.post<{ Body: unknown }>(PATH, async (request, reply) => {
    const who = needs(request, 'admin')
    const visit = site.visit(request)
    const { account: words, accessRefusals } = visit.strings
    const [name, role, days] = ['token', 'tokenRole', 'days'].map(each => fieldOf(request.body, each).trim())
    const given = { token: name!, tokenRole: role!, days: days! }
    const isDays = days === '' || (/^\d{1,4}$/.test(days!) && Number(days) >= 1 && Number(days) <= DAYS_MAX)
    if (!isDays) return show(reply, visit, who, { given, errors: { days: words.daysWrong(DAYS_MAX) } })
    if (!isRole(role)) return show(reply, visit, who, { given, errors: { tokenRole: words.noRole } })
    const expiresAt = days === '' ? undefined : Date.now() + Number(days) * DAY_MS
    const made = addToken(desk, who, { name: name!, role, expiresAt })
    if (typeof made === 'string') {
      const text = made === 'name unfit' ? words.tokenNameUnfit : accessRefusals[made]
      return show(reply, visit, who, { given, errors: { token: text } })
    }
    const shown = { title: words.tokenMade(name!), secret: made.secret, hint: words.tokenMadeHint }
    return show(reply, visit, who, { made: shown })
  })
  app.post<{ Params: { id: string } }>(`${PATH}/:id/remove`, async (request, reply) => {
    if (!removeToken(desk, needs(request, 'admin'), request.params.id)) return showNotFound(site, request, reply)
    return site.done(reply, '/account', 'removed')
  })
}

export function tokensCard(
  visit: Visit,
  tokens: readonly Token[],
  wall: number,
  { errors = {}, given = {} }: AccountView,
): Html {
  const { account: words, shell } = visit.strings
  const columns = [
    { title: words.tokenName, cell: ({ name }: Token) => foreign(name) },
    { title: words.role, cell: ({ role }: Token) => shell.roles[role] },
    { title: words.created, cell: ({ createdAt }: Token) => time(visit, createdAt) },
    {
      title: words.expires,
      cell: ({ expiresAt }: Token) =>
        expiresAt === undefined
          ? shell.never
          : html`${time(visit, expiresAt)}${expiresAt <= wall && html` <strong>${words.hasEnded}</strong>`}`,
    },
    {
      title: words.change,
      cell: ({ id, name }: Token) =>
        sure(
          words.remove,
          html`<p>${words.tokenRemoveText(name)}</p>${form(visit, `${PATH}/${id}/remove`, button(words.removeNow, { kind: 'danger' }))}`,
        ),
    },
  ]
  const add = html`${field({ name: 'token', label: words.tokenName, value: given.token ?? '', hint: words.tokenNameHint, error: errors.token, isRequired: true, maxLength: 64, autocomplete: 'off' })}
${roles(visit, 'tokenRole', given.tokenRole ?? 'viewer', errors.tokenRole)}
${field({ name: 'days', label: words.days, value: given.days ?? '', hint: words.daysHint, error: errors.days, type: 'number', min: 1, max: DAYS_MAX, unit: words.daysUnit })}
${button(words.addTokenNow)}`
  return card(
    words.tokens,
    html`${table(words.tokens, columns, tokens, words.noTokens)}<p class="hint">${words.tokensHint}</p>
<h3>${words.addToken}</h3>${form(visit, PATH, add)}`,
  )
}
