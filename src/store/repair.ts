import type { Damage } from './damage.ts'
import { decodeHistoryHead } from './history-records.ts'
import { GROUP_MESSAGES, type IdentityGroup, identityHash, withHash } from './identities.ts'
import { type Entry, scanned } from './key-value.ts'
import { endLife, removeMessage } from './keyed-mailbox.ts'
import { decidedAgain, dropDamagedSettings } from './keyed-settings.ts'
import { dropDamagedSubscription, subscriptionCountAgain } from './keyed-subscriptions.ts'
import {
  type Box,
  bindingsKey,
  bodyKey,
  headKey,
  historyHeadKey,
  indexKey,
  lifeKey,
  pastPrefix,
  quarantineKey,
  readU48,
  waitingKey,
} from './keys.ts'
import {
  type BodyRecord,
  decodeAccount,
  decodeBindings,
  decodeBody,
  decodeHead,
  decodeIndex,
  decodeLife,
  encodeQuarantine,
  type IndexEntry,
  type LifeRecord,
  type Totals,
} from './records.ts'
import { repairHistory } from './repair-history.ts'
import { dropDamagedNotice, mailboxes, noticeTotalsAgain, sharesIn, sumsOfHeads } from './repair-shares.ts'
import { dropDamagedUpload, reservedIn, sweepAgain, sweepOrphans, uploadTotalsAgain } from './repair-uploads.ts'
import { ending, storeIdOf } from './story.ts'
import { EMPTY, indexEnd, NO_TOTALS, type Tables } from './tables.ts'

/** One line for the log about a record set aside. */
export interface Notice {
  readonly table: string
  readonly storeId?: string
  readonly aor?: string
}

/** Enough to see what went wrong on the flash; more would let a dying medium fill itself with its own remains. */
const QUARANTINE_MAX = 1000
const QUARANTINE_BYTES_MAX = 65536

/** After the totals were lost: farther than any number given out since the last one that is still to be seen. */
const GAP = 1_000_000

/**
 * Sets a damaged record aside and puts right what hangs on it, in the transaction of the verb that found it. A damaged message is
 * never handed on; those behind it are not held up by it.
 */
export function repair(tables: Tables, { record, key, value }: Damage): Notice {
  if (record.table === 'totals') {
    tables.putTotals(recount(tables, lostTotals(tables)))
    setAside(tables, key, value)
    return { table: 'totals' }
  }
  setAside(tables, key, value)
  switch (record.table) {
    case 'account':
      rebuildAccount(tables, record.aor)
      return { table: 'account', aor: record.aor }
    case 'bindings':
      tables.kv.remove(bindingsKey(record.aor))
      tables.putTotals(recount(tables, tables.totals()))
      return { table: 'bindings', aor: record.aor }
    case 'settings':
      dropDamagedSettings(tables, record.aor)
      return { table: 'settings', aor: record.aor }
    case 'identities':
      tables.putIdentityGroup(record.group, identitiesAgain(tables, record.group))
      return { table: 'identities' }
    case 'life':
      tables.putLife(lifeAgain(tables, record.seq))
      return { table: 'life', storeId: tables.story(record.seq).storeId }
    case 'end':
      tables.putEnd(record.seq, damagedNow(tables))
      return { table: 'end', storeId: tables.story(record.seq).storeId }
    case 'upload totals':
      uploadTotalsAgain(tables)
      return { table: 'upload totals' }
    case 'upload':
      dropDamagedUpload(tables, record.upload, mailboxes(tables))
      return { table: 'upload' }
    case 'notice totals':
      noticeTotalsAgain(tables)
      return { table: 'notice totals' }
    case 'subscription count':
      subscriptionCountAgain(tables)
      return { table: 'subscription count' }
    case 'subscription':
      dropDamagedSubscription(tables, record.id)
      return { table: 'subscription' }
    case 'notice':
      dropDamagedNotice(tables, record.id)
      return { table: 'notice' }
    case 'sweep':
      sweepAgain(tables, record.upload)
      return { table: 'sweep' }
    case 'history':
    case 'history head':
    case 'history totals':
    case 'history content':
    case 'history heads':
    case 'history pieces':
    case 'recording':
    case 'recording lost':
      repairHistory(tables, record, key)
      return { table: record.table }
    case 'head':
      repairMailbox(tables, record.box, key)
      return { table: 'head', aor: record.box.aor }
    default:
      repairMailbox(tables, record.box, key, record.table === 'block' ? record.seq : undefined)
      return { table: record.table, aor: record.box.aor, storeId: lifeOf(tables, record.seq).storeId }
  }
}

