import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HistoryOwnerRow, HistoryRow, PeerRow, Unfit } from '../../services/history.ts'
import type { JobView } from '../../services/jobs.ts'
import { needs } from '../guard.ts'
import { button, field, form, select } from './form.ts'
import { bytes, number, time } from './format.ts'
import { titleOf } from './history-item.ts'
import { foreign, type Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import { confirmForm, filled, historyPath, jobPath, pager, pathWith, ROWS, searchForm, textsIn } from './parts.ts'
import type { PagePart, Site } from './site.ts'
import { card, table } from './table.ts'
import type { Visit } from './visit.ts'

interface OfUser {
  Params: { aor: string }
}

const FILTERS = ['peer', 'since', 'until', 'subject', 'kind'] as const
type Query = { [name in (typeof FILTERS)[number]]?: string }

/** Whose histories there are, and one of them: search, export, erase. */
export const history: PagePart = (app, site) => {
  app.get('/history', async (request, reply) => {
    needs(request, 'operator')
    const visit = site.visit(request)
    const { histories: words, shell } = visit.strings
    const { user, after } = textsIn(request.query, ['user', 'after'])
    const aor = user === '' ? undefined : site.services.users.aorOf(user)
    if (aor !== undefined) return reply.redirect(historyPath(aor), 303)
    const { owners, next } = await site.services.histories.owners({ ...filled({ after }), limit: ROWS })
    const body = html`<p class="soft">${words.intro}</p>
${searchForm('/history', field({ name: 'user', label: words.owner, type: 'search', value: user, maxLength: 1024, error: user === '' ? undefined : visit.strings.queue.unknownUser }), words.open)}
${ownerTable(visit, owners)}${pager(visit, { path: '/history', query: {}, after, next })}<p><a href="/jobs">${words.jobs}</a></p>`
    return site.show(reply, visit, { title: shell.history, body })
  })
  app.get<OfUser>('/history/:aor', async (request, reply) => {
    needs(request, 'operator')
    return show(site, request, reply)
  })
  work(app, site)
}

const ownerTable = (visit: Visit, owners: readonly HistoryOwnerRow[]): Html => {
  const { histories: words } = visit.strings
  return table(
    words.caption,
    [
      { title: words.owner, cell: ({ aor }) => html`<a href="${historyPath(aor)}">${foreign(aor, 120)}</a>` },
      { title: words.items, cell: ({ items }) => number(visit, items), isNumber: true },
      { title: words.bytes, cell: row => bytes(visit, row.bytes), isNumber: true },
    ],
    owners,
    words.none,
  )
}

function work(app: FastifyInstance, site: Site): void {
  const { histories, users } = site.services
  const started = (request: FastifyRequest<OfUser>, reply: FastifyReply, job: JobView | Unfit | undefined) => {
    const { histories: words } = site.visit(request).strings
    if (job === undefined) return show(site, request, reply, words.busy)
    return 'why' in job ? show(site, request, reply, job.why) : reply.redirect(jobPath(job.id), 303)
  }
  app.post<OfUser>('/history/:aor/export', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    if (aor === undefined || !(await histories.summary(aor))) return showNotFound(site, request, reply)
    return started(request, reply, histories.export(aor, filled(textsIn(request.body, FILTERS))))
  })
  app.get<OfUser>('/history/:aor/erase', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    const summary = aor === undefined ? undefined : await histories.summary(aor)
    if (aor === undefined || !summary) return showNotFound(site, request, reply)
    const visit = site.visit(request)
    const { histories: words } = visit.strings
    const text = html`<p>${words.summary(number(visit, summary.items), bytes(visit, summary.bytes))} ${words.eraseText}</p>`
    const fields = field({ name: 'before', label: words.eraseBefore, type: 'date', hint: words.eraseBeforeHint })
    const options = {
      path: `${historyPath(aor)}/erase`,
      back: historyPath(aor),
      text,
      fields,
      label: words.eraseButton,
    }
    return site.show(reply, visit, { title: words.eraseTitle(aor), body: confirmForm(visit, options) })
  })
  app.post<OfUser>('/history/:aor/erase', async (request, reply) => {
    needs(request, 'operator')
    const aor = users.aorOf(request.params.aor)
    if (aor === undefined || !(await histories.summary(aor))) return showNotFound(site, request, reply)
    const { before } = textsIn(request.body, ['before'])
    return started(request, reply, histories.erase(aor, before === '' ? undefined : before))
  })
}

