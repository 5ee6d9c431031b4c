import t from 'tap'
import type { WallTime } from '../base/time.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf, STORED_AT } from '../testing/store-fixtures.ts'
import { KeyedStore } from './keyed.ts'
import { accountKey, settingsKey } from './keys.ts'
import { chosenSettings, NO_SETTINGS, type PublishedSettings, type StoredSettings } from './settings.ts'
import type { Account, RequestOf, Verb, Verbs } from './verbs.ts'

const stored = (revision: number, offlineDelivery?: boolean): StoredSettings => ({
  chosen: { ...(offlineDelivery !== undefined && { offlineDelivery }) },
  document: Buffer.from([0, 255, 13, 10]),
  modifiedAt: STORED_AT,
  revision,
})

const published = (revision: number, offlineDelivery: boolean | undefined, expiresInMs: number): PublishedSettings => ({
  ...stored(revision, offlineDelivery),
  etag: `etag${revision}`,
  publisher: BOB_AOR,
  contentType: 'application/im-settings+xml',
  expiresAt: (STORED_AT + expiresInMs) as WallTime,
})

t.test('Appendix E: the last writer wins, whatever the clock says, and who says nothing decides nothing', async t => {
  const push = (record: Parameters<typeof chosenSettings>[0]) => chosenSettings(record).offlineDelivery
  t.equal(push(NO_SETTINGS), undefined)
  t.equal(push({ version: 1, stored: stored(1, false), published: [] }), false)
  t.equal(push({ version: 2, stored: stored(1, false), published: [published(2, true, 9)] }), true, 'published later')
  t.equal(push({ version: 2, stored: stored(2, false), published: [published(1, true, 9)] }), false, 'stored later')
  t.equal(push({ version: 2, stored: stored(2), published: [published(1, true, 9)] }), undefined, 'taken back later')
  t.equal(push({ version: 2, stored: stored(1, false), published: [published(2, undefined, 9)] }), false)
  const two = [published(3, false, 9), published(2, true, 9)]
  t.equal(push({ version: 3, stored: stored(1, true), published: two }), false, 'the later of two devices')
})

/** A store with bob in it. */
function bob() {
  const table = new SortedKeyValue()
  const store = new KeyedStore({ hostname: 'edge1.example.org', freeBytes: () => Number.MAX_SAFE_INTEGER })
  const ask = <V extends Verb>(request: RequestOf<V>): Verbs[V]['reply'] => {
    const batch = store.write(table, [request as never])
    batch.settle()
    const [result] = batch.results
    if (!result || 'failure' in result) throw new Error(result?.detail)
    return result.value
  }
  ask(accountPut(BOB_AOR))
  const put = (version: number, settings: Verbs['settings.put']['request']['settings']) =>
    ask({ verb: 'settings.put', aor: BOB_AOR, version, settings })
  const flip = (key: string): void => {
    const value = Buffer.from(table.get(key)!)
    value[value.length - 1]! ^= 4
    table.put(key, value)
  }
  const push = () => ask({ verb: 'locate', aor: BOB_AOR }).offlineDelivery
  return { table, ask, put, flip, push }
}

t.test('DM-DLV-02..04: what the settings say of pushes is read with the mailbox', async t => {
  const { ask, put, push } = bob()
  t.equal(push(), undefined)
  t.equal(put(0, { stored: stored(1, false), published: [] }), 'saved')
  t.equal(push(), false)
  t.equal(put(0, { published: [] }), 'conflict', 'of another version')
  t.equal(push(), false)
  t.equal(put(1, { stored: stored(1, false), published: [published(2, true, 500)] }), 'saved')
  t.equal(push(), true)
  t.match(ask({ verb: 'settings.get', aor: BOB_AOR }), { version: 2, stored: stored(1, false) })
})

