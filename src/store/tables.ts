import type { KeyValue } from './key-value.ts'
import {
  accountKey,
  bindingsKey,
  bodyKey,
  headKey,
  indexKey,
  lifeKey,
  readU48,
  TOTALS_KEY,
  waitingKey,
} from './keys.ts'
import {
  type AccountRecord,
  type BindingsRecord,
  type BodyRecord,
  decodeAccount,
  decodeBindings,
  decodeBody,
  decodeHead,
  decodeIndex,
  decodeLife,
  decodeMailbox,
  decodeTotals,
  encodeAccount,
  encodeBindings,
  encodeBody,
  encodeHead,
  encodeIndex,
  encodeLife,
  encodeTotals,
  type Head,
  type IndexEntry,
  type LifeRecord,
  type Totals,
} from './records.ts'

/** What the verbs need of the box beside the disk. */
export interface Surroundings {
  /** Of this box; part of the store ids it gives out. */
  readonly hostname: string
  /** Bytes that can still be written, as known now. */
  freeBytes(): number
}

/** What a record that failed its checksum was, so that it can be put right. */
export type DamagedRecord =
  | { readonly table: 'totals' }
  | { readonly table: 'account' | 'bindings'; readonly aor: string }
  | { readonly table: 'head'; readonly box: Box }
  | { readonly table: 'index' | 'body'; readonly box: Box; readonly seq: number }
  | { readonly table: 'life'; readonly seq: number }
  | { readonly table: 'identity' }

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

/** An account's mailbox: its name, and the number its keys begin with. */
export interface Box {
  readonly aor: string
  readonly mailbox: number
}

export const NO_TOTALS: Totals = {
  accounts: 0,
  mailboxes: 0,
  waiting: 0,
  waitingBytes: 0,
  damaged: 0,
  clockFloor: 0 as Totals['clockFloor'],
  seq: 0,
  mailbox: 0,
  bindings: 0,
  ended: 0,
}

/** The tables of the store inside one transaction: records in and out, checked on every read. */
export class Tables {
  readonly kv: KeyValue
  readonly surroundings: Surroundings

  constructor(kv: KeyValue, surroundings: Surroundings) {
    this.kv = kv
    this.surroundings = surroundings
  }

  totals(): Totals {
    const value = this.kv.get(TOTALS_KEY)
    return value ? whole(decodeTotals(TOTALS_KEY, value), { table: 'totals' }, TOTALS_KEY, value) : { ...NO_TOTALS }
  }

  putTotals(totals: Totals): void {
    this.kv.put(TOTALS_KEY, encodeTotals(TOTALS_KEY, totals))
  }

  account(aor: string): AccountRecord | undefined {
    const key = accountKey(aor)
    const value = this.kv.get(key)
    return value && whole(decodeAccount(key, value), { table: 'account', aor }, key, value)
  }

  /** Whether the account is known, without reading more of it than its mailbox number. */
  box(aor: string): Box | undefined {
    const key = accountKey(aor)
    const value = this.kv.get(key)
    if (!value) return undefined
    return { aor, mailbox: whole(decodeMailbox(key, value), { table: 'account', aor }, key, value) }
  }

  putAccount(record: AccountRecord): void {
    const key = accountKey(record.account.aor)
    this.kv.put(key, encodeAccount(key, record))
  }

  bindings(aor: string): BindingsRecord {
    const key = bindingsKey(aor)
    const value = this.kv.get(key)
    if (!value) return { version: 0, bindings: [] }
    return whole(decodeBindings(key, value), { table: 'bindings', aor }, key, value)
  }

  putBindings(aor: string, record: BindingsRecord): void {
    const key = bindingsKey(aor)
    this.kv.put(key, encodeBindings(key, record))
  }

  head(box: Box): Head {
    const key = headKey(box.mailbox)
    const value = this.kv.get(key)
    return value
      ? whole(decodeHead(key, value), { table: 'head', box }, key, value)
      : { aor: box.aor, count: 0, bytes: 0 }
  }

  /** Adds to the counters of a mailbox and of the store; an empty mailbox has no head and is not listed as waiting. */
  count(box: Box, totals: Totals, messages: number, bytes: number): Head {
    const before = this.head(box)
    const head = { aor: box.aor, count: before.count + messages, bytes: before.bytes + bytes }
    totals.waiting += messages
    totals.waitingBytes += bytes
    if (before.count === 0 && head.count > 0) {
      this.kv.put(waitingKey(box.aor), EMPTY)
      totals.mailboxes++
    }
    if (before.count > 0 && head.count === 0) {
      this.kv.remove(waitingKey(box.aor))
      totals.mailboxes--
    }
    this.putHead(box.mailbox, head)
    return head
  }

  putHead(mailbox: number, head: Head): void {
    const key = headKey(mailbox)
    if (head.count === 0) this.kv.remove(key)
    else this.kv.put(key, encodeHead(key, head))
  }

  index(box: Box, seq: number): IndexEntry | undefined {
    const key = indexKey(box.mailbox, seq)
    const value = this.kv.get(key)
    return value && whole(decodeIndex(key, value), { table: 'index', box, seq }, key, value)
  }

  /** Index entries of a mailbox after `afterSeq`, in order. */
  indexAfter(box: Box, afterSeq: number, limit: number): { seq: number; entry: IndexEntry }[] {
    const entries = this.kv.range(indexKey(box.mailbox, afterSeq + 1), indexEnd(box.mailbox), { limit })
    return entries.map(({ key, value }) => {
      const seq = readU48(key, 6)
      return { seq, entry: whole(decodeIndex(key, value), { table: 'index', box, seq }, key, value) }
    })
  }

  putIndex(mailbox: number, seq: number, entry: IndexEntry): void {
    const key = indexKey(mailbox, seq)
    this.kv.put(key, encodeIndex(key, entry))
  }

  body(box: Box, seq: number): BodyRecord {
    const key = bodyKey(seq)
    const value = this.kv.get(key)
    return whole(value && decodeBody(key, value), { table: 'body', box, seq }, key, value ?? EMPTY)
  }

  putBody(seq: number, body: BodyRecord): void {
    const key = bodyKey(seq)
    this.kv.put(key, encodeBody(key, body))
  }

  life(seq: number): LifeRecord | undefined {
    const key = lifeKey(seq)
    const value = this.kv.get(key)
    return value && whole(decodeLife(key, seq, value), { table: 'life', seq }, key, value)
  }

  /** The life story of a message that is known to be there. */
  story(seq: number): LifeRecord {
    return whole(this.life(seq), { table: 'life', seq }, lifeKey(seq), EMPTY)
  }

  putLife(life: LifeRecord): void {
    const key = lifeKey(life.seq)
    this.kv.put(key, encodeLife(key, life))
  }
}

/** The value of a key that says all by being there. */
export const EMPTY = Buffer.alloc(0)

export const indexEnd = (mailbox: number): string => `${indexKey(mailbox, 0).slice(0, 5)}j`

export function whole<T>(decoded: T | undefined, record: DamagedRecord, key: string, value: Buffer): T {
  if (decoded === undefined) throw new Damage(record, key, value)
  return decoded
}
