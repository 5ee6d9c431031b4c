import type { FastifyInstance } from 'fastify'
import { area, button, errorSummary, type FormErrors, form } from './form.ts'
import { foreign, html } from './html.ts'
import { during, link, pathOf, showStep } from './setup-steps.ts'
import type { Site } from './site.ts'
import { card, table } from './table.ts'
import type { Visit } from './visit.ts'

/** As many as one writes down by hand; the page of the users makes more. */
const USERS_MAX = 20

interface Made {
  readonly aor: string
  readonly password: string
}

/** The first users: their names are asked, and their passwords shown once. */
export function setupUsers(app: FastifyInstance, site: Site): void {
  app.get(
    pathOf('users'),
    during(site, 'users', (request, reply) => show(site, reply, site.visit(request), { names: '' })),
  )
  app.post(
    pathOf('users'),
    during(site, 'users', async (request, reply) => {
      const visit = site.visit(request)
      const { names: given } = (request.body ?? {}) as { names?: unknown }
      const names = typeof given === 'string' ? given.split(/[\s,;]+/).filter(name => name !== '') : []
      if (names.length > USERS_MAX)
        return show(site, reply, visit, { names: String(given), wrong: [visit.strings.setup.usersMax(USERS_MAX)] })
      const made: Made[] = []
      const left: string[] = []
      const wrong: string[] = []
      for (const name of names) {
        const set = await site.services.users.add(name)
        if ('refused' in set) {
          left.push(name)
          wrong.push(`${name}: ${visit.strings.users.refusals[set.refused]}`)
        } else made.push({ aor: set.aor, password: set.password! })
      }
      return show(site, reply, visit, { names: left.join('\n'), wrong, made })
    }),
  )
}

interface UsersView {
  readonly names: string
  readonly wrong?: readonly string[]
  readonly made?: readonly Made[]
}

async function show(
  site: Site,
  reply: Parameters<Site['show']>[0],
  visit: Visit,
  { names, wrong = [], made = [] }: UsersView,
) {
  const { setup: words } = visit.strings
  const errors: FormErrors = wrong.length > 0 ? { names: wrong.join(' ') } : {}
  const { users, accounts } = await site.services.users.list({ limit: 100 })
  const shown =
    made.length > 0 && card(words.made, html`${madeTable(visit, made)}<p class="hint">${words.madeHint}</p>`)
  const field = area({
    name: 'names',
    label: words.userNames,
    value: names,
    hint: words.userNamesHint,
    error: errors.names,
  })
  const list = table(words.usersCaption, [{ title: words.user, cell: ({ aor }) => foreign(aor) }], users, words.noUsers)
  const body = html`${errorSummary(visit, errors)}${shown}<p>${words.usersText}</p>
${form(visit, pathOf('users'), html`${field}${button(words.addUsers, { kind: 'plain' })}`)}
${list}${accounts > users.length && html`<p class="hint">…</p>`}
${link(pathOf('summary'), words.next)}`
  return showStep(site, reply, visit, { step: 'users', body, status: wrong.length > 0 ? 422 : 200 })
}

const madeTable = ({ strings: { setup: words } }: Visit, made: readonly Made[]) =>
  table(
    words.usersCaption,
    [
      { title: words.user, cell: ({ aor }) => foreign(aor) },
      { title: words.userPassword, cell: ({ password }) => html`<code>${password}</code>` },
    ],
    made,
    words.noUsers,
  )
