import { UNDATED, type WallTime } from '../base/time.ts'
import { expiryKey, pastPrefix, readU48 } from './keys.ts'
import { type Do, EMPTY } from './tables.ts'

/** Index entry and expiry alone: a body is not written again for it, so an index entry that is made anew from a body is undated again. */
export const redate: Do<'redate'> = (tables, { wall, limit }) => {
  const undated = tables.kv.range(expiryKey(UNDATED, 0), pastPrefix('x'), { limit })
  for (const { key } of undated) {
    const seq = readU48(key, 7)
    const life = tables.life(seq)
    const entry = life && tables.index({ aor: life.recipient, mailbox: life.mailbox }, seq)
    tables.kv.remove(key)
    if (!entry) continue // left over from a message whose index entry was damaged
    const expiresAt = (wall + readU48(key, 1) - UNDATED) as WallTime
    tables.putIndex(life.mailbox, seq, { ...entry, expiresAt })
    tables.kv.put(expiryKey(expiresAt, seq), EMPTY)
  }
  return undated.length
}
