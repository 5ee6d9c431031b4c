import { type KeyValue, scanned } from './key-value.ts'
import { accountKey, nameOf, pastPrefix, SCHEMA_KEY, settingsKey } from './keys.ts'
import { decodeAccount, decodeSeq, encodeAccount, encodeSeq } from './records.ts'
import { decidedBy } from './settings.ts'
import { decodeSettings } from './settings-records.ts'

/** Raised when keys or records change so that an older program would misread them. */
export const SCHEMA_VERSION = 8

/** Those of before the first release kept duplicate keys elsewhere, or knew of no senders in heads and index entries, or of nothing urgent in heads. */
const OLDEST_READ = 5

/** From here on an account's record says what its settings decide over histories. */
const WITH_HISTORY = 7

/** Marks a new store, or makes sure that this one is ours and not newer than we are. Throws with a plain message. */
export function openSchema(table: KeyValue): void {
  const value = table.get(SCHEMA_KEY)
  if (value) {
    const version = decodeSeq(SCHEMA_KEY, value)
    if (version === undefined) throw new Error('the record of the schema version is damaged')
    if (version > SCHEMA_VERSION) {
      throw new Error(
        `the store was written by a newer version (schema ${version}; this one reads up to ${SCHEMA_VERSION}): run that version again`,
      )
    }
    if (version < OLDEST_READ)
      throw new Error(
        `the store was written by a version before the first release (schema ${version}); begin a new one`,
      )
    if (version < SCHEMA_VERSION) {
      if (version < WITH_HISTORY) decideAgain(table)
      table.put(SCHEMA_KEY, encodeSeq(SCHEMA_KEY, SCHEMA_VERSION))
    }
    return
  }
  if (table.range('\0', '\xff', { limit: 1 }).length > 0)
    throw new Error('the file holds data that is not a store of this program')
  table.put(SCHEMA_KEY, encodeSeq(SCHEMA_KEY, SCHEMA_VERSION))
}

/** Damaged records are left to the verbs that meet them. */
function decideAgain(table: KeyValue): void {
  const all = settingsKey('')
  for (const { key, value } of scanned(table, all, pastPrefix(all))) {
    const account = accountKey(nameOf(key))
    const record = table.get(account)
    const [settings, known] = [decodeSettings(key, value), record && decodeAccount(account, record)]
    if (settings && known) table.put(account, encodeAccount(account, { ...known, ...decidedBy(settings) }))
  }
}
