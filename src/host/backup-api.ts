import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import type { BackupService, BoxContents, CheckedBackup } from '../services/backup.ts'
import type { JobView } from '../services/jobs.ts'
import type { WebServices } from '../services/services.ts'
import { checkUploaded, confirmRestore } from '../web/backup/operations.ts'
import { needs } from '../web/guard.ts'
import { formOf, takeLargeFile } from '../web/large-file.ts'
import { Problem } from '../web/problem.ts'
import { adminApi, refused } from './admin-api.ts'
import { sendJob } from './jobs-api.ts'

const BACKUP = '/api/v1/backup'
const RESTORE = '/api/v1/restore'

const closed = { additionalProperties: false }
const Passphrase = Type.Object({ passphrase: Type.String({ maxLength: 4096 }) }, closed)
const Confirm = Type.Object(
  {
    id: Type.String({ maxLength: 64 }),
    hostname: Type.String({ maxLength: 300 }),
    configuration: Type.Union([Type.Literal('backup'), Type.Literal('listeners'), Type.Literal('here')]),
  },
  closed,
)

const REFUSALS = {
  gone: [409, 'There is no checked backup of that id. Upload it again.'],
  'not typed': [422, 'hostname: the name of the box in the backup, as GET tells it.'],
  busy: [409, 'A change of the configuration is on trial, or a restore is under way.'],
  configuration: [422, 'configuration: this box cannot serve with that one. GET tells why.'],
} as const

/** Backup and restore, for administrators alone. */
export const backupApis = ({ backups, ...services }: WebServices): FastifyPluginAsync[] =>
  backups ? [backupApi(backups, services)] : []

const backupApi = (backups: BackupService, services: WebServices): FastifyPluginAsync =>
  adminApi({ guarded: services, log: services.log }, app => {
    app.post<{ Body: Static<typeof Passphrase> }>(BACKUP, { schema: { body: Passphrase } }, async ({ body }, reply) => {
      const job = backups.backup(body.passphrase)
      if (job === 'weak passphrase') throw new Problem(422, 'passphrase: 10 to 1024 characters.')
      return started(job, reply)
    })
    app.get(RESTORE, async (_request, reply) => plainly(reply).send(await restoreView(backups)))
    app.delete(RESTORE, async (_request, reply) => {
      await backups.forget()
      return plainly(reply).code(204).send()
    })
    app.post<{ Body: Static<typeof Confirm> }>(
      `${RESTORE}/confirm`,
      { schema: { body: Confirm } },
      async (request, reply) => {
        const { id, hostname, configuration } = request.body
        const who = needs(request, 'admin').name
        const done = confirmRestore(backups, { id, choice: configuration, typed: hostname, who })
        if (done !== 'restoring') {
          const [status, why] = REFUSALS[done]
          throw new Problem(status, why)
        }
        return plainly(reply).code(202).send({ state: 'restoring' })
      },
    )
    app.delete<{ Params: { name: string } }>(`${RESTORE}/kept/:name`, async ({ params }, reply) => {
      if (!(await backups.removeKept(params.name))) throw new Problem(404, 'Nothing of that name is kept.')
      return plainly(reply).code(204).send()
    })
    app.register(async scope => {
      takeLargeFile(scope, bytes => backups.upload(bytes))
      scope.post(RESTORE, { config: { isLong: true } }, async (request, reply) => {
        const job = checkUploaded(backups, request, formOf(request))
        if (job === 'no file') throw new Problem(422, 'multipart/form-data with `passphrase` and one file.')
        if (job && 'reason' in job && !('id' in job)) return refused(job.reason)
        return started(job as JobView | undefined, reply)
      })
    })
  })

function started(job: JobView | undefined, reply: FastifyReply): FastifyReply {
  if (!job)
    throw new Problem(503, 'As many jobs as may be are under way. Wait for one, or DELETE it.', { 'retry-after': '10' })
  return sendJob(job, reply)
}

const plainly = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store')

async function restoreView(backups: BackupService): Promise<object> {
  const [checked, last, at] = [backups.checked(), backups.lastRestore(), backups.lastBackupAt()]
  return {
    last_backup: at === undefined ? null : textOf(at),
    checked: checked ? checkedView(checked) : null,
    last_restore: last
      ? { at: textOf(last.at), done: last.isDone, reason: last.reason || null, kept: last.kept ?? null }
      : null,
    kept: await backups.kept(),
  }
}

const checkedView = ({ id, createdAt, version, contents, here, choices }: CheckedBackup) => ({
  id,
  created: textOf(createdAt),
  version,
  contents: contentsView(contents),
  here: contentsView(here),
  configurations: choices,
})

const contentsView = ({ hostname, domain, accounts, mailboxes, waiting, damaged, ...more }: BoxContents) => ({
  ...{ hostname, domain, accounts, mailboxes, waiting, damaged },
  waiting_bytes: more.waitingBytes,
  oldest: more.oldestAt === undefined ? null : textOf(more.oldestAt),
})

const textOf = (at: number): string => new Date(at).toISOString()
