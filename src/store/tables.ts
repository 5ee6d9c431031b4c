import { type DamagedRecord, whole } from './damage.ts'
import { groupOf, hashIn, type IdentityChanges, type IdentityGroup, type IdentityHash, withHash } from './identities.ts'
import type { RangeOptions, Records } from './key-value.ts'
import {
  accountKey,
  type Box,
  bindingsKey,
  bodyKey,
  endKey,
  headKey,
  identitiesKey,
  indexKey,
  lifeKey,
  NOTICE_TOTALS_KEY,
  noticeKey,
  pastPrefix,
  readU48,
  TOTALS_KEY,
  UPLOAD_TOTALS_KEY,
  uploadKey,
  waitingKey,
} from './keys.ts'
import {
  decodeNotice,
  decodeNoticeTotals,
  encodeNotice,
  encodeNoticeTotals,
  NO_NOTICES,
  type NoticeTotals,
} from './notice-records.ts'
import {
  type AccountRecord,
  type BindingsRecord,
  type BodyRecord,
  decodeAccount,
  decodeBindings,
  decodeBody,
  decodeEnd,
  decodeHead,
  decodeIdentities,
  decodeIndex,
  decodeLife,
  decodeTotals,
  encodeAccount,
  encodeBindings,
  encodeBody,
  encodeEnd,
  encodeHead,
  encodeIdentities,
  encodeIndex,
  encodeLife,
  encodeTotals,
  type Head,
  type IndexEntry,
  type LifeRecord,
  type Totals,
} from './records.ts'
import { type Held, type SenderChanges, withShare } from './shares.ts'
import { withEvent } from './story.ts'
import {
  decodeUpload,
  decodeUploadTotals,
  encodeUpload,
  encodeUploadTotals,
  NO_UPLOADS,
  type UploadRecord,
  type UploadTotals,
} from './upload-records.ts'
import type { LifeEvent, Notice, Verbs } from './verbs.ts'

/** What the verbs need of the box beside the disk. */
export interface Surroundings {
  /** Of this box; part of the store ids it gives out. */
  readonly hostname: string
  /** Bytes that can still be written, as known now. */
  freeBytes(): number
}

/** What a verb does in its transaction. */
export type Do<V extends keyof Verbs> = (tables: Tables, request: Verbs[V]['request']) => Verbs[V]['reply']

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

const NO_HEAD: Omit<Head, 'aor'> = {
  count: 0,
  bytes: 0,
  urgent: 0,
  receipts: 0,
  uploads: 0,
  reserved: 0,
  shares: [],
  isNearlyFull: false,
}

/** What there is to deliver. */
export const waitingIn = ({ count, receipts }: Head): number => count + receipts

const NO_BINDINGS: BindingsRecord = { version: 0, bindings: [] }

/** The tables of the store inside one transaction: records in and out, checked on every read. */
export class Tables {
  readonly kv: Records
  readonly surroundings: Surroundings
  /** In memory; changed together with the records that it is read from at the next start. */
  readonly identities: IdentityChanges
  /** Likewise, of the heads. */
  readonly senders: SenderChanges

  constructor(
    kv: Records,
    surroundings: Surroundings,
    memory: { identities: IdentityChanges; senders: SenderChanges },
  ) {
    this.kv = kv
    this.surroundings = surroundings
    this.identities = memory.identities
    this.senders = memory.senders
  }

  /** A copy, for the verb to count in. */
  totals(): Totals {
    const totals = this.read(TOTALS_KEY, decodeTotals, { table: 'totals' })
    return totals ? { ...totals } : { ...NO_TOTALS }
  }

  /** `totals` is not changed any more. */
  putTotals(totals: Totals): void {
    this.kv.putRecord(TOTALS_KEY, totals, () => encodeTotals(TOTALS_KEY, totals))
  }

  account(aor: string): AccountRecord | undefined {
    return this.read(accountKey(aor), decodeAccount, { table: 'account', aor })
  }

  box(aor: string): Box | undefined {
    const account = this.account(aor)
    return account && { aor, mailbox: account.mailbox }
  }

  putAccount(record: AccountRecord): void {
    const key = accountKey(record.account.aor)
    this.kv.put(key, encodeAccount(key, record))
  }

  bindings(aor: string): BindingsRecord {
    return this.read(bindingsKey(aor), decodeBindings, { table: 'bindings', aor }) ?? NO_BINDINGS
  }

