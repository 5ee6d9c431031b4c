import type { Now } from '../../base/time.ts'
import { DEFERRED_LIST_TYPE, isListed, listEntry } from '../../content/deferred-list.ts'
import { DEFERRED_LIST } from '../../content/xcap-names.ts'
import { seqOfStoreId } from '../../store/story.ts'
import type { Verbs } from '../../store/verbs.ts'
import { ask, type XcapRequest, type XcapStore } from './usage.ts'
import type { AskedVersion, Listing, ListSource } from './user-list.ts'

const DETAIL = 'deleted from the list by its owner'

/** Messages read at once: with heads of 4 KiB at most some 500 KB. */
const PAGE = 128

type Row = Verbs['mailbox']['reply'][number]

interface SeenMailbox extends Listing {
  readonly now: Now
  readonly newestSeq: number
}

/** DM-STO-14: what waits for a user. What comes later than the newest that a request saw is of the next version. */
export class DeferredList implements ListSource<Row, SeenMailbox> {
  readonly name = DEFERRED_LIST
  readonly type = DEFERRED_LIST_TYPE
  readonly #store: XcapStore

  constructor(store: XcapStore) {
    this.#store = store
  }

  async see({ aor, now }: Pick<XcapRequest, 'aor' | 'now'>): Promise<SeenMailbox | undefined> {
    const version = await ask(this.#store, 'mailbox.version', { aor })
    return version && { aor, now, etag: version.version, newestSeq: version.newestSeq }
  }

  async *pages({ aor, now, newestSeq }: SeenMailbox, isWhole: boolean): AsyncGenerator<readonly Row[]> {
    for (let afterSeq = 0; afterSeq < newestSeq; ) {
      const page = await ask(this.#store, 'mailbox', { aor, afterSeq, limit: PAGE, withHead: isWhole })
      const last = page.at(-1)
      if (!last) return
      yield page.filter(row => row.seq <= newestSeq && isListed(row, now))
      afterSeq = last.seq
    }
  }

  async byReference({ aor, now, newestSeq }: SeenMailbox, reference: string): Promise<Row | undefined> {
    const seq = seqOfStoreId(reference)
    if (seq === undefined) return undefined
    const [row] = await ask(this.#store, 'mailbox', { aor, afterSeq: seq - 1, limit: 1, withHead: true })
    return row?.storeId === reference && seq <= newestSeq && isListed(row, now) ? row : undefined
  }

  referenceOf(row: Row): string {
    return row.storeId
  }

  entryOf(row: Row): string {
    return listEntry({ ...row, head: row.head ?? Buffer.alloc(0) })
  }

  async delete(seen: SeenMailbox, reference: string, asked: AskedVersion): Promise<'deleted' | 'absent' | 'changed'> {
    const seq = seqOfStoreId(reference)
    return seq === undefined ? 'absent' : this.#delete(seen, seq, asked)
  }

  /** The first one decides; what it leaves is another version. */
  async deleteAll(seen: SeenMailbox, asked: AskedVersion): Promise<'all' | 'changed'> {
    let isDecided = asked.ifVersion === undefined
    for await (const [first, ...rows] of this.pages(seen, false)) {
      if (!first) continue
      const reply = await this.#delete(seen, first.seq, isDecided ? {} : asked)
      if (reply === 'changed') return 'changed'
      isDecided = true
      await Promise.all(rows.map(({ seq }) => this.#delete(seen, seq, {})))
    }
    return 'all'
  }

  #delete({ aor, now }: SeenMailbox, seq: number, asked: AskedVersion): Promise<'deleted' | 'absent' | 'changed'> {
    return ask(this.#store, 'delete', { aor, seq, at: now.wall, detail: DETAIL, ...asked })
  }
}
