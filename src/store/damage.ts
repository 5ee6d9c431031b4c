import type { HistoryPlace } from './history-story.ts'
import type { Box } from './keys.ts'

/** What a record that failed its checksum was, so that it can be put right. */
export type DamagedRecord =
  | { readonly table: 'totals' }
  | { readonly table: 'notice'; readonly id: number }
  | { readonly table: 'account' | 'bindings' | 'settings'; readonly aor: string }
  | { readonly table: 'head'; readonly box: Box }
  | { readonly table: 'index' | 'body'; readonly box: Box; readonly seq: number }
  | { readonly table: 'life' | 'end'; readonly seq: number }
  | { readonly table: 'block'; readonly box: Box; readonly seq: number }
  | { readonly table: 'upload totals' | 'notice totals' | 'subscription count' }
  | { readonly table: 'subscription'; readonly id: string }
  | { readonly table: 'upload' | 'sweep'; readonly upload: number }
  | { readonly table: 'identities'; readonly group: number }
  | { readonly table: 'history totals' }
  | { readonly table: 'history head'; readonly mailbox: number }
  | { readonly table: 'history'; readonly mailbox: number; readonly place: HistoryPlace }
  | { readonly table: 'history content' | 'history heads' | 'history pieces'; readonly place: HistoryPlace }
  | { readonly table: 'recording'; readonly id: number }
  | { readonly table: 'recording lost'; readonly mailbox: number; readonly place: HistoryPlace }

/** Thrown by a read; the verb begins again once the record is set aside and what hangs on it put right. */
export class Damage extends Error {
  readonly record: DamagedRecord
  readonly key: string
  readonly value: Buffer
  constructor(record: DamagedRecord, key: string, value: Buffer) {
    super(`${record.table} record failed its checksum`)
    this.record = record
    this.key = key
    this.value = value
  }
}

/** Throws `Damage` where nothing could be decoded. */
export function whole<T>(decoded: T | undefined, record: DamagedRecord, key: string, value: Buffer): T {
  if (decoded === undefined) throw new Damage(record, key, value)
  return decoded
}
