import type { Now } from '../../base/time.ts'
import { isListed, LIST_END, listEntry } from '../../content/deferred-list.ts'
import type { Verbs } from '../../store/verbs.ts'
import { ask, type XcapStore } from './usage.ts'

/** Messages read at once: with heads of 4 KiB at most some 500 KB. */
const PAGE = 128

export type Row = Verbs['mailbox']['reply'][number]

/** Up to when which mailbox is shown. */
export interface Listing {
  readonly aor: string
  readonly now: Now
  readonly newestSeq: number
}

/** What comes later than the newest is of the next version. */
export async function* listPages(
  store: XcapStore,
  { aor, now, newestSeq }: Listing,
  withHead: boolean,
): AsyncGenerator<Row[]> {
  for (let afterSeq = 0; afterSeq < newestSeq; ) {
    const page = await ask(store, 'mailbox', { aor, afterSeq, limit: PAGE, withHead })
    const last = page.at(-1)
    if (!last) return
    yield page.filter(row => row.seq <= newestSeq && isListed(row, now))
    afterSeq = last.seq
  }
}

/** The document, page by page, behind that beginning. */
export async function* listText(store: XcapStore, listing: Listing, start: string): AsyncGenerator<string> {
  yield start
  for await (const rows of listPages(store, listing, true)) yield rows.map(entryOf).join('')
  yield LIST_END
}

export const entryOf = (row: Row): string => listEntry({ ...row, head: row.head ?? Buffer.alloc(0) })
