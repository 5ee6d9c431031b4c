import type { WallTime } from '../base/time.ts'
import { whole } from './damage.ts'
import { type Entry, scanned } from './key-value.ts'
import { dropHistory } from './keyed-history.ts'
import { endMessage } from './keyed-mailbox.ts'
import { dropSettings } from './keyed-settings.ts'
import { dropUploads } from './keyed-uploads.ts'
import { accountKey, type Box, bindingsKey, isNameTooLong, justAfter, nameOf, pastPrefix, waitingKey } from './keys.ts'
import { type AccountRecord, decodeAccount } from './records.ts'
import { decidedIn, historyChoiceIn } from './settings.ts'
import { ACCOUNT_REMOVED, AOR_BYTES_MAX, SELF_TEST_AOR } from './story.ts'
import { type Do, type Tables, waitingIn } from './tables.ts'
import type { Account } from './verbs.ts'

/** How many keys are looked at in one go. */
const SCAN_CHUNK = 256

export const getAccount: Do<'account.get'> = (tables, { aor }) => tables.account(aor)?.account

export const putAccount: Do<'account.put'> = (tables, { account, mustBe }) => {
  const current = tables.account(account.aor)
  if (mustBe === 'new' && current) return 'exists'
  if (mustBe === 'existing' && !current) return 'absent'
  setAccount(tables, account, current)
  return 'put'
}

/** What its owner decided stays. */
function setAccount(tables: Tables, account: Account, current: AccountRecord | undefined): void {
  if (isNameTooLong(account.aor)) throw new RangeError(`address-of-record longer than ${AOR_BYTES_MAX} bytes`)
  if (current) return tables.putAccount({ ...current, account })
  const totals = tables.totals()
  totals.accounts++
  totals.mailbox++
  tables.putAccount({ mailbox: totals.mailbox, account })
  tables.putTotals(totals)
}

export const removeAccount: Do<'account.remove'> = (tables, { aor, at }) => {
  const record = tables.account(aor)
  if (!record) return 'absent'
  if (record.account.origin === 'file') return 'provisioned'
  dropAccount(tables, { aor, mailbox: record.mailbox }, at)
  return 'removed'
}

/** Duplicate keys stay with the life stories until they are forgotten. */
function dropAccount(tables: Tables, box: Box, at: WallTime): void {
  for (const { seq, entry } of tables.indexAfter(box, 0, Number.POSITIVE_INFINITY)) {
    endMessage(tables, box, seq, entry, 'deleted', at, ACCOUNT_REMOVED)
  }
  dropUploads(tables, ({ mailbox }) => mailbox === box.mailbox)
  const totals = tables.totals()
  totals.accounts--
  totals.bindings -= tables.bindings(box.aor).bindings.length
  tables.putTotals(totals)
  dropSettings(tables, box.aor)
  dropHistory(tables, box)
  tables.kv.remove(bindingsKey(box.aor))
  tables.kv.remove(accountKey(box.aor))
}

export const listAccounts: Do<'account.list'> = (tables, { after = SELF_TEST_AOR, limit }) =>
  accountsAfter(tables, after, limit).map(({ account }) => account)

const accountsAfter = (tables: Tables, after: string | undefined, limit: number): AccountRecord[] =>
  tables.kv.range(firstAccount(after), 'b', { limit }).map(accountIn)

const firstAccount = (after: string | undefined): string => (after === undefined ? 'a' : justAfter(accountKey(after)))

/** Of ten thousand accounts none needs to be one: what is not there need not be decoded. */
const mayBeOfFile = ({ value }: Entry): boolean => value.includes('"origin":"file"')

const accountIn = ({ key, value }: Entry): AccountRecord =>
  whole(decodeAccount(key, value), { table: 'account', aor: nameOf(key) }, key, value)

export const provision: Do<'account.provision'> = (tables, { accounts }) => {
  const wanted = new Set(accounts.map(account => account.aor))
  const at = tables.totals().clockFloor
  for (const found of scanned(tables.kv, 'a', 'b')) {
    if (!mayBeOfFile(found)) continue
    const { account, mailbox } = accountIn(found)
    if (account.origin !== 'file' || wanted.has(account.aor)) continue
    dropAccount(tables, { aor: account.aor, mailbox }, at)
  }
  return { shadowed: accounts.filter(account => !provisionOne(tables, account)).map(account => account.aor) }
}

/** False when an account made by command, page or API has that name. One without credentials is what is left of a damaged record. */
function provisionOne(tables: Tables, account: Account): boolean {
  const current = tables.account(account.aor)
  if (current?.account.origin === 'store' && (current.account.ha1Md5 || current.account.ha1Sha256)) return false
  if (JSON.stringify(current?.account) !== JSON.stringify(account)) setAccount(tables, account, current)
  return true
}

export const getBindings: Do<'bindings.get'> = (tables, { aor }) => tables.bindings(aor)

/** Bindings that are all gone leave their version, so that a writer who read before does not find it again by chance. */
export const putBindings: Do<'bindings.put'> = (tables, { aor, version, bindings }) => {
  if (!tables.box(aor)) return 'unknown'
  const current = tables.bindings(aor)
  if (current.version !== version) return 'conflict'
  tables.putBindings(aor, { version: version + 1, bindings })
  if (current.bindings.length !== bindings.length) {
    const totals = tables.totals()
    totals.bindings += bindings.length - current.bindings.length
    tables.putTotals(totals)
  }
  return 'saved'
}

export const dueBindings: Do<'bindings.due'> = (tables, { after, limit }) => {
  const due: string[] = []
  for (let last = after; due.length < limit; ) {
    const chunk = waitingAfter(tables, last, SCAN_CHUNK)
    for (const aor of chunk) {
      if (due.length < limit && tables.bindings(aor).bindings.length > 0) due.push(aor)
    }
    if (chunk.length < SCAN_CHUNK) break
    last = chunk.at(-1)
  }
  return due
}

/** Names of mailboxes with waiting messages, in order. */
export function waitingAfter(tables: Tables, after: string | undefined, limit: number): string[] {
  const start = after === undefined ? 'w' : justAfter(waitingKey(after))
  return tables.kv.range(start, pastPrefix('w'), { limit }).map(({ key }) => nameOf(key))
}

export const countBindings: Do<'bindings.count'> = tables => tables.totals().bindings

export const locate: Do<'locate'> = (tables, { aor, sender }) => {
  const senderAccount = sender === undefined ? undefined : tables.account(sender)
  const from = senderAccount && { senderHistory: historyChoiceIn(senderAccount) }
  const account = tables.account(aor)
  if (!account) return { isKnown: false, bindings: [], waiting: 0, ...from }
  const { mailbox } = account
  return {
    isKnown: true,
    bindings: tables.bindings(aor).bindings,
    waiting: waitingIn(tables.head({ aor, mailbox })),
    ...decidedIn(account),
    ...from,
  }
}