t.test('settings are kept when the account gets a new password or is provisioned, and go with it', async t => {
  const { table, ask, put, push } = bob()
  put(0, { stored: stored(1, false), published: [published(1, true, 500)] })
  ask({ verb: 'account.put', account: { aor: BOB_AOR, ha1Md5: 'f'.repeat(32), origin: 'store' } })
  t.equal(push(), false)
  t.same(Object.keys(ask({ verb: 'account.get', aor: BOB_AOR }) as Account).sort(), ['aor', 'ha1Md5', 'origin'])
  t.equal(ask({ verb: 'account.remove', aor: BOB_AOR, at: STORED_AT }), 'removed')
  t.equal(ask({ verb: 'settings.get', aor: BOB_AOR }), undefined)
  t.same([...table.range('o', 'q')], [], 'nothing of them is left')
  ask(accountPut(BOB_AOR))
  t.equal(push(), undefined)
  t.same(ask({ verb: 'settings.get', aor: BOB_AOR }), NO_SETTINGS)
})

t.test('RFC 3903 4: whose publications have ended is found without looking at all accounts', async t => {
  const { ask, put } = bob()
  const expired = (inMs: number) =>
    ask({ verb: 'settings.expired', at: (STORED_AT + inMs) as WallTime, limit: 9 }) as readonly string[]
  put(0, { published: [published(1, true, 500), published(1, true, 300)] })
  t.same(expired(299), [])
  t.same(expired(300), [BOB_AOR])
  put(1, { published: [published(1, true, 500)] })
  t.same(expired(300), [])
  t.same(expired(500), [BOB_AOR])
  put(2, { published: [] })
  t.same(expired(1e9), [])
})

t.test(
  'a damaged record of settings is set aside: the box’s own setting stands, and the rest of the account as it was',
  async t => {
    const { ask, put, flip, push } = bob()
    put(0, { stored: stored(1, false), published: [published(1, true, 300)] })
    flip(settingsKey(BOB_AOR))
    t.same(ask({ verb: 'settings.get', aor: BOB_AOR }), NO_SETTINGS)
    t.equal(push(), undefined)
    t.same(ask({ verb: 'settings.expired', at: (STORED_AT + 1e9) as WallTime, limit: 9 }), [])
    t.match(ask({ verb: 'account.get', aor: BOB_AOR }), { ha1Md5: /./ })
    t.match(ask({ verb: 'status' }), { damaged: 1 })
  },
)

t.test('an account made anew after damage keeps what its owner decided', async t => {
  const { put, flip, push } = bob()
  put(0, { stored: stored(1, false), published: [] })
  flip(accountKey(BOB_AOR))
  t.equal(push(), false)
})

t.test('no account takes more than its bound', async t => {
  const { put } = bob()
  const large = { ...stored(1), document: Buffer.alloc(8193) }
  t.throws(() => put(0, { stored: large, published: [] }), /more than 8192 bytes/)
  const many = Array.from({ length: 5 }, () => published(1, true, 1))
  t.throws(() => put(0, { published: many }), /more than 4 devices/)
})

t.test(
  'DM-MWI-02, RFC 3842: the summary counts what is new and what of it is urgent; receipts are no messages',
  async t => {
    const { ask, flip, table } = bob()
    const summary = () => ask({ verb: 'summary', aor: BOB_AOR })
    const none = { newCount: 0, oldCount: 0, urgentNew: 0, urgentOld: 0, bytes: 0 }
    t.same(summary(), none)
    ask(custodyOf(1, { isUrgent: true }))
    ask(custodyOf(2, { isUrgent: true }))
    ask(custodyOf(3))
    ask(custodyOf(4, { isUrgent: true, isReceipt: true }))
    const bytes = [1, 2, 3].reduce((sum, number) => sum + custodyOf(number).message.bytes.length, 0)
    t.same(summary(), { ...none, newCount: 3, urgentNew: 2, bytes })
    const [head] = table.range('m', 'n').filter(({ key }) => key.endsWith('j') && key.length === 6)
    flip(head!.key)
    t.same(summary(), { ...none, newCount: 3, urgentNew: 2, bytes }, 'counted again')
    ask({ verb: 'confirm', aor: BOB_AOR, seq: 1, at: STORED_AT, detail: '' })
    t.match(summary(), { newCount: 2, urgentNew: 1 })
    ask({ verb: 'delete', aor: BOB_AOR, seq: 2, at: STORED_AT, detail: '' })
    ask({ verb: 'delete', aor: BOB_AOR, seq: 4, at: STORED_AT, detail: '' })
    t.match(summary(), { newCount: 1, urgentNew: 0 })
    t.same(ask({ verb: 'summary', aor: 'sip:nobody@example.org' }), none)
  },
)
