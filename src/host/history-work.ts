import type { WallTime } from '../base/time.ts'
import type { HistoryFilter } from '../store/history.ts'
import type { Verbs } from '../store/verbs.ts'
import { type HistoryLink, historyFile } from './history-file.ts'
import type { JobOrder } from './jobs.ts'

/** The long work on one user's history, whoever has it done: a job of the API, or the command line. */

/** Items that go in one transaction, some milliseconds long. */
const ERASED_AT_ONCE = 256

/** Where work writes, and tells how far it is. */
export interface Desk {
  readonly signal: AbortSignal
  progress(done: number, total?: number): void
  write(bytes: Buffer): Promise<void>
}

export interface ErasingLink {
  ask<V extends 'history.summary' | 'history.erase'>(verb: V, request: Verbs[V]['request']): Promise<Verbs[V]['reply']>
}

export const exportOrder = (link: HistoryLink, aor: string, filter: HistoryFilter): JobOrder => ({
  kind: 'history export',
  subject: aor,
  result: { fileName: 'history.mbox', contentType: 'application/mbox' },
  run: desk => exportHistory(link, aor, filter, desk),
})

export const eraseOrder = (link: ErasingLink, aor: string, before: WallTime | undefined): JobOrder => ({
  kind: 'history erase',
  subject: aor,
  run: desk => eraseHistory(link, aor, before, desk),
})

/** Writes the items that the filter lets through as a file of mails. How many there are is not known beforehand where it lets through but some. */
export async function exportHistory(
  link: HistoryLink,
  aor: string,
  filter: HistoryFilter,
  desk: Desk,
): Promise<number> {
  const summary = await link.ask('history.summary', { aor })
  const total = Object.keys(filter).length === 0 ? (summary?.items ?? 0) : undefined
  let done = 0
  desk.progress(done, total)
  const written = (): void => desk.progress(++done, total === undefined ? undefined : Math.max(total, done))
  for await (const bytes of historyFile(link, aor, filter, written)) {
    desk.signal.throwIfAborted()
    await desk.write(bytes)
  }
  return done
}

/** Removes what there is when it begins, or of that what came before `before`; what comes meanwhile stays. How many. */
export async function eraseHistory(
  link: ErasingLink,
  aor: string,
  before: WallTime | undefined,
  desk: Pick<Desk, 'signal' | 'progress'>,
): Promise<number> {
  const items = (await link.ask('history.summary', { aor }))?.items ?? 0
  const total = before === undefined ? items : undefined
  const bound = before === undefined ? {} : { before }
  let done = 0
  desk.progress(done, total)
  while (done < items) {
    desk.signal.throwIfAborted()
    const limit = Math.min(ERASED_AT_ONCE, items - done)
    const { removed, isDone } = await link.ask('history.erase', { aor, ...bound, limit })
    done += removed
    desk.progress(done, total)
    if (isDone || removed === 0) break
  }
  return done
}
