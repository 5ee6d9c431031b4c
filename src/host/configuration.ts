import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'smol-toml'
import { type Config, loadConfig } from '../base/config.ts'
import { configSchema } from '../base/config-schema.ts'
import type { Log } from '../base/log.ts'
import type {
  Applied,
  ConfigChanges,
  ConfigDifference,
  ConfigKey,
  ConfigRefusal,
  ConfigurationService,
  ConfigurationView,
  ConfigValue,
} from '../web/services/configuration.ts'
import { editConfig } from './config-edit.ts'
import { whyUnreadable } from './config-file.ts'
import { messageOf, PlainError, troubleOf } from './plain-error.ts'
import { writeWhole } from './write-whole.ts'

/** The browser has its answer before the sockets close. */
const BEFORE_RESTART_MS = 300

interface ConfigurationOptions {
  /** Where it was read from, and what stood there. */
  readonly file: string
  readonly text: string
  /** Where changes are written to: the same, or a copy that stands in its place from then on. */
  readonly target: string
  readonly config: Config
  readonly log: Log
  /** Serves with this from now on. Rejects where that failed, and then serves as before. */
  readonly restart: (config: Config) => Promise<void>
}

interface Pending {
  readonly who: string
  readonly until: number
  readonly before: { readonly text: string; readonly config: Config }
  readonly differences: readonly ConfigDifference[]
  readonly timer: NodeJS.Timeout
}

const unconfirmedOf = (target: string): string => `${target}.unconfirmed`

/**
 * A change that nobody confirmed before the power went: what stood before stands again. To be called before the file is read. True where
 * there was one.
 */
export function restoreUnconfirmed(target: string): boolean {
  const kept = unconfirmedOf(target)
  if (!existsSync(kept)) return false
  writeWhole(target, readFileSync(kept, 'utf8'))
  rmSync(kept)
  return true
}

/** The configuration of a box that runs: read, checked, changed on trial, and put back where nobody confirms (docs/operations.md). */
export class Configuration implements ConfigurationService {
  readonly #options: ConfigurationOptions
  #file: string
  #text: string
  #running: Config
  #pending: Pending | undefined
  #isRestarting = false
  #lastFailure: string | undefined

  constructor(options: ConfigurationOptions) {
    this.#options = options
    this.#file = options.file
    this.#text = options.text
    this.#running = options.config
  }

