import type { ConfigWarning } from './configuration.ts'
import type { JobView } from './jobs.ts'

/** Backup of the whole box, and restore from one. */
export interface BackupService {
  /** When the last backup was taken that was downloaded or written whole; milliseconds since 1970. */
  lastBackupAt(): number | undefined
  /** Undefined: too much is under way. The result of the job is the backup. */
  backup(passphrase: string): JobView | 'weak passphrase' | undefined
  /** Where an upload of so many octets goes to, if that is known. Rejects with what to tell a person where there is no room. */
  upload(bytes: number | undefined): Promise<Upload>
  /** Checks what was uploaded as a whole; nothing is touched. Undefined: too much is under way. */
  check(upload: Upload, passphrase: string): JobView | undefined
  /** What was checked last, and waits to be confirmed. */
  checked(): CheckedBackup | undefined
  /** Soon after this returns the box stops, and starts as the backup has it. */
  restore(id: string, choice: ConfigurationChoice, who: string): 'restoring' | RestoreRefusal
  /** What was uploaded and checked goes. */
  forget(): Promise<void>
  /** How the last restore ended, until the process does. */
  lastRestore(): RestoreEnd | undefined
  /** What stood before the restores: kept until it is removed. */
  kept(): Promise<readonly KeptData[]>
  removeKept(name: string): Promise<boolean>
}

/** Which configuration stands after the restore; `data_dir` stays this box's in any case. */
export const CONFIGURATION_CHOICES = ['backup', 'listeners', 'here'] as const
/** `listeners`: the backup's, but the listeners of this box; `here`: all of this box's, with its name and domain. */
export type ConfigurationChoice = (typeof CONFIGURATION_CHOICES)[number]

export type RestoreRefusal =
  /** Nothing is checked, or something else is by now. */
  | 'gone'
  /** A change of the configuration is on trial, or another restore is under way. */
  | 'busy'
  /** The configuration of that choice cannot be served here. */
  | 'configuration'

export interface Upload {
  readonly path: string
  /** Throws what to tell a person where there is no room. */
  write(bytes: Buffer): Promise<void>
  end(): Promise<void>
  drop(): Promise<void>
}

/** What is in a box, or in a backup of one. */
export interface BoxContents {
  readonly hostname: string
  readonly domain: string
  readonly accounts: number
  readonly mailboxes: number
  readonly waiting: number
  readonly waitingBytes: number
  /** Set aside by their checksum. */
  readonly damaged: number
  readonly oldestAt: number | undefined
  /** Why the store does not tell; then all numbers are 0. */
  readonly trouble?: string
}

export interface CheckedBackup {
  /** Of this check. */
  readonly id: string
  readonly createdAt: number
  readonly version: string
  readonly contents: BoxContents
  /** What stands here now, and would be put aside. */
  readonly here: BoxContents
  /** By choice: what a person should know before, and why it cannot be. */
  readonly choices: Readonly<Record<ConfigurationChoice, ChoiceView>>
}

export interface ChoiceView {
  readonly hostname: string
  readonly domain: string
  /** Listening addresses that this machine does not have, e.g. `192.0.2.1:5060 (listen.sip_udp)`. */
  readonly missing: readonly string[]
  readonly warnings: readonly ConfigWarning[]
  /** Why the configuration cannot be served here. */
  readonly errors: readonly string[]
}

export interface RestoreEnd {
  readonly at: number
  readonly isDone: boolean
  readonly reason: string
  readonly kept: string | undefined
}

export interface KeptData {
  readonly name: string
  readonly bytes: number
}
