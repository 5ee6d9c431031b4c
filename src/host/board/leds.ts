import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import type { Log } from '../../base/log.ts'
import { codeOf, reasonOf } from '../plain-error.ts'
import type { LedSetting, LedState } from './schema.ts'

/** Files that appear with a trigger belong to root until udev has seen it (systemd/60-restante-leds.rules). */
const AGAIN_MS = 100
const TRIES = 10

interface LedOptions {
  readonly states: Readonly<Record<LedState, readonly LedSetting[]>>
  /** `/sys/class/leds`; a test has its own. */
  readonly folder?: string
  readonly log: Log
}

/** The LEDs of the board. The kernel blinks them by itself; only a change of state is written. Never rejects, never throws. */
export class Leds {
  readonly #states: LedOptions['states']
  readonly #folder: string
  readonly #log: Log
  #wanted: LedState | undefined
  #work: Promise<void> | undefined
  #hasFailed = false

  constructor({ states, folder = '/sys/class/leds', log }: LedOptions) {
    this.#states = states
    this.#folder = folder
    this.#log = log
  }

  /** Resolves when the latest of what was asked for is shown, or cannot be. */
  show(state: LedState): Promise<void> {
    if (this.#wanted === state) return this.#work ?? Promise.resolve()
    this.#wanted = state
    this.#work ??= this.#write().finally(() => {
      this.#work = undefined
    })
    return this.#work
  }

  /** What was asked for meanwhile is next; what is no longer wanted is left out. */
  async #write(): Promise<void> {
    for (let shown: LedState | undefined; shown !== this.#wanted; ) {
      shown = this.#wanted
      for (const setting of this.#states[shown!]) {
        if (shown !== this.#wanted) break
        const failed = await this.#set(setting)
        if (failed !== undefined) this.#tell(setting.led, failed)
      }
    }
  }

  #tell(led: string, error: unknown): void {
    if (!this.#hasFailed) this.#log.warn('an LED cannot be set', { led, reason: reasonOf(error) })
    this.#hasFailed = true
  }

  /** What stands in the way, if anything. */
  async #set({ led, trigger, on_ms, off_ms, pattern }: LedSetting): Promise<unknown> {
    const file = (name: string): string => join(this.#folder, led, name)
    try {
      await put(file('trigger'), trigger)
      if (trigger === 'none') await put(file('brightness'), '0')
      if (trigger === 'timer') {
        await soon(() => put(file('delay_on'), String(on_ms)))
        await soon(() => put(file('delay_off'), String(off_ms)))
      }
      if (trigger === 'pattern') await soon(() => put(file('pattern'), pattern!))
      return undefined
    } catch (error) {
      return error
    }
  }
}

/** Files of the kernel are never made. */
const put = (path: string, text: string): Promise<void> => writeFile(path, text, { flag: 'r+' })

async function soon(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries === TRIES || !['EACCES', 'ENOENT'].includes(codeOf(error))) throw error
      await after(AGAIN_MS)
    }
  }
}