function setAside(tables: Tables, damagedKey: string, value: Buffer): void {
  const totals = tables.totals()
  const key = quarantineKey(++totals.damaged)
  tables.kv.put(key, encodeQuarantine(key, damagedKey, value.subarray(0, QUARANTINE_BYTES_MAX)))
  if (totals.damaged > QUARANTINE_MAX) tables.kv.remove(quarantineKey(totals.damaged - QUARANTINE_MAX))
  tables.putTotals(totals)
}

/**
 * The account stays as a recipient without credentials, so nothing that waits for it is lost; the configuration file or a new
 * password gives it credentials again.
 */
function rebuildAccount(tables: Tables, aor: string): void {
  const totals = tables.totals()
  const mailbox = mailboxNamed(tables, aor) ?? ++totals.mailbox
  tables.putAccount({ mailbox, ...decidedAgain(tables, aor), account: { aor, origin: 'store' } })
  tables.putTotals(totals)
}

/** A mailbox without waiting messages and history has no head: then the account begins a new one. */
function mailboxNamed(tables: Tables, aor: string): number | undefined {
  for (const mailbox of mailboxes(tables)) {
    const [key, historyKey] = [headKey(mailbox), historyHeadKey(mailbox)]
    const [value, history] = [tables.kv.get(key), tables.kv.get(historyKey)]
    if (value && decodeHead(key, value)?.aor === aor) return mailbox
    if (history && decodeHistoryHead(historyKey, history)?.aor === aor) return mailbox
  }
  return undefined
}

/** Index entries anew from the bodies, a body that is damaged set aside, and the head counted again. `lost`: a message without all its blocks. */
function repairMailbox(tables: Tables, box: Box, damagedKey: string, lost?: number): void {
  let [count, bytes, urgent, receipts] = [0, 0, 0, 0]
  for (const { key, value } of tables.kv.range(indexKey(box.mailbox, 0), indexEnd(box.mailbox))) {
    const seq = readU48(key, 6)
    const entry = decodeIndex(key, value)
    const body = bodyOf(tables, seq)
    if (!body || seq === lost) {
      if (!body && bodyKey(seq) !== damagedKey) setAside(tables, bodyKey(seq), tables.kv.get(bodyKey(seq)) ?? EMPTY)
      dropDamaged(tables, box, seq, entry ?? body)
    } else {
      if (!entry) tables.putIndex(box.mailbox, seq, indexOf(body))
      if (body.isReceipt) receipts++
      else {
        count++
        bytes += sizeOf(body)
        if (body.isUrgent) urgent++
      }
    }
  }
  const shares = sharesIn(tables, box.mailbox)
  const uploads = reservedIn(tables, box.mailbox)
  const counts = { count, bytes, urgent, receipts, ...uploads }
  tables.putHead(box.mailbox, { aor: box.aor, ...counts, shares, isNearlyFull: false })
  tables.senders.replace(sumsOfHeads(tables))
  if (count + receipts > 0) tables.kv.put(waitingKey(box.aor), EMPTY)
  else tables.kv.remove(waitingKey(box.aor))
  tables.putTotals(recount(tables, tables.totals()))
}

const sizeOf = ({ bytes, large }: BodyRecord): number => bytes.length + (large?.size ?? 0)

function indexOf(body: BodyRecord): IndexEntry {
  const { receivedAt, expiresAt, isUrgent, isReceipt, share, large, history } = body
  const kind = { ...(isReceipt && { isReceipt }), ...(large && { large }), ...(history && { history }) }
  return { size: sizeOf(body), receivedAt, expiresAt, isUrgent, attempts: 0, share, ...kind }
}

function dropDamaged(tables: Tables, box: Box, seq: number, known: IndexEntry | BodyRecord | undefined): void {
  const totals = tables.totals()
  const life = lifeOf(tables, seq)
  endLife(tables, totals, { ...life, ...box, recipient: box.aor }, damagedNow(tables), false)
  removeMessage(tables, box, seq, known ?? { expiresAt: totals.clockFloor })
  // A history that shares the body finds it gone.
  if (!bodyOf(tables, seq)) tables.kv.remove(bodyKey(seq))
  tables.putTotals(totals)
  if (!known) sweepOrphans(tables, mailboxes(tables))
}

