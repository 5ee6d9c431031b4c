import type { HistoryChoice } from './history.ts'
import {
  checkBounds,
  type Decided,
  decidedBy,
  firstExpiry,
  historyChoiceIn,
  NO_SETTINGS,
  type SettingsRecord,
} from './settings.ts'
import type { Verbs } from './verbs.ts'

/** The settings of the reference model. */
export class MemorySettings {
  readonly #records = new Map<string, SettingsRecord>()

  get(aor: string): SettingsRecord {
    return this.#records.get(aor) ?? NO_SETTINGS
  }

  put({ aor, version, settings }: Verbs['settings.put']['request']): 'saved' | 'conflict' {
    checkBounds(settings)
    if (this.get(aor).version !== version) return 'conflict'
    this.#records.set(aor, { ...settings, version: version + 1 })
    return 'saved'
  }

  remove(aor: string): void {
    this.#records.delete(aor)
  }

  expired({ at, limit }: Verbs['settings.expired']['request']): string[] {
    return [...this.#records]
      .flatMap(([aor, record]) => ({ aor, expiry: firstExpiry(record) ?? Number.POSITIVE_INFINITY }))
      .filter(({ expiry }) => expiry <= at)
      .sort((a, b) => a.expiry - b.expiry || (a.aor < b.aor ? -1 : 1))
      .slice(0, limit)
      .map(({ aor }) => aor)
  }

  /** What `locate` tells of them. */
  decided(aor: string): Decided {
    return decidedBy(this.get(aor))
  }

  history(aor: string): HistoryChoice {
    return historyChoiceIn(this.decided(aor))
  }
}
