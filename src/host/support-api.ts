import type { FastifyPluginAsync } from 'fastify'
import Type, { type Static } from 'typebox'
import type { WebServices } from '../services/services.ts'
import { adminApi, forRole } from './admin-api.ts'

const Asked = Type.Object({ addresses: Type.Optional(Type.Boolean()) }, { additionalProperties: false })

/** `POST /api/v1/support`: the bundle, as the page gives it. */
export const supportApi = (services: WebServices): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    app.post<{ Body: Static<typeof Asked> }>(
      '/api/v1/support',
      { ...forRole('operator'), schema: { body: Asked } },
      async ({ body }, reply) => {
        const { fileName, bytes } = await services.support.bundle(body.addresses ?? false)
        return reply
          .headers({ 'cache-control': 'no-store', 'content-disposition': `attachment; filename="${fileName}"` })
          .type('application/gzip')
          .send(bytes)
      },
    )
  })
