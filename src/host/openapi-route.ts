import type { FastifyPluginAsync } from 'fastify'
import type { WebServices } from '../services/services.ts'
import { adminApi, forRole } from './admin-api.ts'

/** What the API takes and gives, for programs: made of the routes that are there. */
export const openApi = (
  services: Pick<WebServices, 'log'> & Parameters<typeof adminApi>[0]['guarded'],
): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    app.get('/api/v1/openapi.json', forRole('viewer'), async (_request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .type('application/vnd.oai.openapi+json')
        .send(JSON.stringify(app.swagger())),
    )
  })
