import { type ChosenSettings, SETTING_NAMES } from '../base/service-settings.ts'
import type { WallTime } from '../base/time.ts'
import type { Dice } from './conformance.ts'
import type { PublishedSettings, SettingsRecord, StoredSettings } from './settings.ts'

/** What the next `settings.put` of the suite writes: something is published, ends, or is stored. */
export function nextSettings(
  dice: Dice,
  { version, stored, published }: SettingsRecord,
  wall: WallTime,
): Omit<SettingsRecord, 'version'> {
  const written = writtenSettings(dice, version + 1, wall)
  const withStored = stored && { stored }
  const which = dice.below(4)
  if (which === 0) return { published: published.slice(1), ...withStored }
  if (which === 1) return { published, stored: written }
  if (which === 2) return { published }
  return { published: [...published, publishedSettings(dice, written, wall)].slice(-4), ...withStored }
}

function writtenSettings(dice: Dice, revision: number, modifiedAt: WallTime): StoredSettings {
  const names = SETTING_NAMES.filter(() => dice.chance(0.7))
  const chosen: ChosenSettings = Object.fromEntries(names.map(name => [name, dice.chance(0.7)]))
  return { chosen, document: Buffer.alloc(dice.below(300), dice.below(256)), modifiedAt, revision }
}

const publishedSettings = (dice: Dice, written: StoredSettings, wall: WallTime): PublishedSettings => ({
  ...written,
  etag: `etag${written.revision}`,
  publisher: 'sip:bob@example.org',
  contentType: 'application/im-settings+xml',
  expiresAt: (wall + dice.below(120_000)) as WallTime,
})
