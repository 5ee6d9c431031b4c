import type { Config } from '../base/config.ts'
import type { Counters } from '../base/counters.ts'
import type { Entropy } from '../base/entropy.ts'
import type { Endpoint, Transport } from '../base/flow.ts'
import type { Log } from '../base/log.ts'
import type { EngineLimits } from '../engine-io.ts'
import type { Board } from '../services/board.ts'
import type { ConfigurationService } from '../services/configuration.ts'
import type { LogService } from '../services/logs.ts'
import type { Access } from './access.ts'
import type { Consoles } from './console/consoles.ts'
import type { Again } from './diagnosis/again.ts'
import type { DrivenEngine } from './loop.ts'
import type { Restoring } from './restoring.ts'
import type { BoxWatch } from './watchdog/box-watch.ts'
import type { Store } from './watched-store.ts'

export interface BoundListener<T extends Transport = Transport> {
  readonly transport: T
  readonly endpoint: Endpoint
}

export interface HttpAddress extends Endpoint {
  readonly isSecure: boolean
}

export interface EngineParts {
  readonly config: Config
  readonly sip: readonly BoundListener[]
  readonly msrp: readonly BoundListener<'tcp' | 'tls'>[]
  readonly addresses: readonly string[]
  /** Of the certificate in use. */
  readonly localFingerprint?: () => string
  readonly entropy: Entropy
  readonly log: Log
  readonly counters: Counters
  /** A message of the box's own goes through store and delivery now and then. */
  readonly isSelfTesting?: boolean
  readonly limits?: EngineLimits
}

export interface ServeOptions {
  readonly config: Config
  readonly log: Log
  readonly entropy: Entropy
  readonly makeEngine: (parts: EngineParts) => Promise<DrivenEngine>
  readonly openStore: (dataDir: string, config: Config, log: Log) => Promise<Store>
  /** User parts of the accounts that the very first start makes beside the administrator's. */
  readonly firstAccounts?: readonly string[]
  /** Nobody but a log reads what is printed: passwords go into a file of data_dir instead. */
  readonly isUnseen?: boolean
  /** Whoever is signed in stays so where the box is had anew. */
  readonly access?: Access
  /** How the file that `config` came from is changed. Absent: there is no config page. */
  readonly configuration?: ConfigurationService
  /** How other data take the place of what is there. Absent: there are no backups. */
  readonly restoring?: Restoring
  /** Who sits at a console stays there where the box is had anew. Absent: there is no console. */
  readonly consoles?: Consoles
  /** Who looks whether messages get on, and feeds the watchdogs. Absent: nobody does, and there is no self-test. */
  readonly watch?: BoxWatch
  /** The last lines of the log. Absent: there is no config page. */
  readonly logs?: LogService
  /** How the whole program is had anew. Absent: whoever started the box cannot. */
  readonly again?: Again
  /** Whether there is a configuration that a factory reset puts back. */
  readonly isShippedKnown?: boolean
  /** What it runs on, where that is known. */
  readonly board?: Board | undefined
}

/** What a part of the box is opened with. */
export interface Opening {
  readonly config: Config
  readonly dataDir: string
  readonly log: Log
  readonly entropy: Entropy
  readonly counters: Counters
  /** What was opened is closed by it, in the reverse order, also where opening breaks off. */
  readonly onClose: (close: () => void | Promise<void>) => void
}
