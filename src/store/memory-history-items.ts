import type { WallTime } from '../base/time.ts'
import type {
  HistoryEntry,
  HistoryHeads,
  HistoryItem,
  HistoryOwner,
  HistoryParticipant,
  HistoryPiece,
  HistoryState,
} from './history.ts'
import {
  bytesOfPieces,
  endsIn,
  type HistoryDay,
  type HistoryPlace,
  headsSize,
  isBefore,
  referenceOf,
} from './history-story.ts'

/** What the reference model knows of histories, in plain objects. */

/** One history. Of an account that was removed it stays until it is swept. */
export interface Owner {
  readonly aor: string
  /** In the order in which the accounts were made. */
  readonly number: number
  change: number
  day: HistoryDay
  isGone: boolean
}

export interface Content extends HistoryPlace {
  readonly item: Omit<HistoryItem, 'receivedAt'>
  readonly holders: Map<Owner, HistoryOwner>
  readonly pieces: HistoryPiece[]
  heads: HistoryHeads
  participants: readonly HistoryParticipant[]
  state: HistoryState
  endedAt?: WallTime
  readonly isFromStranger: boolean
  /** Records beside the first: of pieces, and of heads. */
  records: number
  hasHeads: boolean
}

export function entryOf(content: Content, owner: Owner, hostname: string): HistoryEntry {
  const { item, at, state, endedAt, pieces, records } = content
  const { role, peer } = content.holders.get(owner)!
  return {
    ...item,
    receivedAt: at,
    reference: referenceOf(content, hostname),
    role,
    peer,
    size: sizeOf(content),
    count: records === 0 && pieces.length > 0 ? 1 : endsIn(pieces),
    state,
    ...(endedAt !== undefined && { endedAt }),
  }
}

export const sizeOf = ({ pieces, heads }: Content): number => bytesOfPieces(pieces) + headsSize(heads)

export const copied = ({ invite, answer, bye }: HistoryHeads): HistoryHeads => ({
  ...(invite && { invite: Buffer.from(invite) }),
  ...(answer && { answer: Buffer.from(answer) }),
  ...(bye && { bye: Buffer.from(bye) }),
})

export const inOrderOfTime = (contents: Content[]): Content[] => contents.sort((a, b) => (isBefore(a, b) ? -1 : 1))
