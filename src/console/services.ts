import type { Log } from '../base/log.ts'
import type { AboutService } from '../services/about.ts'
import type { AccessService } from '../services/access.ts'
import type { BackupService } from '../services/backup.ts'
import type { ConfigurationService } from '../services/configuration.ts'
import type { Diagnosis } from '../services/diagnosis.ts'
import type { HistoryService } from '../services/history.ts'
import type { JobService } from '../services/jobs.ts'
import type { LogService } from '../services/logs.ts'
import type { QueueService } from '../services/queue.ts'
import type { StatusService } from '../services/status.ts'
import type { SupportService } from '../services/support.ts'
import type { TimeService } from '../services/time.ts'
import type { UserService } from '../services/users.ts'

/** What the console needs of a box that runs: what the page has, and what only a technician does. */
export interface ConsoleServices {
  readonly access: AccessService
  readonly about: AboutService
  readonly status: StatusService
  readonly users: UserService
  readonly queue: QueueService
  readonly histories: HistoryService
  readonly logs: LogService
  readonly configuration: ConfigurationService
  readonly time: TimeService
  readonly jobs: JobService
  readonly support: SupportService
  readonly backups?: BackupService | undefined
  readonly diagnosis: Diagnosis
  readonly log: Log
  readonly hostname: string
  readonly domain: string
  readonly version: string
}
