import type { Config } from '../base/config.ts'
import type { Endpoint } from '../base/flow.ts'
import type { Candidates } from './candidates.ts'

/** A value of a key of the configuration; undefined: the key goes, and its default stands. */
export type ConfigValue = string | number | boolean | readonly string[] | undefined

/** By key, e.g. `listen.sip_udp` or `domain`. */
export type ConfigChanges = ReadonlyMap<string, ConfigValue>

/** JSON Schema, as far as keys of the configuration use it. */
export interface KeySchema {
  readonly type?: string
  readonly anyOf?: readonly KeySchema[]
  readonly enum?: readonly (string | number)[]
  readonly minimum?: number
  readonly maximum?: number
  readonly description?: string
}

export interface ConfigKey {
  readonly key: string
  readonly value: ConfigValue
  readonly fallback: ConfigValue
  /** Whether the file says so, or it is the default. */
  readonly isWritten: boolean
  /** A password: `value` says only whether there is one. */
  readonly isSecret: boolean
  /** Changed in the file alone, while the box stands. */
  readonly isFixed: boolean
  /** JSON Schema of the value. */
  readonly schema: KeySchema
}

export interface ConfigDifference {
  readonly key: string
  readonly before: ConfigValue
  readonly after: ConfigValue
}

/** What somebody should know before they apply a change. */
export type ConfigWarning =
  /** Neither `listen.http` nor `listen.https`: nobody can come back to keep it. */
  | 'no page'
  /** Only the machine itself will reach the page. */
  | 'page is local'
  /** Other addresses or ports than now. */
  | 'page moves'
  /** Accounts and messages of the domain before stay, and nobody reaches them. */
  | 'domain'
  /** Names in certificates and clients have to follow. */
  | 'hostname'
  /** Anybody is who they say. */
  | 'no digest'
  /** `auth.trusted_peers` holds every address there is. */
  | 'trusts all'
  /** Passwords can be read on the way. */
  | 'plain page'

/** Where the page is. */
export interface PageListener extends Endpoint {
  readonly isSecure: boolean
}

export interface CheckedChange {
  readonly differences: readonly ConfigDifference[]
  /** With the change. */
  readonly pages: readonly PageListener[]
  readonly warnings: readonly ConfigWarning[]
}

/** A change that goes back by itself unless somebody confirms it. */
export interface PendingChange {
  readonly who: string
  readonly leftS: number
  readonly differences: readonly ConfigDifference[]
}

export interface ConfigurationView {
  readonly file: string
  /** Names the text on disk: another whenever it was written. */
  readonly version: string
  /** Without passwords and accounts. */
  readonly running: Omit<Config, 'user'>
  /** What the file says. */
  readonly keys: readonly ConfigKey[]
  /** With what the file says. */
  readonly pages: readonly PageListener[]
  /** The box does not serve with what the file says yet: nothing can be confirmed or applied so soon. */
  readonly isStarting: boolean
  readonly pending?: PendingChange
  /** Why the last change went back, in words, until the next one. */
  readonly lastFailure?: string
  /** The file says something else than what the box runs with: only a restart of the process takes it. */
  readonly restartNeeded?: 'file was changed' | 'could not go back'
}

/** What is wrong with a change: by key, in words. The key is '' where it concerns the file. */
export interface ConfigRefusal {
  readonly errors: Readonly<Record<string, string>>
}

export type Applied =
  | 'applying'
  /** Everything is as it would be already. */
  | 'nothing'
  | 'conflict'
  /** Another change waits to be confirmed. */
  | 'pending'
  | ConfigRefusal

export type Confirmed =
  | 'kept'
  /** Nothing waits to be confirmed. */
  | 'nothing'
  /** The box does not serve with it yet, so nobody can know whether they can come back. */
  | 'starting'

/** How the configuration of the box is read and changed from outside. */
export interface ConfigurationService {
  /** What each administrator is about to change; outlives a restart, and a change that went back. */
  readonly candidates: Candidates
  view(): ConfigurationView
  /** What the change would do, checked as a file would be; nothing is done. */
  check(changes: ConfigChanges): CheckedChange | ConfigRefusal
  /**
   * Writes the file and starts to serve with it soon after this returns. `confirmS`: seconds after which it goes back unless `confirm` is
   * called; 0: it stays. `version`: of the view that the change was made from.
   */
  apply(changes: ConfigChanges, options: { version: string; who: string; confirmS: number }): Applied
  confirm(who: string): Confirmed
  /** Back to what was before, now. False: nothing waits. */
  revert(who: string): boolean
  /** Somebody has read why the last change went back. */
  forgetFailure(): void
}
