import cookie from '@fastify/cookie'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { Log } from '../base/log.ts'
import { printable } from '../base/quoted.ts'
import type { Role } from '../services/access.ts'
import type { Verb, Verbs } from '../store/verbs.ts'
import { Denied, type Guarded, guard, needs } from '../web/guard.ts'
import { Problem, problemIn, sendDenied, sendProblem } from '../web/problem.ts'
import { accountAor } from './accounts.ts'
import type { OutsideStore } from './outside-store.ts'
import { messageOf, PlainError } from './plain-error.ts'

/** What all of `/api/v1/` has in common. Errors are application/problem+json (RFC 9457). */

/** Routes for the administrator alone, unless a route says `forRole`. */
export const adminApi =
  (
    { guarded, log }: { readonly guarded: Guarded; readonly log: Log },
    routes: (app: FastifyInstance) => void,
  ): FastifyPluginAsync =>
  async app => {
    app.setErrorHandler((error, request, reply) => {
      if (error instanceof Denied) return sendDenied(request, reply, error)
      if (!(error instanceof Problem)) {
        const { statusCode = 500 } = error as { statusCode?: number }
        const level = statusCode < 500 ? 'debug' : 'error'
        log[level]('request of the API failed', { reason: messageOf(error) })
      }
      return sendProblem(reply, problemIn(error) ?? error)
    })
    await app.register(cookie)
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('x-content-type-options', 'nosniff')
    })
    guard(app, guarded)
    app.addHook('preValidation', async request => {
      needs(request, request.routeOptions.config.role ?? 'admin')
    })
    routes(app)
  }

/** What no part of the API has. */
export const unknownApi = (options: { readonly guarded: Guarded; readonly log: Log }): FastifyPluginAsync =>
  adminApi(options, app => {
    app.all('/api/*', forRole('viewer'), async request => {
      throw new Problem(404, `There is no ${request.method} ${request.url.split('?')[0]}. See /api/v1/openapi.json.`)
    })
  })

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Least role of those who are served. */
    role?: Role
  }
}

/** Options of a route that others than the administrator may ask too. */
export const forRole = (role: Role): { config: { role: Role } } => ({ config: { role } })

export const noSuchUser = (aor: string): Problem => new Problem(404, `There is no account ${aor}.`)

/** Of what somebody wrote into an address: enough to know it by. */
const shown = (text: string): string => printable(text.slice(0, 200))

/** `alice`, `alice@example.org` or `sip:alice@example.org`. Throws the Problem. */
export function aorIn(text: string, domain: string): string {
  const aor = accountAor(text, domain)
  if (aor === undefined) throw noSuchUser(shown(text))
  return aor
}

export interface ApiLink {
  ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<Verbs[V]['reply']>
}

/** What the store refuses is 503. */
export const linkTo = (store: OutsideStore): ApiLink => ({
  ask: async (verb, request) => {
    const result = await store.ask(verb, request)
    if ('failure' in result) throw new Problem(503, `The store failed: ${result.failure}.`, { 'retry-after': '5' })
    return result.value
  },
})

export function orRefused<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    return refused(error)
  }
}

/** What a person has to put right in the request is 422. */
export function refused(error: unknown): never {
  throw error instanceof PlainError ? new Problem(422, error.message) : error
}
