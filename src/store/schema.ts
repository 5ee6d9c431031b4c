import type { KeyValue } from './key-value.ts'
import { SCHEMA_KEY } from './keys.ts'
import { decodeSeq, encodeSeq } from './records.ts'

/** Raised when keys or records change so that an older program would misread them. */
export const SCHEMA_VERSION = 6

/** Those of before the first release kept duplicate keys elsewhere, or knew of no senders in heads and index entries, or of nothing urgent in heads. */
const OLDEST_READ = 5

/** Marks a new store, or makes sure that this one is ours and not newer than we are. Throws with a plain message. */
export function openSchema(table: KeyValue): void {
  const value = table.get(SCHEMA_KEY)
  if (value) {
    const version = decodeSeq(SCHEMA_KEY, value)
    if (version === undefined) throw new Error('the record of the schema version is damaged')
    if (version > SCHEMA_VERSION) {
      throw new Error(
        `the store was written by a newer version (schema ${version}; this one reads up to ${SCHEMA_VERSION})`,
      )
    }
    if (version < OLDEST_READ)
      throw new Error(
        `the store was written by a version before the first release (schema ${version}); begin a new one`,
      )
    return
  }
  if (table.range('\0', '\xff', { limit: 1 }).length > 0)
    throw new Error('the file holds data that is not a store of this program')
  table.put(SCHEMA_KEY, encodeSeq(SCHEMA_KEY, SCHEMA_VERSION))
}