  putBindings(aor: string, record: BindingsRecord): void {
    const key = bindingsKey(aor)
    this.kv.put(key, encodeBindings(key, record))
  }

  head(box: Box): Head {
    return this.read(headKey(box.mailbox), decodeHead, { table: 'head', box }) ?? { ...NO_HEAD, aor: box.aor }
  }

  /** Adds to the counters of a mailbox, of the sender and of the store; an empty mailbox has no head and is not listed as waiting. */
  count(box: Box, totals: Totals, share: number, by: Held & { readonly urgent: number }): Head {
    const before = this.head(box)
    const head: Head = {
      ...before,
      count: before.count + by.messages,
      bytes: before.bytes + by.bytes,
      urgent: before.urgent + by.urgent,
      receipts: before.receipts + by.receipts,
      shares: withShare(before.shares, share, by),
    }
    totals.waiting += by.messages
    totals.waitingBytes += by.bytes
    if (waitingIn(before) === 0 && waitingIn(head) > 0) {
      this.kv.put(waitingKey(box.aor), EMPTY)
      totals.mailboxes++
    }
    if (waitingIn(before) > 0 && waitingIn(head) === 0) {
      this.kv.remove(waitingKey(box.aor))
      totals.mailboxes--
    }
    this.putHead(box.mailbox, head)
    this.senders.add(box.mailbox, share, by)
    return head
  }

  /** Room for large messages whose bytes are still coming. */
  reserve(box: Box, share: number, uploads: number, bytes: number): void {
    const head = this.head(box)
    const by = { messages: uploads, bytes, receipts: 0 }
    this.putHead(box.mailbox, {
      ...head,
      uploads: head.uploads + uploads,
      reserved: head.reserved + bytes,
      shares: withShare(head.shares, share, by),
    })
    this.senders.add(box.mailbox, share, by)
  }

  /** Less what was promised to messages whose bytes are still coming. */
  freeBytes(): number {
    return this.surroundings.freeBytes() - this.uploadTotals().promised
  }

  putHead(mailbox: number, head: Head): void {
    const key = headKey(mailbox)
    if (waitingIn(head) === 0 && head.uploads === 0) this.kv.remove(key)
    else this.kv.putRecord(key, head, () => encodeHead(key, head))
  }

  index(box: Box, seq: number): IndexEntry | undefined {
    const key = indexKey(box.mailbox, seq)
    const value = this.kv.get(key)
    return value && whole(decodeIndex(key, value), { table: 'index', box, seq }, key, value)
  }

  /** Index entries of a mailbox after `afterSeq`, in order. */
  indexAfter(box: Box, afterSeq: number, limit: number): { seq: number; entry: IndexEntry }[] {
    return this.#indexIn(box, afterSeq, { limit })
  }

  newest(box: Box): { seq: number; entry: IndexEntry } | undefined {
    return this.#indexIn(box, 0, { limit: 1, reverse: true })[0]
  }

  #indexIn(box: Box, afterSeq: number, options: RangeOptions): { seq: number; entry: IndexEntry }[] {
    const entries = this.kv.range(indexKey(box.mailbox, afterSeq + 1), indexEnd(box.mailbox), options)
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

  /** With its end, wherever that stands. */
  life(seq: number): LifeRecord | undefined {
    const key = lifeKey(seq)
    const value = this.kv.get(key)
    const life = value && whole(decodeLife(key, seq, value), { table: 'life', seq }, key, value)
    const end = life && this.#end(seq)
    return end ? ended(life, end) : life
  }

