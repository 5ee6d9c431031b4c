import type { WallTime } from '../base/time.ts'
import { openedStore } from '../testing/opened-store.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { ALICE_AOR, accountPut, BOB_AOR, STORED_AT } from '../testing/store-fixtures.ts'
import type {
  HistoryFilter,
  HistoryItem,
  HistoryLimits,
  HistoryOwner,
  HistoryPage,
  HistoryPiece,
  NewHistory,
} from './history.ts'
import { decodeHistoryHead } from './history-records.ts'
import { bodyKey, readU48 } from './keys.ts'
import { isRead } from './story.ts'
import type { RequestOf, StoreRequest, Verb, Verbs } from './verbs.ts'

export const HISTORY_LIMITS: HistoryLimits = {
  quotaBytes: 1e9,
  dayBytes: 1e9,
  reserveBytes: 0,
  isActiveByDefault: true,
}

export const BOTH: readonly HistoryOwner[] = [
  { aor: BOB_AOR, role: 'receiver', peer: ALICE_AOR },
  { aor: ALICE_AOR, role: 'sender', peer: BOB_AOR },
]
export const BOB_ALONE = BOTH.slice(0, 1)

export const historyItem = (number: number, item: Partial<HistoryItem> = {}): HistoryItem => ({
  kind: 'message',
  receivedAt: (STORED_AT + number) as WallTime,
  from: ALICE_AOR,
  to: BOB_AOR,
  subject: `Subject ${number}`,
  callId: `call-${number}@192.0.2.9`,
  isAnonymous: false,
  ...item,
})

export const historyPiece = (text: string | Buffer, piece: Partial<HistoryPiece> = {}): HistoryPiece => ({
  at: STORED_AT,
  from: 'caller',
  bytes: Buffer.from(text as string),
  isEnd: true,
  ...piece,
})

/** Message `number` from alice to bob, unlike every other number. */
export const historyOf = (
  number: number,
  {
    owners = BOTH,
    limits = {},
    item = {},
    bytes,
  }: {
    owners?: readonly HistoryOwner[]
    limits?: Partial<HistoryLimits>
    item?: Partial<HistoryItem>
    bytes?: Buffer
  } = {},
): NewHistory => ({
  item: historyItem(number, item),
  owners,
  piece: historyPiece(bytes ?? `MESSAGE ${BOB_AOR} SIP/2.0\r\nSubject: Subject ${number}\r\n\r\nsaid ${number}`),
  limits: { ...HISTORY_LIMITS, ...limits },
})

/** Keys of bodies of messages that do not wait. */
export function bodiesLeft(table: Pick<SortedKeyValue, 'range'>): string[] {
  const waiting = new Set(table.range('m', 'n').flatMap(({ key }) => (key[5] === 'i' ? bodyKey(readU48(key, 6)) : [])))
  return table.range('s', 't').flatMap(({ key }) => (key.endsWith('b') && !waiting.has(key) ? key : []))
}

/** A head that counts what was new today may stay without any. */
export const hasItems = (key: string, value: Buffer): boolean =>
  key[5] === 'k' && decodeHistoryHead(key, value)?.items !== 0

/** A store with alice and bob, and what is asked of it. */
export function historyStore(freeBytes: () => number = () => Number.MAX_SAFE_INTEGER) {
  const table = new SortedKeyValue()
  let store = openedStore(table, freeBytes)
  const notices: unknown[] = []
  const ask = <V extends Verb>(request: RequestOf<V>): Verbs[V]['reply'] => {
    const seen = isRead(request.verb) ? store.read(table, request as StoreRequest) : undefined
    if (seen) return seen.value as Verbs[V]['reply']
    const batch = store.write(table, [request as StoreRequest])
    batch.settle()
    notices.push(...batch.notices)
    const result = batch.results[0]!
    if (!('value' in result)) throw new Error(result.detail)
    return result.value as Verbs[V]['reply']
  }
  for (const aor of [ALICE_AOR, BOB_AOR]) ask(accountPut(aor))
  const keep = (number: number, how: Parameters<typeof historyOf>[1] = {}) =>
    ask({ verb: 'history.keep', ...historyOf(number, how) })
  const list = (
    filter: HistoryFilter = {},
    {
      aor = BOB_AOR,
      order = 'oldest',
      limit = 1000,
      after,
    }: { aor?: string; order?: 'oldest' | 'newest'; limit?: number; after?: string } = {},
  ): HistoryPage => ask({ verb: 'history.list', aor, filter, order, limit, ...(after !== undefined && { after }) })
  return {
    table,
    ask,
    keep,
    list,
    notices,
    restart: () => {
      store = openedStore(table, freeBytes)
    },
    /** Numbers of the messages listed. */
    numbers: (filter: HistoryFilter = {}, how: Parameters<typeof list>[1] = {}): number[] =>
      list(filter, how).entries.map(({ callId }) => Number(/\d+/.exec(callId))),
    bytesOf: (reference: string, aor = BOB_AOR): Buffer => {
      const read: Buffer[] = []
      for (let from = 0; ; ) {
        const page = ask({ verb: 'history.pieces', aor, reference, from, bytes: 10_000 })
        read.push(...(page?.pieces ?? []).map(({ bytes }) => bytes))
        if (!page || page.isLast) return Buffer.concat(read)
        from = page.next
      }
    },
    /** Keys that histories have on the disk, once what nobody has is swept. */
    left: (): string[] => {
      while (ask({ verb: 'history.sweep', limit: 50 }) > 0);
      const own = ['h', 'i', 'j', 'r', 'v'].flatMap(first => table.range(first, `${first}\xff`))
      const listed = table.range('m', 'n').filter(({ key, value }) => 'fl'.includes(key[5]!) || hasItems(key, value))
      return [...[...own, ...listed].map(({ key }) => key), ...bodiesLeft(table)]
    },
  }
}
