import type { Config } from '../base/config.ts'
import type { Log } from '../base/log.ts'
import type { RestoreEnd } from '../services/backup.ts'
import type { Access } from './access.ts'
import type { Configuration } from './configuration.ts'
import { probeListeners } from './listen-probe.ts'
import { lockForServing } from './owner.ts'
import { messageOf } from './plain-error.ts'
import type { ChosenConfiguration } from './restore-check.ts'
import { isSwapUnderWay, type Swap, swapBack, swapIn, undoSwap } from './restore-swap.ts'
import type { Replacing } from './serving.ts'

/** The page has its answer before the sockets close. */
const BEFORE_STOP_MS = 300

interface RestoringOptions {
  /** Where the configuration is written to. */
  readonly target: string
  readonly configuration: Configuration
  readonly access: Access
  readonly log: Log
  /** Stops the box, lets `replacing` put other data in its place, and starts with it; rejects where the box serves as before. */
  readonly replace: (config: Config, replacing: Replacing) => Promise<void>
  /** Nothing serves here, and a service that waits for a store may hold the addresses until it starts anew. */
  readonly isBesideService?: boolean
}

/** The step from one box to another one in the same process; outlives both. */
export class Restoring {
  readonly #options: RestoringOptions
  #isUnderWay = false
  #last: RestoreEnd | undefined

  constructor(options: RestoringOptions) {
    this.#options = options
  }

  /** From the word of whoever confirmed it on: what is unpacked is not to be touched. */
  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  get last(): RestoreEnd | undefined {
    return this.#last
  }

  get configText(): string {
    return this.#options.configuration.text
  }

  get configFile(): string {
    return this.#options.target
  }

  /** False: a change of the configuration is on trial, or another restore is under way. */
  begin(dataDir: string, chosen: ChosenConfiguration, who: string): boolean {
    const { configuration, log } = this.#options
    if (this.#isUnderWay || !configuration.isSettled) return false
    this.#isUnderWay = true
    log.info('restoring from a backup', { by: who })
    setTimeout(() => void this.#restore(dataDir, chosen), BEFORE_STOP_MS)
    return true
  }

  async #restore(dataDir: string, { text, config }: ChosenConfiguration): Promise<void> {
    const { target, configuration, access, log, replace } = this.#options
    const at = Date.now()
    const before = configuration.text
    const swap: Swap = { dataDir, at, ...(text !== undefined && { configuration: { file: target, before, text } }) }
    const serving = config ?? configuration.serving
    let kept: string | undefined
    try {
      await replace(serving, {
        run: async () => {
          if (!this.#options.isBesideService) await probeListeners(serving)
          const lock = await lockForServing(dataDir)
          try {
            kept = swapIn(swap)
          } finally {
            lock.release()
          }
        },
        undo: () => {
          if (kept !== undefined) swapBack(swap, kept)
          kept = undefined
        },
      })
      if (text !== undefined && config) configuration.replaced(text, config)
      access.endSessions()
      log.info('restored from a backup', { kept })
      this.#last = { at, isDone: true, reason: '', kept }
    } catch (error) {
      log.error('not restored: the box is as it was', { reason: messageOf(error) })
      this.#last = { at, isDone: false, reason: messageOf(error), kept: undefined }
    }
    this.#isUnderWay = false
  }
}

/** A restore that broke off with the power is taken back. To be called before the configuration is believed. True where there was one. */
export async function undoneRestore(dataDir: string): Promise<boolean> {
  if (!isSwapUnderWay(dataDir)) return false
  const lock = await lockForServing(dataDir)
  try {
    return undoSwap(dataDir)
  } finally {
    lock.release()
  }
}
