import type { Config } from '../base/config.ts'
import { type ChosenSettings, JSON_NAMES, SETTING_NAMES, type SettingsChange } from '../base/service-settings.ts'
import type { WallTime } from '../base/time.ts'
import { changedDocument, readSettings } from '../content/settings-xml.ts'
import { XmlError } from '../content/xml-read.ts'
import type { SettingsView } from '../services/users.ts'
import { chosenSettings, type SettingsRecord, standing } from '../store/settings.ts'
import type { Verbs } from '../store/verbs.ts'
import { PlainError } from './plain-error.ts'

/** Whoever can ask the store for settings; throws where the store failed. */
export interface SettingsLink {
  ask<V extends 'settings.get' | 'settings.put'>(verb: V, request: Verbs[V]['request']): Promise<Verbs[V]['reply']>
}

/** Two people who change the same settings in the same moment: each try lets one of them through. */
const TRIES_MAX = 8

/**
 * Changes what is stored, in the document as it stands, and gives the record as it then is. With `version` only if it still has that
 * one. Throws a plain message where there is no room in the document.
 */
export async function changeSettings(
  link: SettingsLink,
  aor: string,
  change: SettingsChange,
  wall: WallTime,
  version?: number,
): Promise<SettingsRecord | 'unknown' | 'conflict'> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
    const before = await link.ask('settings.get', { aor })
    if (!before) return 'unknown'
    if (version !== undefined && before.version !== version) return 'conflict'
    const settings = { published: before.published, stored: storedAfter(before, change, wall) }
    const reply = await link.ask('settings.put', { aor, version: before.version, settings })
    if (reply === 'saved') return { ...settings, version: before.version + 1 }
    if (reply === 'unknown') return 'unknown'
  }
  return 'conflict'
}

function storedAfter({ version, stored }: SettingsRecord, change: SettingsChange, modifiedAt: WallTime) {
  const document = orNoRoom(() => changedDocument(stored?.document, change))
  return { chosen: readSettings(document), document, modifiedAt, revision: version + 1 }
}

function orNoRoom<T>(change: () => T): T {
  try {
    return change()
  } catch (error) {
    if (!(error instanceof XmlError)) throw error
    throw new PlainError(`The stored settings document cannot take the change: ${error.message}.`)
  }
}

type Named = Record<string, boolean | null>

/** What the box does for whoever did not decide. */
export const defaultSettings = ({ delivery, history }: Pick<Config, 'delivery' | 'history'>): ChosenSettings => ({
  offlineDelivery: delivery.active_default,
  sessionHistory: history.active_default,
  pagerHistory: history.active_default,
})

export function settingsView(aor: string, record: SettingsRecord, defaults: ChosenSettings): SettingsView {
  const counting = standing(record)
  const latestFirst = [...record.published].sort((a, b) => b.revision - a.revision)
  return {
    aor,
    version: record.version,
    effective: named({ ...defaults, ...chosenSettings(record) }),
    stored: named(record.stored?.chosen ?? {}),
    published: latestFirst.map(one => ({
      publisher: one.publisher,
      modified: new Date(one.modifiedAt).toISOString(),
      expires: new Date(one.expiresAt).toISOString(),
      counts: counting.includes(one),
      settings: named(one.chosen),
    })),
  }
}

const named = (chosen: ChosenSettings): Named =>
  Object.fromEntries(SETTING_NAMES.map(name => [JSON_NAMES[name], chosen[name] ?? null]))
