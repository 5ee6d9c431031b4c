import type { FastifyRequest } from 'fastify'
import type { BackupService, KeptData } from '../../services/backup.ts'
import { checkUploaded, choiceIn, confirmRestore } from '../backup/operations.ts'
import { needs } from '../guard.ts'
import { formOf, takeLargeFile } from '../large-file.ts'
import { checkedCard, lastRestore } from './backup-parts.ts'
import { button, errorSummary, type FormErrors, field, form } from './form.ts'
import { bytes, time } from './format.ts'
import { type Html, html } from './html.ts'
import { jobPath } from './parts.ts'
import type { PagePart, Site } from './site.ts'
import { card, table } from './table.ts'
import type { Visit } from './visit.ts'

type Reply = Parameters<Site['show']>[0]
type Fields = Readonly<Record<string, unknown>> | null | undefined

/** Backup and restore: make one, upload one, look at what is in it, and have it. */
export const backup: PagePart = (app, site) => {
  const { backups } = site.services
  if (!backups) return
  app.get('/backup', async (request, reply) => {
    needs(request, 'admin')
    return show(site, backups, request, reply)
  })
  app.post<{ Body: Fields }>('/backup', async (request, reply) => {
    needs(request, 'admin')
    const { backups: words } = site.visit(request).strings
    const [passphrase, again] = [textOf(request.body, 'passphrase'), textOf(request.body, 'again')]
    if (passphrase !== again) return show(site, backups, request, reply, { again: words.differ })
    const job = backups.backup(passphrase)
    if (job === 'weak passphrase') return show(site, backups, request, reply, { passphrase: words.weak })
    return job ? reply.redirect(jobPath(job.id), 303) : show(site, backups, request, reply, { passphrase: words.busy })
  })
  app.post<{ Body: Fields }>('/backup/restore', async (request, reply) => {
    const { name: who } = needs(request, 'admin')
    const visit = site.visit(request)
    const { backups: words } = visit.strings
    const [id, typed] = [textOf(request.body, 'id'), textOf(request.body, 'typed')]
    const choice = choiceIn(textOf(request.body, 'configuration')) ?? 'backup'
    const done = confirmRestore(backups, { id, choice, typed, who })
    if (done === 'not typed') return show(site, backups, request, reply, { typed: words.typed })
    if (done !== 'restoring') return show(site, backups, request, reply, { configuration: words.refusals[done] })
    const body = html`<p>${words.restoring}</p><p><a class="button" href="/">${words.toStatus}</a></p>`
    return site.show(reply, visit, { title: words.restoringTitle, body, isAlone: true })
  })
  app.post('/backup/forget', async (request, reply) => {
    needs(request, 'admin')
    await backups.forget()
    return reply.redirect('/backup', 303)
  })
  app.post<{ Body: Fields }>('/backup/kept', async (request, reply) => {
    needs(request, 'admin')
    await backups.removeKept(textOf(request.body, 'name'))
    return reply.redirect('/backup', 303)
  })
  app.register(async scope => {
    takeLargeFile(scope, size => backups.upload(size))
    scope.post('/backup/upload', { config: { isLong: true } }, async (request, reply) => {
      needs(request, 'admin')
      const { backups: words } = site.visit(request).strings
      const job = checkUploaded(backups, request, formOf(request))
      if (job && job !== 'no file' && 'id' in job) return reply.redirect(jobPath(job.id), 303)
      const reason = job === 'no file' ? words.noFile : job ? reasonOf(job.reason) : words.busy
      return show(site, backups, request, reply, { file: reason })
    })
  })
}

/** As somebody typed it: a passphrase may begin with a space. */
function textOf(fields: Fields, name: string): string {
  const value = fields && Object.hasOwn(fields, name) ? fields[name] : undefined
  return typeof value === 'string' ? value : ''
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

async function show(
  site: Site,
  backups: BackupService,
  request: FastifyRequest,
  reply: Reply,
  errors: FormErrors = {},
) {
  const visit = site.visit(request)
  const [checked, kept] = [backups.checked(), await backups.kept()]
  const body = html`${errorSummary(visit, errors)}${lastRestore(visit, backups.lastRestore())}${checked && checkedCard(visit, checked, errors)}
<div class="columns">${makeCard(visit, backups, errors)}${uploadCard(visit, errors)}</div>${kept.length > 0 && keptCard(visit, kept)}`
  const status = Object.keys(errors).length > 0 ? 422 : 200
  return site.show(reply, visit, { title: visit.strings.shell.backup, body, status })
}

function makeCard(visit: Visit, backups: BackupService, errors: FormErrors): Html {
  const { backups: words } = visit.strings
  const at = backups.lastBackupAt()
  const last = at === undefined ? html`<p>${words.lastNever}</p>` : html`<p>${words.lastAt} ${time(visit, at)}</p>`
  const secret = { type: 'password', isRequired: true, autocomplete: 'new-password' } as const
  const fields = html`${field({ ...secret, name: 'passphrase', label: words.passphrase, hint: words.passphraseHint, error: errors.passphrase })}${field({ ...secret, name: 'again', label: words.again, error: errors.again })}${button(words.start)}`
  return card(
    words.make,
    html`<p>${words.makeText}</p>${last}${form(visit, '/backup', fields)}<p class="hint">${words.make2}</p>`,
  )
}

function uploadCard(visit: Visit, errors: FormErrors): Html {
  const { backups: words } = visit.strings
  const secret = { type: 'password', isRequired: true, autocomplete: 'off' } as const
  // The file comes last, so that what belongs to it is known when it comes.
  const fields = html`<div class="field"><label for="f-open">${words.passphrase}</label><span class="control"><input id="f-open" name="passphrase" type="${secret.type}" autocomplete="off" required></span></div>${field({ name: 'file', label: words.file, type: 'file', isRequired: true, error: errors.file })}${button(words.check)}`
  return card(
    words.restore,
    html`<p>${words.restoreText}</p>${form(visit, '/backup/upload', fields, { isMultipart: true })}`,
  )
}

function keptCard(visit: Visit, kept: readonly KeptData[]): Html {
  const { backups: words } = visit.strings
  const columns = [
    { title: words.keptName, cell: ({ name }: KeptData) => html`<code>${name}</code>` },
    { title: words.keptBytes, cell: (each: KeptData) => bytes(visit, each.bytes) },
    {
      title: words.remove,
      cell: ({ name }: KeptData) =>
        form(
          visit,
          '/backup/kept',
          html`<input type="hidden" name="name" value="${name}">${button(words.remove, { kind: 'danger' })}`,
        ),
    },
  ]
  return card(words.kept, html`<p>${words.keptText}</p>${table(words.kept, columns, kept, visit.strings.shell.none)}`)
}