async function show(site: Site, request: FastifyRequest<OfUser>, reply: FastifyReply, failure?: string) {
  const { histories: service, users } = site.services
  const aor = users.aorOf(request.params.aor)
  const summary = aor === undefined ? undefined : await service.summary(aor)
  if (aor === undefined || !summary) return showNotFound(site, request, reply)
  const visit = site.visit(request)
  const { histories: words } = visit.strings
  const given = textsIn(request.query, [...FILTERS, 'after'])
  const { after, ...query } = filled(given)
  const found = await service.list(aor, { query, ...(after !== undefined && { after }), limit: ROWS })
  const why = failure ?? ('why' in found ? `${words.unfit} ${found.why}` : undefined)
  const path = historyPath(aor)
  const isFirst = Object.keys(query).length === 0 && after === undefined
  const body = html`${why !== undefined && html`<p class="told failed" role="alert">${why}</p>`}
<p>${words.summary(number(visit, summary.items), bytes(visit, summary.bytes))}${summary.oldest !== undefined && html` ${words.oldest} ${time(visit, summary.oldest)}`}</p>
${isFirst && people(visit, path, await service.peers(aor))}
${searchForm(path, filters(visit, given), words.search)}
${!isFirst && html`<p><a href="${path}">${words.everything}</a></p>`}
${'items' in found && html`${items(visit, path, found.items)}${pager(visit, { path, query, after: after ?? '', next: found.next, label: isFirst ? visit.strings.shell.next : words.searchOn })}`}
${summary.items > 0 && actions(visit, path, query)}`
  return site.show(reply, visit, { title: words.of(aor), body, status: why === undefined ? 200 : 422 })
}

function filters(visit: Visit, given: Record<(typeof FILTERS)[number], string>): Html {
  const { histories: words } = visit.strings
  const kinds = [
    { value: '', label: words.anyKind },
    ...Object.entries(words.kinds).map(([value, label]) => ({ value, label })),
  ]
  return html`${field({ name: 'peer', label: words.peer, type: 'search', value: given.peer, maxLength: 1024 })}${field({ name: 'subject', label: words.subjectContains, type: 'search', value: given.subject, maxLength: 300 })}${field({ name: 'since', label: words.since, type: 'date', value: given.since })}${field({ name: 'until', label: words.until, type: 'date', value: given.until })}${select({ name: 'kind', label: words.kind, value: given.kind, choices: kinds })}`
}

/** With whom was spoken lately: each leads to that conversation. */
function people(visit: Visit, path: string, peers: readonly PeerRow[]): Html | false {
  const { histories: words } = visit.strings
  const rows = peers.slice(0, ROWS)
  return (
    rows.length > 0 &&
    card(
      words.people,
      table(
        words.people,
        [
          {
            title: words.peer,
            cell: ({ peer }) => html`<a href="${pathWith(path, { peer })}">${foreign(peer, 120)}</a>`,
          },
          { title: words.items, cell: row => number(visit, row.items), isNumber: true },
          { title: words.latest, cell: ({ latest }) => time(visit, latest) },
        ],
        rows,
        words.noItems,
      ),
    )
  )
}

function items(visit: Visit, path: string, rows: readonly HistoryRow[]): Html {
  const { histories: words } = visit.strings
  return table(
    words.listCaption,
    [
      {
        title: words.item,
        cell: row => html`<a href="${path}/${encodeURIComponent(row.reference)}">${titleOf(visit, row, 120)}</a>`,
      },
      { title: words.when, cell: ({ received }) => time(visit, received) },
      { title: words.peer, cell: ({ peer }) => foreign(peer, 120) },
      { title: words.kind, cell: row => `${words.kinds[row.kind]}, ${words.roles[row.role]}` },
      { title: words.bytes, cell: row => bytes(visit, row.bytes), isNumber: true },
      { title: words.state, cell: row => words.states[row.state] },
    ],
    rows,
    words.noItems,
  )
}

function actions(visit: Visit, path: string, query: Query): Html {
  const { histories: words } = visit.strings
  const hidden = Object.entries(query).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )
  return html`${card(words.export, form(visit, `${path}/export`, html`<p>${words.exportText}</p>${hidden}${button(words.export)}`))}<p><a class="button" href="${path}/erase">${words.erase}</a> <a href="/jobs">${words.jobs}</a></p>`
}
