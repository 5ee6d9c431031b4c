import type { FastifyRequest } from 'fastify'
import {
  type BackupService,
  CONFIGURATION_CHOICES,
  type ConfigurationChoice,
  type RestoreRefusal,
} from '../../services/backup.ts'
import type { JobView } from '../../services/jobs.ts'
import { keep, type LargeForm } from '../large-file.ts'

/** What the page and the API both do. */

export const choiceIn = (text: string | undefined): ConfigurationChoice | undefined =>
  CONFIGURATION_CHOICES.find(choice => choice === text)

/** `no file`: nothing was uploaded; text: why it was not taken; undefined: too much is under way. */
export function checkUploaded(
  backups: BackupService,
  request: FastifyRequest,
  { fields, upload, refused }: LargeForm,
): JobView | 'no file' | { reason: unknown } | undefined {
  if (refused !== undefined) return { reason: refused }
  if (!upload) return 'no file'
  const job = backups.check(upload, fields.passphrase ?? '')
  if (job) keep(request)
  return job
}

/** `typed`: the name of the box in the backup has to be typed again. */
export function confirmRestore(
  backups: BackupService,
  asked: { readonly id: string; readonly choice: ConfigurationChoice; readonly typed: string; readonly who: string },
): 'restoring' | 'not typed' | RestoreRefusal {
  const checked = backups.checked()
  if (checked?.id !== asked.id) return 'gone'
  if (asked.typed.trim().toLowerCase() !== checked.contents.hostname.toLowerCase()) return 'not typed'
  return backups.restore(asked.id, asked.choice, asked.who)
}