const damagedNow = (tables: Tables) => ending('damaged', tables.totals().clockFloor, 'failed its checksum')

function bodyOf(tables: Tables, seq: number): BodyRecord | undefined {
  const value = tables.kv.get(bodyKey(seq))
  return value && decodeBody(bodyKey(seq), value)
}

function lifeOf(tables: Tables, seq: number): LifeRecord {
  const value = tables.kv.get(lifeKey(seq))
  return (value && decodeLife(lifeKey(seq), seq, value)) ?? lifeAgain(tables, seq)
}

/** What the body still says of a message whose life story is gone. */
function lifeAgain(tables: Tables, seq: number): LifeRecord {
  const found = bodyOf(tables, seq)
  // It may be there for a history alone.
  const body = found && tables.kv.get(indexKey(found.mailbox, seq)) ? found : undefined
  return {
    seq,
    mailbox: body?.mailbox ?? 0,
    storeId: body?.storeId ?? storeIdOf(seq, tables.surroundings.hostname),
    recipient: body?.recipient ?? '',
    sender: '',
    callId: '',
    cseq: 0,
    fromTag: '',
    ...(body?.large && { messageId: body.large.messageId }),
    size: body ? sizeOf(body) : 0,
    events: body ? [{ at: body.receivedAt, event: 'stored' }] : [],
  }
}

/** From the life stories, which hold them in full. The index in memory has them already, or is being read. */
function identitiesAgain(tables: Tables, number: number): IdentityGroup {
  const first = number * GROUP_MESSAGES
  let group = withHash(undefined, first, undefined)
  for (let seq = first; seq < first + GROUP_MESSAGES; seq++) {
    const value = tables.kv.get(lifeKey(seq))
    const life = value && decodeLife(lifeKey(seq), seq, value)
    if (life && life.callId !== '') group = withHash(group, seq, identityHash(life.mailbox, life))
  }
  return group
}

/** The totals counted again from the tables; `known` gives those that cannot be counted. */
function recount(tables: Tables, known: Totals): Totals {
  const totals: Totals = { ...known, accounts: 0, mailboxes: 0, waiting: 0, waitingBytes: 0, bindings: 0, ended: 0 }
  for (const _ of scan(tables, 'a')) totals.accounts++
  for (const _ of scan(tables, 'e')) totals.ended++
  for (const _ of scan(tables, 'w')) totals.mailboxes++
  for (const { key, value } of scan(tables, 'b')) totals.bindings += decodeBindings(key, value)?.bindings.length ?? 0
  for (const mailbox of mailboxes(tables)) {
    const value = tables.kv.get(headKey(mailbox))
    const head = value && decodeHead(headKey(mailbox), value)
    totals.waiting += head?.count ?? 0
    totals.waitingBytes += head?.bytes ?? 0
  }
  return totals
}

/** What the last keys of the tables still say of numbers given out. */
function lostTotals(tables: Tables): Totals {
  const seq = lastNumber(tables, 's', 1)
  const life = seq === 0 ? undefined : lifeOf(tables, seq)
  return {
    ...NO_TOTALS,
    damaged: lastNumber(tables, 'q', 1),
    clockFloor: Math.max(lastNumber(tables, 'e', 1), life?.events.at(-1)?.at ?? 0) as Totals['clockFloor'],
    seq: seq + GAP,
    mailbox: lastMailbox(tables) + GAP,
  }
}

/** Accounts name theirs also while nothing waits in it. */
function lastMailbox(tables: Tables): number {
  let last = 0
  for (const mailbox of mailboxes(tables)) last = mailbox
  for (const { key, value } of scan(tables, 'a')) last = Math.max(last, decodeAccount(key, value)?.mailbox ?? 0)
  return last
}

function lastNumber(tables: Tables, table: string, at: number): number {
  const last = tables.kv.range(table, pastPrefix(table), { limit: 1, reverse: true })[0]
  return last ? readU48(last.key, at) : 0
}

export const scan = (tables: Tables, table: string): Iterable<Entry> => scanned(tables.kv, table, pastPrefix(table))
