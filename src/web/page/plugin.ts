import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import type { FastifyPluginAsync } from 'fastify'
import type { WebServices } from '../../services/services.ts'
import { guard } from '../guard.ts'
import { aboutPage } from './about.ts'
import { account } from './account.ts'
import { assetAt } from './assets.ts'
import { backup } from './backup.ts'
import { certificates } from './certificates.ts'
import { changes } from './changes.ts'
import { history } from './history.ts'
import { historyItem } from './history-item.ts'
import { jobs } from './jobs.ts'
import { login } from './login.ts'
import { logs } from './logs.ts'
import { logsLive } from './logs-live.ts'
import { message } from './message.ts'
import { notFound } from './not-found.ts'
import { queue } from './queue.ts'
import { showRefused } from './refused.ts'
import { settingsPages } from './settings-pages.ts'
import { setup } from './setup.ts'
import { setupFirst } from './setup-steps.ts'
import { makeSite, type PagePart } from './site.ts'
import { statusPage } from './status.ts'
import { support } from './support.ts'
import { time } from './time.ts'
import { user } from './user.ts'
import { users } from './users.ts'

const PARTS: readonly PagePart[] = [
  statusPage,
  aboutPage,
  login,
  setup,
  account,
  changes,
  settingsPages,
  certificates,
  time,
  logs,
  logsLive,
  users,
  user,
  queue,
  message,
  history,
  historyItem,
  jobs,
  backup,
  support,
  notFound,
]

/** Fields of the largest form, some dozens, fit many times over; a file goes another way. */
const FORM_BYTES_MAX = 64 * 1024

/** Nothing comes from anywhere else, and nothing is written into the document that could act. */
const CONTENT_SECURITY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    scriptSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  },
}

/** The config page: documents for people, every one behind the guard. */
export const pages =
  (services: WebServices): FastifyPluginAsync =>
  async app => {
    const site = makeSite(services)
    await app.register(cookie)
    await app.register(formbody, { bodyLimit: FORM_BYTES_MAX })
    await app.register(helmet, {
      contentSecurityPolicy: CONTENT_SECURITY,
      // A self-signed certificate that was replaced must not lock anybody out for a year.
      strictTransportSecurity: false,
      referrerPolicy: { policy: 'same-origin' },
    })
    app.get('/assets/:name', async (request, reply) => {
      const asset = assetAt(request.url)
      if (!asset) return reply.code(404).type('text/plain; charset=utf-8').send('There is no such file.\n')
      const accepted = String(request.headers['accept-encoding'] ?? '')
      const coding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : undefined
      if (coding) reply.header('content-encoding', coding)
      return reply
        .headers({ 'cache-control': 'public, max-age=31536000, immutable', vary: 'accept-encoding' })
        .type(asset.type)
        .send(coding === 'br' ? asset.brotli : coding === 'gzip' ? asset.gzip : asset.plain)
    })
    await app.register(async inner => {
      guard(inner, services)
      inner.addHook('onRequest', async (request, reply) => setupFirst(request, reply, site))
      inner.setErrorHandler((error, request, reply) => showRefused(site, error, request, reply))
      for (const part of PARTS) part(inner, site)
    })
  }
