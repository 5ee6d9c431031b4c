import type { Log } from '../base/log.ts'
import type { StoreResult, Verb, Verbs } from '../store/verbs.ts'
import type { AboutService } from './about.ts'
import type { AccessService } from './access.ts'
import type { BackupService } from './backup.ts'
import type { CertificateService } from './certificates.ts'
import type { ConfigurationService } from './configuration.ts'
import type { HistoryService } from './history.ts'
import type { JobService } from './jobs.ts'
import type { LogService } from './logs.ts'
import type { QueueService } from './queue.ts'
import type { SetupService } from './setup.ts'
import type { StatusService } from './status.ts'
import type { SupportService } from './support.ts'
import type { TimeService } from './time.ts'
import type { UserService } from './users.ts'

/** The store as those outside of the engine ask it; the engine hears of what they change. */
export interface WebStore {
  ask<V extends Verb>(verb: V, request: Verbs[V]['request']): Promise<StoreResult<V>>
}

/** What the page and the API need of the box. Each part is declared here and made in the host. */
export interface WebServices {
  readonly access: AccessService
  readonly configuration: ConfigurationService
  readonly status: StatusService
  readonly about: AboutService
  readonly certificates: CertificateService
  readonly time: TimeService
  readonly setup: SetupService
  readonly store: WebStore
  readonly users: UserService
  readonly queue: QueueService
  readonly histories: HistoryService
  readonly jobs: JobService
  readonly support: SupportService
  /** Undefined where whoever started the box cannot have it stop and start anew with other data. */
  readonly backups?: BackupService | undefined
  readonly log: Log
  /** What was written to it lately. */
  readonly logs: LogService
  /** Names under which browsers may come here, beside numeric addresses and `localhost`; lower case. */
  readonly hosts: readonly string[]
  /** Port of the listener with TLS to send browsers to that come without; undefined: there is none. */
  readonly securePort: number | undefined
  /** Whether what is not encrypted is served to others than this machine. */
  readonly isPlainAllowed: boolean
}