  #end(seq: number): LifeEvent | undefined {
    const key = endKey(seq)
    const value = this.kv.get(key)
    return value && whole(decodeEnd(key, value), { table: 'end', seq }, key, value)
  }

  /** The life story of a message that is known to be there. */
  story(seq: number): LifeRecord {
    return whole(this.life(seq), { table: 'life', seq }, lifeKey(seq), EMPTY)
  }

  putLife(life: LifeRecord): void {
    const key = lifeKey(life.seq)
    this.kv.put(key, encodeLife(key, life))
  }

  /** `isApart`: on a page of its own kind, as the one of the story is not written anyway. */
  endLife(life: LifeRecord, end: LifeEvent, isApart: boolean): void {
    if (isApart) this.putEnd(life.seq, end)
    else this.putLife(ended(life, end))
  }

  putEnd(seq: number, end: LifeEvent): void {
    const key = endKey(seq)
    this.kv.put(key, encodeEnd(key, end))
  }

  removeLife(seq: number): void {
    this.kv.remove(lifeKey(seq))
    this.kv.remove(endKey(seq))
  }

  identityGroup(group: number): IdentityGroup | undefined {
    const key = identitiesKey(group)
    const known = this.kv.known(key)
    if (known !== undefined) return (known ?? undefined) as IdentityGroup | undefined
    const value = this.kv.get(key)
    return value && whole(decodeIdentities(key, value), { table: 'identities', group }, key, value)
  }

  putIdentity(seq: number, of: IdentityHash): void {
    this.putIdentityGroup(groupOf(seq), withHash(this.identityGroup(groupOf(seq)), seq, of))
    this.identities.add(of, seq)
  }

  /** By the record, as the life story may have lost it. */
  removeIdentity(seq: number): void {
    const group = this.identityGroup(groupOf(seq))
    const of = group && hashIn(group, seq)
    if (!of) return
    this.putIdentityGroup(groupOf(seq), withHash(group, seq, undefined))
    this.identities.remove(of, seq)
  }

  /** There is no record of a group without identities. */
  putIdentityGroup(number: number, group: IdentityGroup): void {
    const key = identitiesKey(number)
    if (group.every(part => part === 0)) this.kv.remove(key)
    else this.kv.putRecord(key, group, () => encodeIdentities(key, group))
  }

  uploadTotals(): UploadTotals {
    return this.read(UPLOAD_TOTALS_KEY, decodeUploadTotals, { table: 'upload totals' }) ?? NO_UPLOADS
  }

  putUploadTotals(totals: UploadTotals): void {
    this.kv.putRecord(UPLOAD_TOTALS_KEY, totals, () => encodeUploadTotals(UPLOAD_TOTALS_KEY, totals))
  }

  upload(upload: number): UploadRecord | undefined {
    return this.read(uploadKey(upload), decodeUpload, { table: 'upload', upload })
  }

  putUpload(upload: number, record: UploadRecord): void {
    const key = uploadKey(upload)
    this.kv.putRecord(key, record, () => encodeUpload(key, record))
  }

  /** All of them: as many as sessions have one under way. */
  uploads(): { upload: number; record: UploadRecord }[] {
    return this.kv.range('u', pastPrefix('u')).map(({ key, value }) => {
      const upload = readU48(key, 1)
      return { upload, record: whole(decodeUpload(key, value), { table: 'upload', upload }, key, value) }
    })
  }

  noticeTotals(): NoticeTotals {
    return this.read(NOTICE_TOTALS_KEY, decodeNoticeTotals, { table: 'notice totals' }) ?? NO_NOTICES
  }

  putNoticeTotals(totals: NoticeTotals): void {
    this.kv.putRecord(NOTICE_TOTALS_KEY, totals, () => encodeNoticeTotals(NOTICE_TOTALS_KEY, totals))
  }

  noticesBetween(start: string, end: string, limit: number): Notice[] {
    return this.kv.range(start, end, { limit }).map(({ key, value }) => {
      const id = readU48(key, 1)
      return whole(decodeNotice(key, id, value), { table: 'notice', id }, key, value)
    })
  }

  putNotice(notice: Notice): void {
    const key = noticeKey(notice.id)
    this.kv.put(key, encodeNotice(key, notice))
  }

  /** A record that is read for many messages, and so kept as a value. */
  read<T extends object>(
    key: string,
    decode: (key: string, value: Buffer) => T | undefined,
    record: DamagedRecord,
  ): T | undefined {
    const known = this.kv.known(key)
    if (known !== undefined) return (known ?? undefined) as T | undefined
    const value = this.kv.get(key)
    const found = value && whole(decode(key, value), record, key, value)
    this.kv.remember(key, found ?? null)
    return found
  }
}

/** What its sender wanted to be told is not kept any longer. */
function ended({ receipt: _, ...life }: LifeRecord, end: LifeEvent): LifeRecord {
  return { ...life, events: withEvent(life.events, end) }
}

/** The value of a key that says all by being there. */
export const EMPTY = Buffer.alloc(0)

/** The head stands right past the last index entry. */
export const indexEnd = headKey
