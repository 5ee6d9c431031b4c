import { HISTORY_LIST_TYPE, historyEntry } from '../../content/history-list.ts'
import { CONV_HISTORY } from '../../content/xcap-names.ts'
import type { HistoryCursor, HistoryEntry, HistoryParticipant } from '../../store/history.ts'
import { ask, type XcapRequest, type XcapStore } from './usage.ts'
import type { AskedVersion, Listing, ListSource } from './user-list.ts'

/** Items read at once. */
const PAGE = 128
/** Items that go in one transaction, some milliseconds long; and at one request, some seconds. */
const ERASED_AT_ONCE = 256
const ERASED_PER_REQUEST = 16_384

interface Row {
  readonly entry: HistoryEntry
  readonly participants?: readonly HistoryParticipant[]
}

interface SeenHistory extends Listing {
  readonly items: number
}

/** OMA IM XDM 1.0: what was said by and to a user, the oldest first. */
export class ConvHistory implements ListSource<Row, SeenHistory> {
  readonly name = CONV_HISTORY
  readonly type = HISTORY_LIST_TYPE
  readonly #store: XcapStore
  readonly #retentionS: number

  constructor(store: XcapStore, retentionS: number) {
    this.#store = store
    this.#retentionS = retentionS
  }

  async see({ aor }: Pick<XcapRequest, 'aor'>): Promise<SeenHistory | undefined> {
    const summary = await ask(this.#store, 'history.summary', { aor })
    return summary && { aor, etag: summary.version, items: summary.items }
  }

  /** Of what comes meanwhile, at the end, no more is shown than went. */
  async *pages({ aor, items }: SeenHistory, isWhole: boolean): AsyncGenerator<readonly Row[]> {
    let after: HistoryCursor | undefined
    for (let left = items; left > 0; ) {
      const place = after === undefined ? {} : { after }
      const limit = Math.min(PAGE, left)
      const page = await ask(this.#store, 'history.list', { aor, filter: {}, order: 'oldest', ...place, limit })
      left -= page.entries.length
      if (isWhole) yield* this.#whole(aor, page.entries)
      else yield page.entries.map(entry => ({ entry }))
      if (page.next === undefined) return
      after = page.next
    }
  }

  /** Who took part in a session stands with the session alone; as they may be many, one such at a time. */
  async *#whole(aor: string, entries: readonly HistoryEntry[]): AsyncGenerator<readonly Row[]> {
    let rows: Row[] = []
    for (const entry of entries) {
      const { reference } = entry
      const item = entry.kind === 'session' ? await ask(this.#store, 'history.get', { aor, reference }) : undefined
      rows.push(item ?? { entry })
      if (!item) continue
      yield rows
      rows = []
    }
    yield rows
  }

  byReference({ aor }: SeenHistory, reference: string): Promise<Row | undefined> {
    return ask(this.#store, 'history.get', { aor, reference })
  }

  referenceOf({ entry }: Row): string {
    return entry.reference
  }

  entryOf({ entry, participants }: Row): string {
    return historyEntry(entry, this.#retentionS, participants)
  }

  async delete(
    { aor }: SeenHistory,
    reference: string,
    asked: AskedVersion,
  ): Promise<'deleted' | 'absent' | 'changed'> {
    const reply = await ask(this.#store, 'history.remove', { aor, reference, ...asked })
    return reply === 'removed' ? 'deleted' : reply
  }

  /** The oldest first, and as many as there were, so that what comes meanwhile stays. */
  async deleteAll({ aor, items }: SeenHistory, asked: AskedVersion): Promise<'all' | 'more' | 'changed'> {
    const most = Math.min(items, ERASED_PER_REQUEST)
    for (let removed = 0; removed < most; ) {
      const limit = Math.min(ERASED_AT_ONCE, most - removed)
      const reply = await ask(this.#store, 'history.erase', { aor, limit, ...(removed === 0 && asked) })
      if (reply.isChanged) return 'changed'
      if (reply.isDone) return 'all'
      removed += reply.removed
      if (reply.removed === 0) return 'more'
    }
    return most === items ? 'all' : 'more'
  }
}
