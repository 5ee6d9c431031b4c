import type { Config } from '../../base/config.ts'

/** A value of a key of the configuration; undefined: the key goes, and its default stands. */
export type ConfigValue = string | number | boolean | readonly string[] | undefined

/** By key, e.g. `listen.sip_udp` or `domain`. */
export type ConfigChanges = ReadonlyMap<string, ConfigValue>

export interface ConfigKey {
  readonly key: string
  readonly value: ConfigValue
  readonly fallback: ConfigValue
  /** Whether the file says so, or it is the default. */
  readonly isWritten: boolean
  /** JSON Schema of the value. */
  readonly schema: object
}

export interface ConfigDifference {
  readonly key: string
  readonly before: ConfigValue
  readonly after: ConfigValue
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
  readonly running: Config
  readonly keys: readonly ConfigKey[]
  readonly pending?: PendingChange
  /** Why the last change went back, in words, until the next one. */
  readonly lastFailure?: string
}

/** What is wrong with a change: by key, in words. The key is '' where it concerns the file. */
export interface ConfigRefusal {
  readonly errors: Readonly<Record<string, string>>
}

export type Applied =
  | 'applying'
  | 'conflict'
  /** Another change waits to be confirmed. */
  | 'pending'
  | ConfigRefusal

/** How the configuration of the box is read and changed from outside. */
export interface ConfigurationService {
  view(): ConfigurationView
  /** What the change would do, checked as a file would be; nothing is done. */
  check(changes: ConfigChanges): { readonly differences: readonly ConfigDifference[] } | ConfigRefusal
  /**
   * Writes the file and starts to serve with it soon after this returns. `confirmS`: seconds after which it goes back unless `confirm` is
   * called; 0: it stays. `version`: of the view that the change was made from.
   */
  apply(changes: ConfigChanges, options: { version: string; who: string; confirmS: number }): Applied
  /** False: nothing waits to be confirmed. */
  confirm(who: string): boolean
  /** Back to what was before, now. False: nothing waits. */
  revert(who: string): boolean
}
