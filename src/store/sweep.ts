import { whole } from './damage.ts'
import { blockKey, pastPrefix, readU48, sweepKey } from './keys.ts'
import { decodeSeq, encodeSeq } from './records.ts'
import type { Tables } from './tables.ts'
import type { Verbs } from './verbs.ts'

/** The blocks go in steps of their own: a message of gigabytes would make the transaction of its end a long one. */
export function toSweep(tables: Tables, upload: number, blocks: number): void {
  const key = sweepKey(upload)
  if (blocks > 0) tables.kv.put(key, encodeSeq(key, blocks))
}

/** From the last block of each downward, so that what is left is still counted from the first. */
export function sweep(tables: Tables, { limit }: Verbs['sweep']['request']): number {
  let left = limit
  for (const { key, value } of tables.kv.range('g', pastPrefix('g'), { limit })) {
    if (left === 0) break
    const upload = readU48(key, 1)
    const blocks = whole(decodeSeq(key, value), { table: 'sweep', upload }, key, value)
    const rest = Math.max(0, blocks - left)
    for (let number = rest; number < blocks; number++) tables.kv.remove(blockKey(upload, number))
    if (rest === 0) tables.kv.remove(key)
    else toSweep(tables, upload, rest)
    left -= blocks - rest
  }
  return limit - left
}
