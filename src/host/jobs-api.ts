import { createReadStream } from 'node:fs'
import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Log } from '../base/log.ts'
import type { Guarded } from '../web/guard.ts'
import { Problem } from '../web/problem.ts'
import { adminApi } from './admin-api.ts'
import type { JobOrder, Jobs, JobView } from './jobs.ts'

interface JobsApiOptions {
  readonly guarded: Guarded
  readonly jobs: Jobs
  readonly log: Log
}

const PATH = '/api/v1/jobs'

/** Long work under way, for the administrator: what there is, how far it is, its result; DELETE ends and forgets it. */
export const jobsApi = (options: JobsApiOptions): FastifyPluginAsync =>
  adminApi(options, app => {
    const { jobs } = options
    app.get(PATH, async (_request, reply) => plainly(reply).send({ jobs: jobs.list().map(jobView) }))
    app.get<{ Params: { id: string } }>(`${PATH}/:id`, async ({ params }, reply) =>
      plainly(reply).send(jobView(there(jobs.get(params.id)))),
    )
    app.delete<{ Params: { id: string } }>(`${PATH}/:id`, async ({ params }, reply) =>
      plainly(reply).send({ ...jobView(there(await jobs.remove(params.id))), result: null }),
    )
    app.get<{ Params: { id: string } }>(`${PATH}/:id/result`, async ({ params }, reply) => {
      const { state } = there(jobs.get(params.id))
      const result = jobs.result(params.id)
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
