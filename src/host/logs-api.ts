import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import {
  LOG_LEVEL_MINUTES_MAX,
  LOG_LEVELS,
  LOG_LINES_MAX,
  type LogFilter,
  type LogLevelView,
  type LogLine,
} from '../services/logs.ts'
import type { WebServices } from '../services/services.ts'
import { needs } from '../web/guard.ts'
import { jsonLine, LOG_FILTERS, logFilter } from '../web/logs/query.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'
import { textsOf, wholeIn } from './api-texts.ts'

const PATH = '/api/v1/logs'
const LIMIT_DEFAULT = 100

const NewLevel = Type.Object(
  { level: Type.Enum([...LOG_LEVELS]), minutes: Type.Integer({ minimum: 1, maximum: LOG_LEVEL_MINUTES_MAX }) },
  { additionalProperties: false },
)

/** The last lines of the log, and how much is written. */
export const logsApi = (services: WebServices): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    const { logs } = services
    app.get(PATH, forRole('viewer'), async ({ query }, reply) => {
      const { limit, before, ...asked } = textsOf(query, [...LOG_FILTERS, 'limit', 'before'])
      const place = before === undefined ? {} : { before: wholeIn('before', before, 0, 1, Number.MAX_SAFE_INTEGER) }
      const most = wholeIn('limit', limit, LIMIT_DEFAULT, 1, LOG_LINES_MAX)
      const { lines, next } = logs.lines(filterOf(asked), { ...place, limit: most })
      return plainly(reply).send({ lines: lines.map(lineView), next: next ?? null })
    })
    app.get(`${PATH}/lines.jsonl`, forRole('viewer'), async ({ query }, reply) => {
      const filter = filterOf(textsOf(query, LOG_FILTERS))
      const { lines } = logs.lines(filter, { limit: LOG_LINES_MAX })
      return plainly(reply)
        .header('content-disposition', 'attachment; filename="log.jsonl"')
        .type('application/x-ndjson')
        .send(lines.toReversed().map(jsonLine).join(''))
    })
    app.get(`${PATH}/level`, forRole('viewer'), async (_request, reply) => plainly(reply).send(levelView(logs.level())))
    app.put<{ Body: Static<typeof NewLevel> }>(
      `${PATH}/level`,
      { ...forRole('operator'), schema: { body: NewLevel } },
      async (request, reply) => {
        const { level, minutes } = request.body
        logs.setLevel(level, minutes * 60_000, needs(request, 'operator').name)
        return plainly(reply).send(levelView(logs.level()))
      },
    )
  })

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

function filterOf(asked: Parameters<typeof logFilter>[0]): LogFilter {
  const filter = logFilter(asked)
  if (!('wrong' in filter)) return filter
  throw new Problem(
    422,
    filter.wrong === 'level'
      ? `level: one of ${LOG_LEVELS.join(', ')}.`
      : `${filter.wrong}: an RFC 3339 time, e.g. 2030-01-31T12:00:00Z.`,
  )
}

const lineView = ({ seq, at, level, msg, fields }: LogLine) => ({
  seq,
  time: new Date(at).toISOString(),
  level,
  msg,
  fields,
})

const levelView = ({ level, usual, leftS }: LogLevelView) => ({ level, usual, left_s: leftS ?? null })
