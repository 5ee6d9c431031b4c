import { shownHeads } from '../content/history-privacy.ts'
import type { HistoryItemView, HistoryQuery, HistoryRow, HistoryService, PeerRow, Unfit } from '../services/history.ts'
import type { JobView } from '../services/jobs.ts'
import type { HistoryEntry } from '../store/history.ts'
import type { ApiLink } from './admin-api.ts'
import { filterOf, timeOf } from './history-query.ts'
import { shownText } from './history-view.ts'
import { eraseOrder, exportOrder } from './history-work.ts'
import type { Jobs } from './jobs.ts'
import { PlainError } from './plain-error.ts'
import { saidIn } from './said.ts'

/** Items among which the people are gathered with whom somebody spoke. */
const LATEST = 500

interface ShelfOptions {
  readonly link: ApiLink
  readonly jobs: Jobs
  readonly domain: string
}

/** Histories as those who look after the box see them. */
export class HistoryShelf implements HistoryService {
  readonly #options: ShelfOptions

  constructor(options: ShelfOptions) {
    this.#options = options
  }

  async owners({ after, limit }: Parameters<HistoryService['owners']>[0]): ReturnType<HistoryService['owners']> {
    const place = after === undefined ? {} : { after }
    const found = await this.#options.link.ask('history.owners', { ...place, limit: limit + 1 })
    const owners = found.slice(0, limit)
    return { owners, ...(found.length > limit && { next: owners.at(-1)!.aor }) }
  }

  async summary(aor: string): ReturnType<HistoryService['summary']> {
    const found = await this.#options.link.ask('history.summary', { aor })
    if (!found) return undefined
    const { items, bytes, oldestAt } = found
    return { items, bytes, ...(oldestAt !== undefined && { oldest: oldestAt }) }
  }

  async list(
    aor: string,
    { query, after, limit }: Parameters<HistoryService['list']>[1],
  ): ReturnType<HistoryService['list']> {
    const { link, domain } = this.#options
    const filter = orUnfit(() => filterOf(query, domain))
    if ('why' in filter) return filter
    const place = after === undefined ? {} : { after }
    const { entries, next } = await link.ask('history.list', { aor, filter, order: 'newest', ...place, limit })
    return { items: entries.map(rowOf), ...(next !== undefined && { next }) }
  }

  async peers(aor: string): Promise<readonly PeerRow[]> {
    const { entries } = await this.#options.link.ask('history.list', {
      aor,
      filter: {},
      order: 'newest',
      limit: LATEST,
    })
    const byPeer = new Map<string, PeerRow>()
    for (const { peer, receivedAt } of entries) {
      const known = byPeer.get(peer)
      byPeer.set(peer, { peer: shownText(peer), items: (known?.items ?? 0) + 1, latest: known?.latest ?? receivedAt })
    }
    return [...byPeer.values()]
  }

  async item(aor: string, reference: string): Promise<HistoryItemView | undefined> {
    const { link } = this.#options
    const found = await link.ask('history.get', { aor, reference })
    if (!found) return undefined
    const { entry, participants } = found
    const { request, said, isCut } = await saidIn(link, aor, found)
    const { invite, answer, bye } = shownHeads(found.heads, entry.isAnonymous)
    const heads = { request, invite: textOf(invite), answer: textOf(answer), bye: textOf(bye) }
    return {
      ...rowOf(entry),
      participants: participants.map(({ uri, displayName, joinedAt, leftAt }) => ({
        uri: shownText(uri),
        displayName: displayName === undefined ? null : shownText(displayName),
        joined: joinedAt,
        left: leftAt ?? null,
      })),
      heads: (Object.entries(heads) as [keyof typeof heads, string | undefined][]).flatMap(([name, text]) =>
        text === undefined ? [] : [[name, text] as const],
      ),
      said,
      isCut,
    }
  }

  async remove(aor: string, reference: string): Promise<'removed' | 'absent'> {
    const reply = await this.#options.link.ask('history.remove', { aor, reference })
    return reply === 'removed' ? reply : 'absent'
  }

  export(aor: string, query: HistoryQuery): JobView | Unfit | undefined {
    const { link, jobs, domain } = this.#options
    const filter = orUnfit(() => filterOf(query, domain))
    return 'why' in filter ? filter : jobs.start(exportOrder(link, aor, filter))
  }

  erase(aor: string, before: string | undefined): JobView | Unfit | undefined {
    const { link, jobs } = this.#options
    const bound = orUnfit(() => ({ before: before === undefined ? undefined : timeOf('before', before) }))
    return 'why' in bound ? bound : jobs.start(eraseOrder(link, aor, bound.before))
  }
}

const textOf = (head: Buffer | undefined): string | undefined => head && shownText(head.toString('latin1'))

function orUnfit<T extends object>(run: () => T): T | Unfit {
  try {
    return run()
  } catch (error) {
    if (error instanceof PlainError) return { why: error.message }
    throw error
  }
}

const rowOf = (entry: HistoryEntry): HistoryRow => ({
  reference: entry.reference,
  kind: entry.kind,
  role: entry.role,
  peer: shownText(entry.peer),
  from: shownText(entry.from),
  to: shownText(entry.to),
  subject: entry.subject === undefined ? null : shownText(entry.subject),
  recordingName: entry.recordingName === undefined ? null : shownText(entry.recordingName),
  received: entry.receivedAt,
  ended: entry.endedAt ?? null,
  state: entry.state,
  bytes: entry.size,
  requests: entry.count,
  callId: shownText(entry.callId),
})
