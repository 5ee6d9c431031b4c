import type { FastifyReply, FastifyRequest } from 'fastify'
import { needs } from '../guard.ts'
import { html } from './html.ts'
import type { PagePart, Site } from './site.ts'

/** RFC 9110 15.5.5, for people. */
export function showNotFound(site: Site, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const visit = site.visit(request)
  const { shell } = visit.strings
  const body = html`<p>${shell.notFound}</p><p><a href="/">${shell.status}</a></p>`
  return site.show(reply, visit, { title: shell.notFoundTitle, body, status: 404, isAlone: !visit.who })
}

/** Every address that no other part has; strangers learn of none which it is. */
export const notFound: PagePart = (app, site) => {
  app.all('/*', async (request, reply) => {
    needs(request, 'viewer')
    return showNotFound(site, request, reply)
  })
}
