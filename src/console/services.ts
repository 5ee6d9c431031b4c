import type { Log } from '../base/log.ts'
import type { AboutService } from '../services/about.ts'
import type { AccessService } from '../services/access.ts'
import type { BackupService } from '../services/backup.ts'
import type { ConfigurationService } from '../services/configuration.ts'
import type { Diagnosis } from '../services/diagnosis.ts'
import type { HistoryService } from '../services/history.ts'
import type { JobResult, JobService } from '../services/jobs.ts'
import type { LogService } from '../services/logs.ts'
import type { QueueService } from '../services/queue.ts'
import type { Alarm, Reset, StatusService } from '../services/status.ts'
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
  readonly files?: ConsoleFiles | undefined
  /** An alarm as a sentence in English, and what to do about it. */
  readonly alarmWords: (alarm: Alarm) => AlarmWords
  readonly log: Log
  /** The administrator's, of the first start, while nobody has changed it; absent where it was printed. */
  readonly firstPassword?: (() => string | undefined) | undefined
  readonly hostname: string
  readonly domain: string
  readonly version: string
}

interface AlarmWords {
  readonly text: string
  readonly todo: string
}

/** Files of the machine that a technician names: a stick, a folder. Errors are words for a person, and never thrown. */
export interface ConsoleFiles {
  /** Whether a file of so many octets at least could be made there: its path is whole, its folder is there, it is not, and there is room. */
  place(file: string, leastBytes: number): Promise<{ readonly path: string } | { readonly why: string }>
  /** Copies what a job wrote to a file that is not there yet, whole and flushed, readable by its owner alone. */
  save(
    result: JobResult,
    file: string,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: number } | { readonly why: string }>
  /** Reads a regular file in pieces. `bytes`: how long it is. */
  open(
    file: string,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: number; readonly pieces: AsyncIterable<Buffer> } | { readonly why: string }>
}

/** Of accounts: what signing in takes, and putting a lost password right. */
type ReducedAccess = Pick<
  AccessService,
  | 'isNew'
  | 'hasPrintedPassword'
  | 'signIn'
  | 'signOut'
  | 'session'
  | 'withPassword'
  | 'administrators'
  | 'changePassword'
>

/** Of what waits: what can be read of a store that nobody serves from. */
type ReducedQueue = Pick<QueueService, 'totals' | 'mailboxes' | 'messages' | 'trace' | 'message'>

type ReducedDiagnosis = Pick<
  Diagnosis,
  | 'testSip'
  | 'testMsrp'
  | 'testDisk'
  | 'reload'
  | 'factoryReset'
  | 'isShippedKnown'
  | 'presenceLeftS'
  | 'recoverPassword'
>

/** Of a box that does not serve: what lies on disk, and no more. */
export interface OnDisk {
  /** Undefined: nothing was written down. */
  starts(): { readonly starts: number | undefined; readonly resets: readonly Reset[] }
  storage(): Promise<readonly Fact[]>
  alarms(): Promise<readonly Alarm[]>
  readonly alarmWords: (alarm: Alarm) => AlarmWords
}

/**
 * What can still be had where the service does not run. A part that is left out cannot (the store is damaged, the configuration
 * cannot be read); the console says so, and goes on.
 */
export interface ReducedServices {
  /** Why the console is reduced, as it is shown to people: `the service is stopped`, `the service does not answer`. */
  readonly reduced: string
  /** What lies on disk, as `show status` lists it: the lock, the last reset and its reason, what is in the store. */
  facts(): Promise<readonly Fact[]>
  readonly onDisk?: OnDisk | undefined
  readonly access?: ReducedAccess | undefined
  readonly queue?: ReducedQueue | undefined
  /** What is applied counts from the next start on; `confirmS` is 0. */
  readonly configuration?: ConfigurationService | undefined
  readonly logs?: Pick<LogService, 'lines'> | undefined
  readonly time?: TimeService | undefined
  /** Restores into the stopped box; a backup is made by `restante backup`. */
  readonly backups?: Pick<BackupService, 'upload' | 'check' | 'checked' | 'restore' | 'forget'> | undefined
  readonly jobs?: JobService | undefined
  readonly files?: ConsoleFiles | undefined
  readonly diagnosis?: ReducedDiagnosis | undefined
  readonly log: Log
  readonly hostname: string
  readonly domain: string
  readonly version: string
}

export interface Fact {
  /** As a key of JSON: `store_messages`. */
  readonly name: string
  /** As people read it: `Messages waiting`. */
  readonly label: string
  readonly value: string | number | boolean | null
  /** Of a number, which people read as `1.5 GiB` or `02:03:04`. */
  readonly unit?: 'bytes' | 's'
}

/** What a session is over: the box that runs, or what is left of it. */
export type ConsoleBox = ConsoleServices | ReducedServices
