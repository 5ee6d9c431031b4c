import type { HistoryEntry, HistoryKind } from '../store/history.ts'
import type { JobView } from './jobs.ts'

/** As it was given; each is text. */
export interface HistoryQuery {
  readonly peer?: string
  readonly since?: string
  readonly until?: string
  readonly subject?: string
  readonly kind?: string
}

/** What is listed of an item, in text that is readable. */
export interface HistoryRow {
  readonly reference: string
  readonly kind: HistoryKind
  readonly role: HistoryEntry['role']
  readonly peer: string
  readonly from: string
  readonly to: string
  readonly subject: string | null
  /** Given by who asked for the recording. */
  readonly recordingName: string | null
  readonly received: number
  readonly ended: number | null
  readonly state: HistoryEntry['state']
  readonly bytes: number
  readonly requests: number
  readonly callId: string
}

/** Something that was said. `text` is absent where it is no text, or is longer than is shown. */
export interface SaidView {
  readonly from: string
  readonly at: number
  readonly contentType: string
  readonly bytes: number
  readonly text?: string
}

export interface HistoryItemView extends HistoryRow {
  readonly participants: readonly {
    readonly uri: string
    readonly displayName: string | null
    readonly joined: number
    readonly left: number | null
  }[]
  /** SIP heads, by what they are of. */
  readonly heads: readonly (readonly [name: 'request' | 'invite' | 'answer' | 'bye', text: string])[]
  /** From the beginning on, as much as is shown. */
  readonly said: readonly SaidView[]
  /** There is more than `said` has. */
  readonly isCut: boolean
}

export interface HistoryOwnerRow {
  readonly aor: string
  readonly items: number
  readonly bytes: number
}

export interface PeerRow {
  readonly peer: string
  readonly items: number
  readonly latest: number
}

/** A person has to put something right: words for them. */
export interface Unfit {
  readonly why: string
}

/** Histories of the users. What the store refuses is thrown as a Problem of 503. */
export interface HistoryService {
  owners(asked: { readonly after?: string; readonly limit: number }): Promise<{
    readonly owners: readonly HistoryOwnerRow[]
    readonly next?: string
  }>
  /** Undefined: there is no such account. */
  summary(
    aor: string,
  ): Promise<{ readonly items: number; readonly bytes: number; readonly oldest?: number } | undefined>
  list(
    aor: string,
    asked: { readonly query: HistoryQuery; readonly after?: string; readonly limit: number },
  ): Promise<{ readonly items: readonly HistoryRow[]; readonly next?: string } | Unfit>
  /** With whom was spoken in the newest items, as many as are looked at. */
  peers(aor: string): Promise<readonly PeerRow[]>
  item(aor: string, reference: string): Promise<HistoryItemView | undefined>
  remove(aor: string, reference: string): Promise<'removed' | 'absent'>
  /** Undefined: too much is under way. */
  export(aor: string, query: HistoryQuery): JobView | Unfit | undefined
  /** `before`: only what was received before that time. */
  erase(aor: string, before: string | undefined): JobView | Unfit | undefined
}
