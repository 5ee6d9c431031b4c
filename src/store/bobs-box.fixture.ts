import * as large from '../testing/large-requests.ts'
import { openedStore } from '../testing/opened-store.ts'
import { SortedKeyValue } from '../testing/sorted-key-value.ts'
import { accountPut, BOB_AOR, custodyOf, pageOf } from '../testing/store-fixtures.ts'
import type { Result } from './keyed.ts'
import type { StoredMessage, StoreRequest, Verbs } from './verbs.ts'

/** Bob's mailbox in a store over a table in memory. */
export function bobsBox(free = Number.MAX_SAFE_INTEGER) {
  const table = new SortedKeyValue()
  const room = { freeBytes: free }
  const open = () => openedStore(table, () => room.freeBytes)
  let store = open()
  const write = (requests: StoreRequest[]): readonly Result[] => {
    const batch = store.write(table, requests)
    batch.settle()
    return batch.results
  }
  const ask = (request: StoreRequest): Result => write([request])[0]!
  const value = (request: StoreRequest): unknown => {
    const result = ask(request)
    if (!('value' in result)) throw new Error(result.detail)
    return result.value
  }
  const begin = (number: number, expectedBytes = 0): number =>
    (value(large.begin(number, {}, {}, expectedBytes)) as { upload: number }).upload
  ask(accountPut(BOB_AOR))
  return {
    ask,
    value,
    write,
    begin,
    restart: () => {
      store = open()
    },
    store: (number: number, body: Buffer): number => {
      const upload = begin(number)
      value(large.append(upload, 0, body))
      return (value(large.finish(upload, body.length)) as { seq: number }).seq
    },
    small: (number: number): number => (value(custodyOf(number)) as { seq: number }).seq,
    body: (seq: number, size: number): Buffer => value(large.piece(seq, 0, size)) as Buffer,
    page: () => value(pageOf(BOB_AOR)) as StoredMessage[],
    status: () => value({ verb: 'status' }) as Verbs['status']['reply'],
    sweep: () => value({ verb: 'sweep', limit: 1000 }),
    /** Keys of blocks, of the sweep list and of uploads. */
    left: () => ['c', 'g', 'u'].flatMap(table_ => table.range(table_, `${table_}\xff`).map(({ key }) => key)),
    damage: (key: string): void => {
      const bytes = Buffer.from(table.get(key)!)
      bytes[bytes.length - 1]! ^= 4
      table.put(key, bytes)
    },
    get size() {
      return table.size
    },
    set freeBytes(bytes: number) {
      room.freeBytes = bytes
    },
  }
}
