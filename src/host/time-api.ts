import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import type { WebServices } from '../services/services.ts'
import type { TimeRefusal, TimeView } from '../services/time.ts'
import { needs } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'

const PATH = '/api/v1/time'

const NewTime = Type.Object(
  {
    now: Type.String({ maxLength: 40 }),
    /** Set it more than a day ahead, at which what waits expires. */
    far_ahead: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)

/** The clock of the box: what is known of it; PUT sets it. */
export const timeApi = (services: WebServices): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    const { time } = services
    app.get(PATH, forRole('viewer'), async (_request, reply) => show(reply, await time.view()))
    app.put<{ Body: Static<typeof NewTime> }>(
      PATH,
      { ...forRole('operator'), schema: { body: NewTime } },
      async (request, reply) => {
        const { now, far_ahead: isAheadMeant = false } = request.body
        const { name: who } = needs(request, 'operator')
        const refusal = await time.set(Date.parse(now), { who, isAheadMeant })
        if (refusal) throw problemOf(refusal)
        return show(reply, await time.view())
      },
    )
  })

function problemOf(refusal: TimeRefusal): Problem {
  if (refusal.kind === 'out of range')
    return new Problem(422, 'now: an RFC 3339 time from 2026 to 2049, e.g. "2030-01-31T12:00:00Z".')
  if (refusal.kind === 'far ahead')
    return new Problem(
      409,
      'That is more than a day ahead: what waits would expire. Say "far_ahead": true if it is meant.',
    )
  if (refusal.kind === 'failed') return new Problem(500, `The system did not set the clock: ${refusal.why}`)
  return new Problem(
    409,
    'This process may not set the clock (CAP_SYS_TIME). Set it on the box itself as root: date -u -s "2030-01-31 12:00:00".',
  )
}

const show = (reply: FastifyReply, { wall, floor, isTrusted, source, asked, canSet }: TimeView): FastifyReply =>
  reply.header('cache-control', 'no-store').send({
    now: new Date(wall).toISOString(),
    floor: new Date(floor).toISOString(),
    is_trusted: isTrusted,
    source,
    asked: asked ?? null,
    can_set: canSet,
    zone: 'UTC',
  })