  view(): ConfigurationView {
    const pending = this.#pending
    return {
      file: this.#file,
      version: versionOf(this.#text),
      running: this.#running,
      keys: keysOf(this.#text, this.#running),
      ...(pending && {
        pending: { ...pending, leftS: Math.max(0, Math.ceil((pending.until - performance.now()) / 1000)) },
      }),
      ...(this.#lastFailure !== undefined && { lastFailure: this.#lastFailure }),
    }
  }

  check(changes: ConfigChanges): { readonly differences: readonly ConfigDifference[] } | ConfigRefusal {
    const loaded = this.#loaded(changes)
    return 'errors' in loaded ? loaded : { differences: loaded.differences }
  }

  apply(
    changes: ConfigChanges,
    { version, who, confirmS }: { version: string; who: string; confirmS: number },
  ): Applied {
    if (this.#pending || this.#isRestarting) return 'pending'
    if (version !== versionOf(this.#text)) return 'conflict'
    const loaded = this.#loaded(changes)
    if ('errors' in loaded) return loaded
    const before = { text: this.#text, config: this.#running }
    try {
      if (statSync(this.#options.target, { throwIfNoEntry: false })?.isFile() === false)
        throw new PlainError('it is no file.')
      if (confirmS > 0) writeWhole(unconfirmedOf(this.#options.target), before.text)
      writeWhole(this.#options.target, loaded.text)
    } catch (error) {
      rmSync(unconfirmedOf(this.#options.target), { force: true })
      return {
        errors: {
          '': `${this.#options.target}: cannot be written: ${error instanceof PlainError ? error.message : troubleOf(error)}`,
        },
      }
    }
    this.#lastFailure = undefined
    this.#options.log.info('configuration changed', { by: who, keys: [...changes.keys()].join(' ') })
    const timer = setTimeout(() => this.#back('nobody confirmed it in time'), Math.max(1, confirmS) * 1000)
    if (confirmS === 0) clearTimeout(timer)
    else {
      const until = performance.now() + confirmS * 1000
      this.#pending = { who, until, before, differences: loaded.differences, timer }
    }
    this.#file = this.#options.target
    this.#text = loaded.text
    this.#restartSoon(loaded.config, before)
    return 'applying'
  }

  confirm(who: string): boolean {
    if (!this.#pending) return false
    clearTimeout(this.#pending.timer)
    this.#pending = undefined
    rmSync(unconfirmedOf(this.#options.target), { force: true })
    this.#options.log.info('configuration confirmed', { by: who })
    return true
  }

  revert(who: string): boolean {
    if (!this.#pending) return false
    this.#back(`${who} took it back`)
    return true
  }

  /** The box stops for good: what nobody confirmed goes back at the next start. */
  close(): void {
    clearTimeout(this.#pending?.timer)
  }

  #restartSoon(config: Config, before: Pending['before']): void {
    this.#isRestarting = true
    setTimeout(async () => {
      try {
        await this.#options.restart(config)
        this.#running = config
      } catch (error) {
        this.#failed(messageOf(error), before)
      }
      this.#isRestarting = false
    }, BEFORE_RESTART_MS)
  }

  /** The box serves as before already. */
  #failed(why: string, before: Pending['before']): void {
    clearTimeout(this.#pending?.timer)
    this.#pending = undefined
    this.#putBack(before, why)
  }

  #back(why: string): void {
    const pending = this.#pending!
    clearTimeout(pending.timer)
    this.#pending = undefined
    this.#putBack(pending.before, why)
    this.#restartSoon(pending.before.config, pending.before)
  }

  #putBack({ text, config }: Pending['before'], why: string): void {
    this.#lastFailure = why
    this.#text = text
    this.#running = config
    this.#options.log.warn('configuration went back', { why })
    try {
      writeWhole(this.#options.target, text)
      rmSync(unconfirmedOf(this.#options.target), { force: true })
    } catch (error) {
      this.#options.log.error('configuration not written', { file: this.#options.target, why: troubleOf(error) })
    }
  }

  #loaded(changes: ConfigChanges): ConfigRefusal | { text: string; config: Config; differences: ConfigDifference[] } {
    const unknown = [...changes.keys()].find(key => !schemas().has(key))
    if (unknown !== undefined) return { errors: { [unknown]: 'there is no such key' } }
    const { text } = editConfig(this.#text, changes)
    const loaded = loadConfig(text, this.#file, hostname(), whyUnreadable)
    if ('errors' in loaded) {
      const errors = loaded.found.map(({ key, wrong, allowed }) => [key, `${wrong}, allowed: ${allowed}`])
      return { errors: Object.fromEntries(errors.length > 0 ? errors : [['', loaded.errors.join(' ')]]) }
    }
    const before = new Map(keysOf(this.#text, this.#running).map(({ key, value }) => [key, value]))
    const differences = keysOf(text, loaded.config).flatMap(({ key, value }) =>
      isDeepStrictEqual(value, before.get(key)) ? [] : [{ key, before: before.get(key), after: value }],
    )
    return { text, config: loaded.config, differences }
  }
}

const versionOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)

interface SchemaNode {
  readonly type?: string
  readonly default?: ConfigValue
  readonly properties?: Readonly<Record<string, SchemaNode>>
}

/** Every key that can be changed, with its schema. Accounts are not among them: they are made on pages of their own. */
function schemas(): ReadonlyMap<string, SchemaNode> {
  const found = new Map<string, SchemaNode>()
  for (const [name, node] of Object.entries(configSchema.properties as Record<string, SchemaNode>)) {
    if (node.type === 'object')
      for (const [inner, schema] of Object.entries(node.properties!)) found.set(`${name}.${inner}`, schema)
    else if (name !== 'user') found.set(name, node)
  }
  return found
}

function keysOf(text: string, config: Config): ConfigKey[] {
  const written = parse(text) as Record<string, unknown>
  return [...schemas()].map(([key, schema]) => {
    const inFile = at(written, key)
    const value = at(config as unknown as Record<string, unknown>, key) as ConfigValue
    return { key, value, fallback: schema.default, isWritten: inFile !== undefined, schema }
  })
}

const at = (tables: Record<string, unknown>, key: string): unknown => {
  const [first, second] = key.split('.') as [string, string?]
  const value = tables[first]
  return second === undefined ? value : (value as Record<string, unknown> | undefined)?.[second]
}
