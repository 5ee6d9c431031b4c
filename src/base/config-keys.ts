/** What is wrong with one key, e.g. `user[2].aor`. */
export interface ConfigError {
  readonly key: string
  readonly wrong: string
  readonly allowed: string
}

/** Of each key: whether the file has it, and whether it was refused, so that nothing is said of what only follows. */
export class ConfigKeys {
  readonly #written = new Set<string>()
  readonly #refused = new Set<string>()
  readonly #holdsRefused = new Set<string>()

  /** `file` as it was parsed, before defaults are put in. */
  constructor(file: Record<string, unknown>) {
    for (const [name, value] of Object.entries(file)) {
      this.#written.add(name)
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        for (const inner of Object.keys(value)) this.#written.add(`${name}.${inner}`)
    }
  }

  isWritten(key: string): boolean {
    return this.#written.has(key)
  }

  refuse(key: string): void {
    this.#refused.add(key)
    for (const outer of outersOf(key)) this.#holdsRefused.add(outer)
  }

  /** The key itself, what it stands in, or something in it. */
  isRefused(key: string): boolean {
    return (
      this.#refused.has(key) || this.#holdsRefused.has(key) || outersOf(key).some(outer => this.#refused.has(outer))
    )
  }

  /** For messages: `listen.http = "127.0.0.1:8080" (default)`. */
  shown(key: string, value: string): string {
    return `${key} = ${value}${this.isWritten(key) ? '' : ' (default)'}`
  }
}

/** Of `user[2].aor`: `user[2]` and `user`. */
function outersOf(key: string): string[] {
  const outers: string[] = []
  for (let at = key.length - 1; at > 0; at--) if (key[at] === '.' || key[at] === '[') outers.push(key.slice(0, at))
  return outers
}
