import type { FastifyReply, FastifyRequest } from 'fastify'
import { Denied } from '../guard.ts'
import { problemIn } from '../problem.ts'
import { type Html, html } from './html.ts'
import type { Site } from './site.ts'
import type { Visit } from './visit.ts'

/** Why there is no page, in words; whoever only has to sign in is sent there and comes back. */
export function showRefused(site: Site, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const visit = site.visit(request)
  if (error instanceof Denied) return showDenied(site, error, visit, request, reply)
  const problem = problemIn(error)
  const status = problem?.status ?? (error as { statusCode?: number }).statusCode ?? 500
  if (status >= 500) site.services.log.error('page failed', { path: visit.path, reason: String(error) })
  if (problem) reply.headers(problem.headers)
  const { shell } = visit.strings
  const body = html`${why(visit, status, problem?.message)}<p><a href="/">${shell.status}</a></p>`
  const title = status >= 500 ? shell.troubleTitle : status === 404 ? shell.notFoundTitle : shell.errorTitle
  return site.show(reply, visit, { title, body, status, isAlone: !visit.who })
}

function showDenied(site: Site, error: Denied, visit: Visit, request: FastifyRequest, reply: FastifyReply) {
  const { denied, shell } = visit.strings
  if (error.why === 'not signed in' && request.method === 'GET')
    return reply.redirect(`/login?back=${encodeURIComponent(request.url)}`, 303)
  if (error.retryAfterS !== undefined) reply.header('retry-after', error.retryAfterS)
  const body = html`<p>${denied[error.why]}</p><p><a href="/">${shell.status}</a></p>`
  return site.show(reply, visit, { title: denied.title, body, status: error.status, isAlone: !visit.who })
}

/** What went wrong inside is told to the log alone. */
function why({ strings: { shell } }: Visit, status: number, said?: string): Html {
  const sentence = said !== undefined && html`<p lang="en">${said}</p>`
  if (status >= 500) return html`${sentence}<p>${shell.trouble}</p>`
  if (sentence) return html`${sentence}<p>${shell.nothingDone}</p>`
  return html`<p>${status === 413 ? shell.tooLarge : shell.unreadable}</p><p>${shell.nothingDone}</p>`
}
