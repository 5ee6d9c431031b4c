import type { Log } from '../base/log.ts'

export interface LmdbOptions {
  /** The store is the folder `mailbox` inside it. */
  readonly dir: string
  readonly hostname: string
  /** Address space, and the size that the store may not pass. */
  readonly mapBytes: number
  readonly log: Log
  /** A commit that takes longer has failed as far as those who wait for it are concerned. */
  readonly commitMaxMs?: number
}

export interface LmdbStatus {
  readonly outstanding: number
  readonly commits: number
  readonly writes: number
  readonly damaged: number
  readonly freeBytes: number
  /** How long the commit under way has taken; past seconds the medium hangs. */
  readonly commitMs: number
  /** Why the latest commit failed; undefined when it did not. */
  readonly failure: string | undefined
}
