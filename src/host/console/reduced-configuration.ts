import { readFileSync } from 'node:fs'
import type { Log } from '../../base/log.ts'
import type { Applied, ConfigChanges, ConfigurationView } from '../../services/configuration.ts'
import { Configuration } from '../configuration.ts'
import { troubleOf } from '../plain-error.ts'
import { writeWhole } from '../write-whole.ts'
import type { MendedConfig } from './mended-config.ts'

/** The configuration of a box that does not serve: what is applied is written, and counts from the next start on. */
export class ReducedConfiguration extends Configuration {
  readonly #file: string
  #errors: readonly string[]

  constructor(file: string, { text, config, errors }: MendedConfig, log: Log) {
    super({ file, text, target: file, config, log, restart: async () => {} })
    this.#file = file
    this.#errors = errors
  }

  /** Where the file cannot be served as it stands, why. */
  override view(): ConfigurationView {
    const view = super.view()
    const [first, ...more] = this.#errors
    if (first === undefined) return view
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`
    return {
      ...view,
      lastFailure: `${first}${others}. What is wrong is left out here, and in the file from the next change on`,
    }
  }

  /** A file that nobody could serve with is kept beside the new one. */
  override apply(changes: ConfigChanges, options: { version: string; who: string; confirmS: number }): Applied {
    const broken = this.#errors.length > 0 ? read(this.#file) : undefined
    if (broken !== undefined) {
      try {
        writeWhole(`${this.#file}.broken`, broken)
      } catch (error) {
        return { errors: { '': `${this.#file}.broken cannot be written: ${troubleOf(error)}` } }
      }
    }
    // Nobody could come back to confirm anything.
    const applied = super.apply(changes, { ...options, confirmS: 0 })
    if (applied === 'applying') this.#errors = []
    return applied
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
