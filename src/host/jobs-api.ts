import { createReadStream } from 'node:fs'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../base/log.ts'
import type { JobView } from '../services/jobs.ts'
import { type Guarded, needs } from '../web/guard.ts'
import { isAllowed } from '../web/page/visit.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, forRole } from './admin-api.ts'
import type { JobOrder, Jobs } from './jobs.ts'

interface JobsApiOptions {
  readonly guarded: Guarded
  readonly jobs: Jobs
  readonly log: Log
}

const PATH = '/api/v1/jobs'

/** Long work under way, each for those who may see it: what there is, how far it is, its result; DELETE ends and forgets it. */
export const jobsApi = (options: JobsApiOptions): FastifyPluginAsync =>
  adminApi(options, app => {
    const { jobs } = options
    const seen = (request: FastifyRequest<{ Params: { id: string } }>): JobView => {
      const job = jobs.get(request.params.id)
      return there(job && isAllowed(request.who?.role, job.role) ? job : undefined)
    }
    app.get(PATH, forRole('operator'), async (request, reply) => {
      const { role } = needs(request, 'operator')
      const open = jobs.list().filter(job => isAllowed(role, job.role))
      return plainly(reply).send({ jobs: open.map(jobView) })
    })
    app.get<{ Params: { id: string } }>(`${PATH}/:id`, forRole('operator'), async (request, reply) =>
      plainly(reply).send(jobView(seen(request))),
    )
    app.delete<{ Params: { id: string } }>(`${PATH}/:id`, forRole('operator'), async (request, reply) =>
      plainly(reply).send({ ...jobView(there(await jobs.remove(seen(request).id))), result: null }),
    )
    app.get<{ Params: { id: string } }>(`${PATH}/:id/result`, forRole('operator'), async (request, reply) => {
      const { id, state } = seen(request)
      const result = jobs.result(id)
      if (!result) throw new Problem(state === 'running' ? 409 : 404, `There is no result: the job is ${state}.`)
      return plainly(reply)
        .headers({
          'content-type': result.contentType,
          'content-length': result.bytes,
          'content-disposition': `attachment; filename="${result.fileName}"`,
          'x-content-type-options': 'nosniff',
        })
        .send(createReadStream(result.path))
    })
  })

/** 202 and where to look for it; 503 where too much is under way. */
export function startJob(jobs: Jobs, order: JobOrder, reply: FastifyReply): FastifyReply {
  const job = jobs.start(order)
  if (!job)
    throw new Problem(503, 'As many jobs as may be are under way. Wait for one, or DELETE it.', { 'retry-after': '10' })
  return sendJob(job, reply)
}

/** 202 and where to look for it. */
export function sendJob(job: JobView, reply: FastifyReply): FastifyReply {
  return plainly(reply).code(202).header('location', `${PATH}/${job.id}`).send(jobView(job))
}

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

function there(job: JobView | undefined): JobView {
  if (!job) throw new Problem(404, 'There is no such job. Jobs are forgotten a day after their end, and at a restart.')
  return job
}

const jobView = ({ id, kind, subject, state, done, total, startedAt, endedAt, reason, resultBytes }: JobView) => ({
  id,
  kind,
  subject,
  state,
  done,
  total,
  started: new Date(startedAt).toISOString(),
  ended: endedAt === null ? null : new Date(endedAt).toISOString(),
  reason,
  result_bytes: resultBytes,
  result: state === 'done' && resultBytes !== null ? `${PATH}/${id}/result` : null,
})
