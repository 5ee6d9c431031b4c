import { createReadStream } from 'node:fs'
import type { FastifyRequest } from 'fastify'
import type { JobView } from '../../services/jobs.ts'
import { needs } from '../guard.ts'
import { button, form } from './form.ts'
import { bytes, number, time } from './format.ts'
import { foreign, type Html, html } from './html.ts'
import { showNotFound } from './not-found.ts'
import { jobPath } from './parts.ts'
import type { PagePart } from './site.ts'
import { facts, table } from './table.ts'
import { isAllowed, type Visit } from './visit.ts'

interface OfJob {
  Params: { id: string }
}

/** Seconds after which it is looked at again while it runs. */
const LOOK_AGAIN_S = 2

/** Long work: how far it is, its result. It goes on whether anybody looks or not. */
export const jobs: PagePart = (app, site) => {
  const service = site.services.jobs
  const seen = (request: FastifyRequest<OfJob>): JobView | undefined => {
    const { role } = needs(request, 'operator')
    const job = service.get(request.params.id)
    return job && isAllowed(role, job.role) ? job : undefined
  }
  app.get('/jobs', async (request, reply) => {
    const { role } = needs(request, 'operator')
    const visit = site.visit(request)
    const list = service.list().filter(job => isAllowed(role, job.role))
    const isRunning = list.some(({ state }) => state === 'running')
    const body = html`<div id="jobs"${isRunning && html` data-refresh-s="${LOOK_AGAIN_S}"`}>${jobTable(visit, list)}</div>`
    const refresh = isRunning ? { refreshS: LOOK_AGAIN_S } : {}
    return site.show(reply, visit, { title: visit.strings.jobs.title, body, ...refresh })
  })
  app.get<OfJob>('/jobs/:id', async (request, reply) => {
    const job = seen(request)
    const visit = site.visit(request)
    const { jobs: words } = visit.strings
    if (!job) return site.show(reply, visit, { title: words.title, body: html`<p>${words.gone}</p>`, status: 404 })
    const isRunning = job.state === 'running'
    const body = html`<div id="job"${isRunning && html` data-refresh-s="${LOOK_AGAIN_S}"`}>${oneJob(visit, job)}${form(visit, `${jobPath(job.id)}/remove`, button(isRunning ? words.cancel : words.forget, { kind: isRunning ? 'danger' : 'plain' }))}</div>`
    const refresh = isRunning ? { refreshS: LOOK_AGAIN_S } : {}
    return site.show(reply, visit, { title: kindOf(visit, job), body, ...refresh })
  })
  app.get<OfJob>('/jobs/:id/result', async (request, reply) => {
    const job = seen(request)
    const result = job && service.result(job.id)
    if (!result) return showNotFound(site, request, reply)
    return reply
      .headers({
        'cache-control': 'no-store',
        'content-type': result.contentType,
        'content-length': result.bytes,
        'content-disposition': `attachment; filename="${result.fileName}"`,
        'x-content-type-options': 'nosniff',
      })
      .send(createReadStream(result.path))
  })
  app.post<OfJob>('/jobs/:id/remove', async (request, reply) => {
    const job = seen(request)
    if (!job) return showNotFound(site, request, reply)
    await service.remove(job.id)
    return site.done(reply, '/jobs', 'jobGone')
  })
}

const kindOf = (visit: Visit, { kind }: JobView): string => {
  const { kinds } = visit.strings.jobs
  return Object.hasOwn(kinds, kind) ? kinds[kind]! : kind
}

function progress(visit: Visit, { done, total }: JobView): Html {
  const { jobs: words } = visit.strings
  if (total === null || total === 0) return html`${words.doneSoFar(number(visit, done))}`
  const text = words.doneOf(number(visit, done), number(visit, total))
  return html`<progress max="${total}" value="${Math.min(done, total)}" aria-label="${words.progress}">${text}</progress> ${text}`
}

const resultLink = (visit: Visit, { id, state, resultBytes }: JobView): Html | undefined =>
  state === 'done' && resultBytes !== null
    ? html`<a class="button" href="${jobPath(id)}/result" download>${visit.strings.jobs.download}</a> ${bytes(visit, resultBytes)}`
    : undefined

function oneJob(visit: Visit, job: JobView): Html {
  const { jobs: words } = visit.strings
  const result = resultLink(visit, job)
  return html`<section class="card">${facts([
    [words.subject, foreign(job.subject, 300)],
    [words.state, words.states[job.state]],
    [words.progress, progress(visit, job)],
    [words.started, time(visit, job.startedAt)],
    job.endedAt === null ? undefined : [words.ended, time(visit, job.endedAt)],
    job.reason === null ? undefined : [words.reason, job.reason],
    job.kind === 'restore check' && job.state === 'done'
      ? [words.result, html`<a class="button" href="/backup">${visit.strings.backups.found}</a>`]
      : undefined,
    result && [words.result, result],
  ])}</section>`
}

function jobTable(visit: Visit, list: readonly JobView[]): Html {
  const { jobs: words } = visit.strings
  return table(
    words.caption,
    [
      { title: words.kind, cell: job => html`<a href="${jobPath(job.id)}">${kindOf(visit, job)}</a>` },
      { title: words.subject, cell: ({ subject }) => foreign(subject, 120) },
      { title: words.state, cell: ({ state }) => words.states[state] },
      { title: words.progress, cell: job => progress(visit, job) },
      { title: words.started, cell: ({ startedAt }) => time(visit, startedAt) },
    ],
    list,
    words.none,
  )
}
