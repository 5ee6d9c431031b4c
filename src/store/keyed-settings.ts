import { whole } from './damage.ts'
import { expiringKey, expiringName, pastPrefix, settingsKey } from './keys.ts'
import {
  checkBounds,
  type Decided,
  decidedBy,
  firstExpiry,
  isDecidedAlike,
  NO_SETTINGS,
  type SettingsRecord,
} from './settings.ts'
import { decodeSettings, encodeSettings } from './settings-records.ts'
import { type Do, EMPTY, type Tables } from './tables.ts'

function settingsOf(tables: Tables, aor: string): SettingsRecord {
  const key = settingsKey(aor)
  const value = tables.kv.get(key)
  return value ? whole(decodeSettings(key, value), { table: 'settings', aor }, key, value) : NO_SETTINGS
}

export const getSettings: Do<'settings.get'> = (tables, { aor }) =>
  tables.account(aor) ? settingsOf(tables, aor) : undefined

/** What decides over pushes and histories stands in the account as well, which is read for each message anyway. */
export const putSettings: Do<'settings.put'> = (tables, { aor, version, settings }) => {
  checkBounds(settings)
  const account = tables.account(aor)
  if (!account) return 'unknown'
  const before = settingsOf(tables, aor)
  if (before.version !== version) return 'conflict'
  const after: SettingsRecord = { ...settings, version: version + 1 }
  const key = settingsKey(aor)
  tables.kv.put(key, encodeSettings(key, after))
  moveExpiry(tables, aor, before, after)
  const decided = decidedBy(after)
  if (!isDecidedAlike(decided, account))
    tables.putAccount({ mailbox: account.mailbox, account: account.account, ...decided })
  return 'saved'
}

/** For an account whose record is made anew. Settings that are damaged too are found so when they are read. */
export function decidedAgain(tables: Tables, aor: string): Decided {
  const key = settingsKey(aor)
  const value = tables.kv.get(key)
  const settings = value && decodeSettings(key, value)
  return settings ? decidedBy(settings) : {}
}

/** Nobody knows any more what they were. */
export function dropDamagedSettings(tables: Tables, aor: string): void {
  tables.kv.remove(settingsKey(aor))
  const account = tables.account(aor)
  if (account) tables.putAccount({ mailbox: account.mailbox, account: account.account })
}

/** With the account. */
export function dropSettings(tables: Tables, aor: string): void {
  moveExpiry(tables, aor, settingsOf(tables, aor), undefined)
  tables.kv.remove(settingsKey(aor))
}

function moveExpiry(tables: Tables, aor: string, before: SettingsRecord, after: SettingsRecord | undefined): void {
  const [from, to] = [firstExpiry(before), after && firstExpiry(after)]
  if (from === to) return
  if (from !== undefined) tables.kv.remove(expiringKey(from, aor))
  if (to !== undefined) tables.kv.put(expiringKey(to, aor), EMPTY)
}

export const expiredSettings: Do<'settings.expired'> = (tables, { at, limit }) => {
  const expired: string[] = []
  for (const { key } of tables.kv.range('p', pastPrefix('p'), { limit })) {
    const aor = expiringName(key)
    const expiry = firstExpiry(settingsOf(tables, aor))
    if (expiry === undefined || expiringKey(expiry, aor) !== key)
      tables.kv.remove(key) // left over from a damaged record
    else if (expiry <= at) expired.push(aor)
    else break
  }
  return expired
}
